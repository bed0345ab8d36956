"""The main talk beyond the transcripts: rights, slips, second thoughts. Wang is a resident, Zhou an official."""

import random
import re
from datetime import timedelta

import pytest

from bot.dialogue.event import FileKind
from bot.dialogue.talk import Talk
from bot.office.cases.number import new_number
from bot.office.people.model import Role
from tests.handlers.talks import LAMP, registered
from tests.rig import Town


async def test_nothing_is_registered_without_review(town: Town) -> None:
    official = await town.official()
    resident = town.resident()
    await resident.opens()
    await resident.says("好")
    await resident.says(LAMP)
    assert "我这样登记" in resident.last.text
    assert len(official.heard) == 1  # the welcome alone
    await resident.presses("登记")
    assert LAMP in official.last.text


async def test_a_double_tap_registers_once(town: Town) -> None:
    resident, number = await registered(town)
    review = next(heard for heard in resident.heard if "登记" in heard.labels)
    await resident.presses("登记", on=review)
    await resident.says("我的事")
    assert len(re.findall(r"[0-9A-Z]{4}-[0-9A-Z]{4}", resident.last.text)) == 1
    assert number in resident.last.text


async def test_an_old_button_gets_the_current_screen_never_an_error(town: Town) -> None:
    resident, _number = await registered(town)
    await resident.forges("form.submit~1")
    assert "这个按钮过时了" in resident.last.text
    await resident.forges("no.such:thing")
    assert "这个按钮过时了" in resident.last.text


async def test_consent_holds_the_message_and_refusal_deletes_it(town: Town) -> None:
    resident = town.resident()
    await resident.says(LAMP)
    assert "这句话先给您留着" in resident.last.text
    await resident.presses("不同意，只看政策")
    await resident.presses("好，开始", on=resident.heard[0])
    assert "登记" not in resident.last.labels  # what was held is gone


async def test_a_held_message_is_deleted_after_a_day(town: Town) -> None:
    resident = town.resident()
    await resident.says(LAMP)
    await town.becomes(town.clock.now() + timedelta(hours=25))
    assert "已经删了" in resident.last.text


async def test_a_voice_note_alone_makes_a_case(town: Town) -> None:
    official = await town.official()
    resident = town.resident()
    await resident.opens()
    await resident.says("好")
    await resident.sends(FileKind.VOICE, b"OggS" + bytes(100), seconds=60)
    await resident.presses("登记")
    assert resident.number() in official.last.text


async def test_what_was_added_at_the_review_is_in_the_case(town: Town) -> None:
    official = await town.official()
    resident = town.resident()
    await resident.opens()
    await resident.says("好")
    await resident.says(LAMP)
    await resident.presses("打字补一句")
    await resident.says("晚上看不见")
    await resident.presses("登记")
    assert "晚上看不见" in official.last.text


async def test_the_date_is_five_working_days_after_the_confirming_press(town: Town) -> None:
    resident, _number = await registered(town)
    receipt = next(heard for heard in resident.heard if "登记好了" in heard.text)
    assert "9 月 21 日（周一）17:30" in receipt.text


async def test_a_reply_to_a_card_sends_nothing_until_chosen(town: Town) -> None:
    official = await town.official()
    resident, number = await registered(town)
    card = official.last
    before = len(resident.heard)
    await official.says("今天下午去换", reply_to=card)
    assert "还没发" in official.last.text
    assert "今天下午去换" in official.last.text
    assert len(resident.heard) == before
    await official.presses("先回个话")
    assert any("今天下午去换" in heard.text for heard in resident.heard[before:])
    assert number in card.text


async def test_a_phone_number_in_a_reply_is_offered_as_a_note_only(town: Town) -> None:
    official = await town.official()
    resident, _number = await registered(town)
    before = len(resident.heard)
    await official.says("老李去看下 13800138000", reply_to=official.last)
    assert "没发" in official.last.text
    assert "作为答复" not in official.last.labels
    await official.presses("只作备注")
    assert len(resident.heard) == before


async def test_of_two_officials_at_once_one_wins_and_the_other_is_told(town: Town) -> None:
    zhou, bob = await town.official("zhou"), await town.official("bob")
    _resident, number = await registered(town)
    await zhou.says(f"/take {number}")
    await bob.says(f"/take {number}")
    assert "这件归您了" in zhou.last.text
    assert "已经有同事接了" in bob.last.text


async def test_somebody_elses_case_takes_a_note_only(town: Town) -> None:
    zhou, bob = await town.official("zhou"), await town.official("bob")
    _resident, number = await registered(town)
    await zhou.says(f"/take {number}")
    await bob.says(f"/answer {number} 修好了")
    assert "您可以留备注" in bob.last.text
    await bob.presses("只作备注")
    await zhou.says(f"/case {number}")
    assert "修好了" in zhou.last.text


@pytest.mark.parametrize("command", ["/queue", "/case {n}", "/take {n}", "/answer {n} x", "/note {n} x", "/close {n}"])
async def test_a_resident_has_no_official_commands(town: Town, command: str) -> None:
    resident, number = await registered(town)
    await resident.says(command.format(n=number))
    assert "这个我不认得" in resident.last.text


async def test_a_forged_press_of_an_official_button_does_nothing(town: Town) -> None:
    official = await town.official()
    resident, number = await registered(town)
    await resident.forges(f"case.take:{number}")
    await official.says(f"/case {number}")
    assert "新件" in official.last.text


async def test_an_answer_closes_and_asks_whether_it_was_solved(town: Town) -> None:
    official = await town.official()
    resident, number = await registered(town)
    await official.says(f"/answer {number} 换了新灯头")
    await official.says("发送")
    assert "解决了吗" in resident.last.text
    await resident.presses("解决了")
    assert "谢谢" in resident.last.text


async def test_close_needs_an_outcome_and_words(town: Town) -> None:
    official = await town.official()
    resident, number = await registered(town)
    await official.says(f"/close {number}")
    await official.presses("解释说明")
    assert "请打答复" in official.last.text
    await official.says("线路归供电局，已转告。")
    await official.presses("发送")
    assert "线路归供电局" in resident.last.text


async def test_ask_waits_for_the_resident_and_the_reply_goes_into_the_case(town: Town) -> None:
    official = await town.official()
    resident, number = await registered(town)
    await official.says(f"/ask {number} 是哪一层？")
    await official.presses("发送")
    await resident.says("三楼", reply_to=resident.last)
    assert "三楼" in official.last.text
    assert "补到“" in resident.last.text


async def test_with_a_case_open_the_bot_asks_and_never_guesses(town: Town) -> None:
    resident, _number = await registered(town)
    await resident.says("楼下的井盖也没了，幸福里5号楼")
    assert "另一件事" in resident.last.labels
    await resident.presses("另一件事")
    assert "我这样登记" in resident.last.text or "在哪" in resident.last.text


async def test_an_edited_message_is_kept_as_a_further_version(town: Town) -> None:
    official = await town.official()
    resident = town.resident()
    await resident.opens()
    await resident.says("好")
    message = await resident.says(LAMP)
    await resident.presses("登记")
    await resident.edits(message, "幸福里3号楼1单元的灯坏了")
    assert "1单元" in official.last.text
    assert "2单元" in official.last.text


async def test_family_looks_up_with_number_and_code_and_may_follow(town: Town) -> None:
    official = await town.official()
    mother, number = await registered(town)
    await mother.presses("给家人看进度")
    code = re.search(r"(\d{3} \d{3})", mother.last.text)
    assert code is not None
    daughter = town.resident("daughter")
    await daughter.says(f"查进度 {number.replace('-', '')} {code[1].replace(' ', '')}")
    assert "正在安排" in daughter.last.text
    await daughter.presses("一起收")
    await official.says(f"/take {number}")
    assert "在办了" in daughter.last.text


async def test_a_wrong_code_and_an_unknown_number_get_one_and_the_same_text(town: Town) -> None:
    mother, number = await registered(town)
    await mother.presses("给家人看进度")
    stranger = town.resident("stranger")
    await stranger.says(f"查进度 {number} 000000")
    wrong = stranger.last.text
    await stranger.says(f"查进度 {new_number(random.Random(1))} 000000")
    assert stranger.last.text == wrong


async def test_taking_back_ends_the_case_and_tells_the_office(town: Town) -> None:
    official = await town.official()
    resident, number = await registered(town)
    await resident.says(f"/withdraw {number}")
    await resident.presses("是，撤回")
    assert "居民撤回了" in official.last.text


async def test_a_person_on_request_at_any_point(town: Town) -> None:
    official = await town.official()
    resident = town.resident()
    await resident.opens()
    await resident.says("好")
    await resident.says("灯坏了")
    await resident.says("转人工")
    assert "真人会在这里回您" in resident.last.text
    assert "灯坏了" in official.last.text


async def test_a_date_is_told_of_the_working_day_before_on_the_day_and_after_it_once_each(town: Town) -> None:
    official = await town.official(role=Role.HANDLER)
    head = await town.official("head", role=Role.HEAD)
    _resident, first = await registered(town)
    _other, second = await registered(town, "幸福里5号楼水管漏水", "li")
    for number in (first, second):
        await official.says(f"/take {number}")
    official.news(), head.news()
    await town.becomes(town.clock.now() + timedelta(days=8))
    told = official.news()
    for words in ("下一个工作日到期 2", "今天到期 2"):
        assert sum(words in text for text in told) == 1
    assert all("超期 2" in text for text in told[-2:])  # and every morning from then on
    assert all("一共超期 2 件" in text for text in head.news())


async def test_danger_is_answered_first(town: Town) -> None:
    resident = town.resident()
    await resident.says("家里煤气味很重")
    assert "119" in resident.heard[0].text


async def test_danger_is_answered_though_the_rest_of_the_words_cannot_be_taken(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_given: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(Talk, "_understood", broken)
    resident = town.resident()
    await resident.says("着火了，快来人")
    first, then = resident.news()
    assert "119" in first
    assert "没办成" in then
    await resident.says("火越来越大，着火了")
    assert ["119" in words for words in resident.news()] == [True]  # sorry is said once an hour, this every time


async def test_thanks_open_neither_a_search_nor_a_case(town: Town) -> None:
    resident = town.resident()
    await resident.says("好嘞谢谢")
    assert resident.last.text == "不客气。"


async def test_menus_are_by_role_and_language(town: Town) -> None:
    await town.app.publish_menus()
    for_all = {menu.language: dict(menu.commands) for menu in town.channel.menus}
    assert set(for_all) == {None, "zh_CN", "en"}
    assert len(for_all["zh_CN"]) <= 7
    assert "queue" not in for_all["zh_CN"]
    town.channel.menus.clear()
    official = await town.official()
    own = {menu.language: dict(menu.commands) for menu in town.channel.menus if menu.chat == official.chat}
    assert {menu["queue"] for menu in own.values()} == {"待办"}  # as the bot speaks with them, whatever their device


async def test_a_page_that_opens_has_the_menu_of_whoever_sits_there(town: Town) -> None:
    """Also after a restart: it is asked for with each opening, and nothing of it is kept in memory."""
    official, resident = await town.official(), town.resident()
    await resident.opens()
    of = town.app.menus.of
    assert "待办" in dict(await of("silent", official.chat, "en")).values()
    assert dict(await of("silent", resident.chat, "en")) == dict(await of("silent", "nobody", "zh-CN"))
    assert dict(await of("silent", "nobody", "en"))["help"] == "Help"


async def test_a_language_is_chosen_at_once_in_words_and_menu(town: Town) -> None:
    resident = town.resident()
    await resident.opens()
    await resident.says("语言")
    assert set(resident.last.labels) == {"中文", "English"}
    await resident.presses("English")
    assert resident.last.text == "Good, English it is."
    own = {menu.language: dict(menu.commands) for menu in town.channel.menus if menu.chat == resident.chat}
    assert set(own) == {None, "zh_CN", "en"}
    assert {menu["cases"] for menu in own.values()} == {"My cases"}
    assert "queue" not in own["en"]
    await resident.says("language")
    await resident.presses("中文")
    await resident.says("我的事")
    assert "还没有登记过事" in resident.last.text
    await resident.forges("language:xx")
    assert set(resident.last.labels) == {"中文", "English"}
