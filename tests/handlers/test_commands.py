"""Every command and every word that stands for one, as each channel hands it over; a longer sentence is content."""

import json
from collections.abc import Callable

import pytest

from bot.channels.telegram import decoding as telegram
from bot.channels.web import decoding as web
from bot.channels.web.wire import Say
from bot.dialogue.event import Said, What
from bot.office.people.model import Role
from tests.handlers.talks import LAMP, consented, registered
from tests.rig import TUESDAY, Town

COMMANDS = {  # what a resident with one open matter reads
    "menu": "有什么事",
    "suggest": "请说说是什么事",
    "complain": "请说说是什么事",
    "request": "请说说是什么事",
    "errand": "请说说是什么事",
    "policy": "想看哪方面的",
    "cases": "您的事",
    "check": "请发编号和查询码",
    "add": "补到哪件？",
    "withdraw": "哪一件",
    "human": "真人会在这里回您",
    "subscribe": "想收哪些通知",
    "unsubscribe": "什么通知都不发给您",
    "language": "用哪种语言",
    "mydata": "全在这个文件里",
    "forget": "我把您的信息删掉",
    "cancel": "您想取消什么",
    "help": "用自己的话说就行",
}
WORDS = {
    "菜单": "menu", "建议": "suggest", "投诉": "complain", "举报": "complain", "求助": "request", "报修": "request",
    "办事": "errand", "政策": "policy", "查进度": "check", "我的事": "cases", "补充": "add", "撤回": "withdraw",
    "转人工": "human", "人工": "human", "找人": "human", "退订": "unsubscribe", "TD": "unsubscribe",
    "停": "unsubscribe", "取消": "cancel", "算了": "cancel", "帮助": "help",
}  # fmt: skip
OFFICIAL_WORDS = {  # for whoever may do all of it, with one matter in hand
    "待办": "手上 1 件", "超期": "没有这样的件", "答复": "请打答复", "转办": "转给哪里", "备注": "请打备注",
    "统计": "没办完 1 件", "通知": "打通知", "发送": "没有等着发的",
}  # fmt: skip


def by_telegram(text: str) -> What:
    alice = {"id": 4242, "is_bot": False, "first_name": "Alice", "language_code": "zh-hans"}
    message = {"message_id": 7, "date": int(TUESDAY.timestamp()), "chat": {"id": 4242, "type": "private"},
               "from": alice, "text": text}  # fmt: skip
    raw = json.dumps({"update_id": 1, "message": message}).encode()
    return telegram.decode(telegram.wrap(raw, TUESDAY), "huiyin_bot").what


def by_web(text: str) -> What:
    return web.decode(web.wrap(Say(id="m1", text=text), chat="a", lang="zh-CN", at=TUESDAY)).what


def by_itself(text: str) -> What:
    return Said(text)


CHANNELS = {"telegram": by_telegram, "web": by_web, "itself": by_itself}
Reads = Callable[[str], What]


@pytest.mark.parametrize("reads", CHANNELS.values(), ids=CHANNELS.keys())
async def test_every_command_is_answered(town: Town, reads: Reads) -> None:
    resident, _number = await registered(town)
    for command, answer in COMMANDS.items():
        await resident.says("取消")
        resident.news()
        await resident.does(reads(f"/{command}"))
        assert any(answer in text for text in resident.news()), command


@pytest.mark.parametrize("reads", CHANNELS.values(), ids=CHANNELS.keys())
async def test_every_word_is_the_command_it_stands_for(town: Town, reads: Reads) -> None:
    resident, _number = await registered(town)
    for word, command in WORDS.items():
        await resident.says("取消")
        resident.news()
        await resident.does(reads(word))
        assert any(COMMANDS[command] in text for text in resident.news()), word


@pytest.mark.parametrize("reads", CHANNELS.values(), ids=CHANNELS.keys())
async def test_every_word_of_officials_is_answered(town: Town, reads: Reads) -> None:
    clerk = await town.official(role=Role.HEAD)
    await registered(town)
    for word, answer in OFFICIAL_WORDS.items():
        clerk.news()
        await clerk.does(reads(word))
        assert any(answer in text for text in clerk.news()), word
        await clerk.says("取消")


@pytest.mark.parametrize("reads", CHANNELS.values(), ids=CHANNELS.keys())
async def test_back_and_skip_lead_through_a_form_and_nowhere_else(town: Town, reads: Reads) -> None:
    resident = await consented(town)
    for word in ("上一步", "跳过"):
        await resident.does(reads(word))
        assert "没有说到一半的事" in resident.last.text
    await resident.says("我要投诉楼下油烟，幸福里3号楼")
    await resident.says("保密")
    await resident.does(reads("上一步"))
    assert "实名" in resident.last.labels
    await resident.does(reads("跳过"))
    assert "保密：" in resident.last.text  # what was chosen before stands
    await town.passes(days=1)
    assert not any("上一步" in heard.text or "跳过" in heard.text for heard in resident.heard)


@pytest.mark.parametrize(
    "sentence",
    ["我要投诉楼下油烟", "建议多放几张长椅", "取消停车费太贵了", "帮助一下楼上的老人", "举报有人偷电", "停水了",
     "人工湖没水了", "通知什么时候发的", "菜单上的字太小", "补充一下昨天说的"],
)  # fmt: skip
@pytest.mark.parametrize("is_official", [False, True])
async def test_a_longer_sentence_is_content(town: Town, sentence: str, is_official: bool) -> None:
    assert town.house.read_command(sentence, is_official) is None


async def test_the_shown_menu_lists_seven_at_most(town: Town) -> None:
    await town.app.publish_menus()
    assert town.channel.menus
    assert all(0 < len(menu.commands) <= 7 for menu in town.channel.menus)
    resident = await consented(town)
    await resident.says("菜单")
    assert len(resident.last.labels) <= 7
    assert {"我有困难·报修", "我要投诉", "我提建议", "我要办事"} <= {*resident.last.labels}


# --- yes ---

FINAL = (  # what sends to many, approves, withdraws or erases
    "case.withdrawn", "forget", "forget.sure", "forget.now", "sealed.clear", "sealed.handin", "draft.drop",
    "draft.tell", "draft.answer", "draft.ask", "draft.close", "draft.keep", "write.drop", "notice.stop",
    "notice.refuse", "notice.urgent", "notice.calm", "invite.ask", "invite.agree", "role.remove", "role.removed",
    "group.end", "unfollow", "consent.no", "follow.urgent", "follow.again",
)  # fmt: skip


async def test_yes_is_bound_to_nothing_final(town: Town) -> None:
    assert {name: town.app.router.actions[name].by_yes for name in FINAL} == dict.fromkeys(FINAL, False)


@pytest.mark.parametrize("word", ["好", "是", "嗯", "可以"])
async def test_yes_neither_ends_a_complaint_nor_chooses_who_may_know(town: Town, word: str) -> None:
    resident = await consented(town)
    await resident.says("我要投诉楼下油烟，幸福里3号楼")
    await resident.says(word)
    assert "实名" in resident.last.labels
    await resident.says("匿名")
    assert "匿名：" in resident.last.text
    await resident.says("实名")
    assert "实名：" in resident.last.text
    assert "楼\n实名：" in resident.last.text
    await resident.says("算了")
    await resident.says("我要投诉窗口一个人，不能让他知道是我")
    await resident.says("匿名")
    asked = resident.last.text
    await resident.says(word)
    assert resident.last.text == asked
    assert resident.last.labels == ["不投了"]


@pytest.mark.parametrize("word", ["好", "嗯", "上一步", "跳过"])
async def test_a_yes_to_nothing_opens_nothing(town: Town, word: str) -> None:
    resident = await consented(town)
    await resident.says(word)
    await resident.says("这里灯不太行")
    await resident.says("转人工")
    clerk = await town.official(role=Role.HEAD)
    await clerk.says(f"/case {resident.number()}")
    assert "灯不太行" in clerk.last.text
    assert f"\n{word}" not in clerk.last.text


async def test_a_yes_where_words_are_waited_for_is_their_words(town: Town) -> None:
    clerk = await town.official()
    await registered(town)
    await clerk.says("答复")
    await clerk.says("好的")
    assert "居民会看到" in clerk.last.text
    assert "好的" in clerk.last.text


# --- cancel ---


@pytest.mark.parametrize("way", ["答复", "回话", "问居民", "备注", "联系过"])
@pytest.mark.parametrize("word", ["取消", "算了", "/cancel"])
async def test_cancel_ends_what_an_official_was_about_to_write(town: Town, way: str, word: str) -> None:
    clerk = await town.official()
    await registered(town)
    await clerk.says(way)
    await clerk.says(word)
    assert "没发" in clerk.last.text


async def test_what_was_cancelled_at_its_preview_is_not_sent_later(town: Town) -> None:
    clerk = await town.official()
    resident, _number = await registered(town)
    await clerk.says("答复")
    await clerk.says("修好了")
    await clerk.says("取消")
    assert "没发" in clerk.last.text
    resident.news()
    await clerk.says("发送")
    assert "没有等着发的" in clerk.last.text
    assert resident.news() == []


async def test_cancel_ends_what_a_resident_was_about_to_add(town: Town) -> None:
    clerk = await town.official()
    resident, _number = await registered(town)
    await resident.presses("加照片")
    await resident.says("算了")
    assert "没有加" in resident.last.text
    clerk.news()
    await resident.says("谢谢")
    assert clerk.news() == []


# --- words of officials with what they are about ---


async def test_a_word_with_its_number_or_filter_is_a_command(town: Town) -> None:
    clerk = await town.official()
    _resident, number = await registered(town)
    for words, answer in (
        (f"接 {number}", "这件归您了"), ("待办 我的", "手上 1 件"), ("待办 超期", "没有这样的件"),
        ("统计 9月", "2026-09"),
        (f"转办 {number}", "转给哪里"), (f"回话 {number} 今天去", "今天去"), (f"备注 {number} 问过电工", "记下了"),
    ):  # fmt: skip
        await clerk.says(words)
        assert answer in clerk.last.text, words


async def test_send_with_anything_behind_it_sends_nothing(town: Town) -> None:
    clerk = await town.official()
    resident, _number = await registered(town)
    await clerk.says("答复")
    await clerk.says("修好了")
    resident.news()
    await clerk.says("发送 给老李看看")
    assert resident.news() == []


async def test_a_word_that_this_role_has_not_says_so(town: Town) -> None:
    clerk = await town.official(role=Role.HANDLER)
    for word in ("通知", "工作人员", "交接"):
        await clerk.says(word)
        assert "我不认得" in clerk.last.text
        assert "待办" in clerk.last.labels
        assert "我要投诉" not in clerk.last.labels


async def test_the_departments_own_are_a_part_of_the_queue(town: Town) -> None:
    clerk = await town.official("both", Role.HEAD)
    code = await town.app.store.writer.submit(lambda tx: town.app.office(tx).people.invite(Role.HANDLER, "xingfuli"))
    await clerk.opens(code)
    _wang, here = await registered(town, LAMP)
    _li, there = await registered(town, "住院的报销单子窗口不给盖章，帮帮我", "li")
    await clerk.says("待办")
    assert here in clerk.last.text
    assert there in clerk.last.text
    await clerk.presses("本科室（1）")
    assert here in clerk.last.text
    assert there not in clerk.last.text
    await clerk.presses("全部")
    assert there in clerk.last.text
