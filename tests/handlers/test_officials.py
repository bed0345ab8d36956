"""An official's own chat: words, buttons and help by role, days and telephones in a reply, and photos there."""

import pytest

from bot.dialogue.event import FileKind, Said, Spot
from bot.dialogue.router import own_commands
from bot.office.people.model import Role
from tests.handlers.talks import LAMP, PHOTO, registered
from tests.rig import Someone, Town


async def at_work(town: Town) -> tuple[Someone, Someone, str]:
    """A clerk with a case, its resident, its number."""
    clerk = await town.official("zhou", Role.HANDLER, "xingfuli")
    resident, number = await registered(town)
    await clerk.says(f"/take {number}")
    return clerk, resident, number


# --- words, buttons, help ---


@pytest.mark.parametrize("role", list(Role))
async def test_help_says_what_this_role_may_do_and_no_more(town: Town, role: Role) -> None:
    someone = await town.official("x", role)
    await someone.says("帮助")
    own = own_commands(town.app.router, {role})
    everything = own_commands(town.app.router, set(Role))
    typed = {word for line in someone.last.text.splitlines() for word in line.split() if word.startswith("/")}
    assert typed == {f"/{name}" for name in own}
    assert len(someone.last.labels) == len(own)
    assert len(own) < len(everything)


@pytest.mark.parametrize("role", list(Role))
async def test_the_platforms_menu_is_by_role_too(town: Town, role: Role) -> None:
    town.channel.menus.clear()
    await town.official("x", role)
    shown = {name for menu in town.channel.menus if menu.chat == "x" for name, _about in menu.commands}
    assert shown == own_commands(town.app.router, {role}).keys() | {"help"}


async def test_every_command_of_officials_has_a_chinese_word(town: Town) -> None:
    for name in own_commands(town.app.router, set(Role)):
        words = town.house.command_words(name)
        assert any(not word.isascii() for word in words), name
        assert all(town.house.read_command(word, True) == name for word in words)


async def test_a_button_has_the_rights_of_its_command(town: Town) -> None:
    clerk = await town.official("zhou", Role.HANDLER)
    await clerk.says("帮助")
    await clerk.presses("统计")
    assert "现在" in clerk.last.text
    await clerk.forges("do:roles")
    assert "工作人员" not in clerk.last.text
    resident = town.resident()
    await resident.says("谢谢")
    await resident.forges("do:queue")
    assert "没有待办" not in resident.last.text


@pytest.mark.parametrize(
    ("word", "asked"),
    [("答复", "请打答复"), ("备注", "请打备注"), ("回话", "能告诉居民什么"), ("问居民", "要问居民什么"),
     ("转办", "转给哪里"), ("结案", "哪一种"), ("联系过", "怎么联系的"), ("看件", "办理中")],
)  # fmt: skip
async def test_a_word_alone_is_about_the_card_shown_last(town: Town, word: str, asked: str) -> None:
    clerk, _resident, number = await at_work(town)
    await registered(town, "幸福里5号楼水管漏水", "li")
    await clerk.says(f"/case {number}")
    await clerk.says(word)
    assert "灯坏了" in clerk.last.text
    assert asked in clerk.last.text


async def test_a_word_in_reply_to_a_card_is_about_that_card(town: Town) -> None:
    clerk, _resident, number = await at_work(town)
    card = clerk.last
    await registered(town, "幸福里5号楼水管漏水", "li")
    assert number not in clerk.last.text
    await clerk.says("答复", reply_to=card)
    assert number in clerk.last.text


async def test_where_no_card_was_shown_a_word_is_about_nothing(town: Town) -> None:
    clerk = await town.official("zhou", Role.HANDLER)
    await clerk.says("答复")
    assert "哪一件" in clerk.last.text


async def test_ones_own_matter_is_not_ones_work(town: Town) -> None:
    await town.official("li", Role.HANDLER, "housing")
    clerk = await town.official("zhou", Role.HANDLER, "xingfuli")
    await registered(town, LAMP, "zhou")
    await clerk.says("答复")
    assert "没有这个编号" in clerk.last.text


async def test_contacted_and_close_are_buttons_of_the_card(town: Town) -> None:
    clerk, resident, number = await at_work(town)
    resident.news()
    await clerk.presses("联系过")
    await clerk.says("打过电话，约了下午")
    assert "记作已联系" in clerk.last.text
    assert resident.news() == []
    await clerk.says(f"/case {number}")
    assert "打过电话" in clerk.last.text
    await clerk.presses("结案")
    await clerk.presses("解释说明")
    await clerk.says("线路归供电局")
    assert "结果：解释说明" in clerk.last.text


# --- the outcome stands in the preview ---


async def test_the_outcome_is_seen_before_it_is_sent_and_can_be_another(town: Town) -> None:
    clerk, resident, number = await at_work(town)
    await clerk.says(f"/close {number} 线路归供电局，已转告。")
    await clerk.presses("解释说明")
    assert "结果：解释说明" in clerk.last.text
    first = clerk.last
    await clerk.presses("换个结果")
    await clerk.presses("转外单位")
    assert "结果：转外单位" in clerk.last.text
    await clerk.presses("发送", on=first)
    assert "以前的" in clerk.last.text
    assert not any("供电局" in heard.text for heard in resident.heard)


async def test_the_word_send_sends_no_end_that_was_not_chosen(town: Town) -> None:
    clerk, resident, number = await at_work(town)
    await clerk.says(f"/close {number} 线路归供电局，已转告。")
    await clerk.says("发送")
    assert "解释说明" in clerk.last.labels
    assert not any("供电局" in heard.text for heard in resident.heard)


# --- days and telephones ---


async def test_days_that_move_are_offered_as_dates(town: Town) -> None:
    clerk, resident, number = await at_work(town)
    await clerk.says(f"/tell {number} 今天下午去填，明天能走车，下周一复查")
    assert "“今天”写成 9 月 15 日（周二）更清楚。“明天”写成 9 月 16 日（周三）更清楚。" in clerk.last.text
    assert "“下周一”写成 9 月 21 日（周一）" in clerk.last.text
    assert clerk.last.labels[0] == "换成日期"
    before = clerk.last
    await clerk.presses("换成日期")
    dated = "9 月 15 日（周二）下午去填，9 月 16 日（周三）能走车，9 月 21 日（周一）复查"
    assert dated in clerk.last.text
    assert "换成日期" not in clerk.last.labels
    await clerk.presses("发送", on=before)
    assert not any("去填" in heard.text for heard in resident.heard)
    await clerk.presses("发送")
    assert dated in resident.last.text


@pytest.mark.parametrize("words", ["以后天气好再修", "修好了", "9 月 16 日来", "周末前修好", "今后天天打扫"])
async def test_other_words_are_no_days(town: Town, words: str) -> None:
    clerk, _resident, number = await at_work(town)
    await clerk.says(f"/tell {number} {words}")
    assert "换成日期" not in clerk.last.labels


@pytest.mark.parametrize(
    ("words", "day"),
    [("后天来", "9 月 17 日（周四）"), ("大后天来", "9 月 18 日（周五）"), ("这周五来", "9 月 18 日（周五）"),
     ("下星期天来", "9 月 27 日（周日）"), ("明日来", "9 月 16 日（周三）"), ("Tomorrow", "9 月 16 日（周三）")],
)  # fmt: skip
async def test_which_day_is_meant(town: Town, words: str, day: str) -> None:
    clerk, _resident, number = await at_work(town)
    await clerk.says(f"/ask {number} {words}")
    assert f"写成 {day}" in clerk.last.text


@pytest.mark.parametrize(
    "phone",
    ["13800138000", "+8613800138000", "+86 138 0013 8000", "138-0013-8000", "１３８００１３８０００", "0571-88886666",
     "057188886666", "010 88886666"],
)  # fmt: skip
@pytest.mark.parametrize("way", ["/tell {n} {w}", "/answer {n} {w}", "/ask {n} {w}"])
async def test_a_telephone_goes_to_nobody_until_changed(town: Town, phone: str, way: str) -> None:
    clerk, resident, number = await at_work(town)
    resident.news()
    await clerk.says(way.format(n=number, w=f"老李去看下 {phone}"))
    assert clerk.last.labels == ["只作备注", "改了再发", "不发"]
    await clerk.says("发送")
    assert resident.news() == []
    await clerk.presses("改了再发")
    await clerk.says("下午去看")
    assert "下午去看" in clerk.last.text
    assert "发送" in clerk.last.labels


# --- what is not words ---


@pytest.mark.parametrize(
    ("begin", "then"),
    [("/answer {n}", "老周"), ("/tell {n}", "老周"), ("/note {n}", "记下了"), ("/transfer {n} housing", "已问住建办"),
     ("/name", "老周")],
)  # fmt: skip
async def test_a_photo_where_words_are_awaited_is_refused_and_they_stay_awaited(
    town: Town, begin: str, then: str
) -> None:
    clerk, resident, number = await at_work(town)
    resident.news()
    await clerk.says(begin.format(n=number))
    await clerk.sends(FileKind.PHOTO, PHOTO)
    assert "只能用文字" in clerk.last.text
    await clerk.does(_place())
    assert "只能用文字" in clerk.last.text
    assert "登记" not in "".join(clerk.last.labels)
    await clerk.says("老周")
    assert then in clerk.last.text
    assert resident.news() == []


def _place() -> Said:
    return Said(spot=Spot(31.2, 121.5))


# --- who was faster ---


async def test_the_winner_is_named(town: Town) -> None:
    clerk, _resident, number = await at_work(town)
    await clerk.says("称呼")
    await clerk.says("小周")
    bob = await town.official("bob", Role.HANDLER, "xingfuli")
    await bob.says(f"/take {number}")
    assert bob.last.text == "小周已经接了这件。"
    await clerk.says("/name " + "长" * 17)
    assert "最多 16" in clerk.last.text


async def test_a_call_is_on_record(town: Town) -> None:
    official = await town.official()
    _resident, number = await registered(town)
    await official.says(f"/contacted {number} 打过电话")
    await official.says(f"/case {number}")
    assert "打过电话" in official.last.text
