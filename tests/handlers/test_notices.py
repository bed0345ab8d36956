"""Notices: written, agreed to by somebody else, sent once to each, stopped at any moment. Chen writes, Li agrees."""

import re
from datetime import datetime

import pytest

from bot.dialogue.event import FileKind
from bot.office.people.model import Role
from tests.handlers.notices import NIGHT, WORDS, agreed, asked, office, presses, residents
from tests.handlers.talks import STAFF
from tests.rig import SHANGHAI, Town


async def test_a_notice_goes_from_its_writer_by_somebody_else_to_everybody(town: Town) -> None:
    people = await residents(town)
    chen, li = await office(town)
    await chen.says(f"通知 {WORDS}")
    assert chen.last.text == "发给谁？我不替您选。"
    await chen.presses("全青石街道 3 人")
    assert "发给全青石街道，3 人。" in chen.last.text
    shown = chen.last.text.split("居民会看到：\n")[1]
    await chen.presses("送批")
    assert "已请 1 位能批的人" in chen.last.text
    assert shown in li.last.text
    await agreed(li, 3)
    assert li.last.text == "批了。60 秒后开始，先发 50 人，没问题接着发。"
    assert all(not person.news() for person in people)
    await town.passes(seconds=61)
    for person in people:
        assert person.news() == [f"青石街道 9 月 15 日（周二）：{WORDS}\n不想再收，回 TD"]
        assert person.last.text == shown
    await town.passes(seconds=10)
    assert "发完了" in chen.last.text
    assert "已送出 3" in chen.last.text
    assert sum("通知“" in heard.text for heard in chen.heard) == 1  # one message, changed in place


async def test_nobody_agrees_to_their_own_notice(town: Town) -> None:
    people = await residents(town)
    chen, li = await office(town)
    await asked(town, chen)
    review = next(b.action for heard in li.heard for b in heard.screen.buttons if b.label == "看过了，我来批")
    await chen.forges(review)
    assert chen.last.text == "自己写的不能自己批。"
    await chen.says("3")
    await town.passes(minutes=5)
    assert all(not person.news() for person in people)
    for word in ("好", "是", "通知", "发送"):
        await li.presses("看过了，我来批")
        await li.says(word)
    await town.passes(minutes=5)
    assert all(not person.news() for person in people)


async def test_one_approver_less_and_nothing_is_asked(town: Town) -> None:
    await residents(town)
    chen = await town.official("chen", Role.HEAD)
    await chen.says(f"/notice {WORDS}")
    await presses(chen, "全青石街道")
    await chen.presses("送批")
    assert "还没有别人能批" in chen.last.text


async def test_a_wrong_number_agrees_to_nothing_and_the_right_one_still_does(town: Town) -> None:
    people = await residents(town)
    chen, li = await office(town)
    await asked(town, chen)
    await li.presses("看过了，我来批")
    await li.says("2")  # no button is meant by it
    assert "人数对不上" in li.last.text
    await li.says("3")
    assert "批了" in li.last.text
    await town.passes(minutes=5)
    assert [len(person.news()) for person in people] == [1, 1, 1]


async def test_what_changes_after_it_was_read_needs_agreement_again(town: Town) -> None:
    people = await residents(town)
    chen, li = await office(town)
    await asked(town, chen)
    await li.presses("看过了，我来批")
    await chen.presses("改内容")
    assert chen.last.labels == ["不改了"]
    await chen.says("别的话")
    await li.says("3")
    assert "没有批" in li.last.text
    await chen.presses("送批")
    await li.says("3")  # what was read is not what is asked for now: it is shown again
    assert "别的话" in li.last.text
    await town.passes(minutes=5)
    assert all(not person.news() for person in people)
    await li.says("3")
    await town.passes(minutes=5)
    assert all("别的话" in person.news()[0] for person in people)


async def test_after_the_agreement_nothing_can_be_changed_or_widened(town: Town) -> None:
    people = await residents(town)
    await people[0].says("/subscribe")
    await people[0].presses("上河村")
    people[0].news()
    chen, li = await office(town)
    await chen.says(f"/notice {WORDS}")
    chooser = chen.last
    await presses(chen, "上河村")
    await presses(chen, "就发这些")
    preview = chen.last
    await chen.presses("送批")
    await agreed(li, 1)
    for heard in (chooser, preview):
        for button in heard.screen.buttons:
            await chen.forges(button.action)
    await town.passes(minutes=5)
    assert [len(person.news()) for person in people] == [1, 0, 0]


async def test_two_approvers_at_once_start_it_once(town: Town) -> None:
    people = await residents(town)
    chen, li = await office(town)
    zhao = await town.official("zhao", Role.HEAD)
    await asked(town, chen)
    await li.presses("看过了，我来批")
    await zhao.presses("看过了，我来批")
    await li.says("3")
    await zhao.says("3")
    assert "已经有人批了" in zhao.last.text
    await town.passes(minutes=5)
    assert [len(person.news()) for person in people] == [1, 1, 1]


async def test_pressing_twice_asks_once(town: Town) -> None:
    people = await residents(town)
    chen, li = await office(town)
    await asked(town, chen)
    before = len(li.heard)
    await chen.presses("送批")
    assert len(li.heard) == before
    await agreed(li, 3)
    await chen.presses("送批")
    await town.passes(minutes=5)
    assert [len(person.news()) for person in people] == [1, 1, 1]


async def test_the_word_stop_ends_it_and_the_figures_say_so(town: Town) -> None:
    people = await residents(town, 60)
    chen, li = await office(town)
    await asked(town, chen)
    await agreed(li, 60)
    await town.passes(seconds=61)
    assert sum(len(person.news()) for person in people) == 50
    await chen.says("停")
    assert "停了" in chen.last.text
    await town.passes(minutes=5)
    assert sum(len(person.news()) for person in people) == 0
    await chen.presses("给已收到的人发更正")
    await chen.says("更正一下")
    assert "50 人" in chen.last.text
    await chen.presses("送批")
    await agreed(li, 50)
    await town.passes(minutes=5)
    assert sum(len(person.news()) for person in people) == 50
    assert sum("更正：更正一下" in person.last.text for person in people) == 50


async def test_at_night_only_what_is_urgent_goes_out(town: Town) -> None:
    people = await residents(town)
    chen, li = await office(town)
    town.clock.set(NIGHT)
    await chen.says("通知 台风明早7点前后影响我街道。今晚别去河边。")
    assert "现在 22:40" in chen.last.text
    await presses(chen, "不急")
    await presses(chen, "全青石街道")
    await chen.presses("送批")
    await town.becomes(datetime(2026, 9, 18, 8, 30, tzinfo=SHANGHAI))
    await agreed(li, 3)
    await town.passes(minutes=5)
    assert [len(person.news()) for person in people] == [1, 1, 1]


async def test_an_ordinary_notice_agreed_to_at_night_waits_until_eight(town: Town) -> None:
    people = await residents(town)
    chen, li = await office(town)
    town.clock.set(datetime(2026, 9, 17, 17, 0, tzinfo=SHANGHAI))
    await asked(town, chen)
    town.clock.set(NIGHT)
    await agreed(li, 3)
    assert "9 月 18 日（周五）8:00" in li.last.text
    await town.becomes(datetime(2026, 9, 18, 7, 59, tzinfo=SHANGHAI))
    assert all(not person.news() for person in people)
    await town.becomes(datetime(2026, 9, 18, 8, 1, tzinfo=SHANGHAI))
    assert [len(person.news()) for person in people] == [1, 1, 1]


async def test_an_urgent_notice_rings_all_again_and_its_answers_ring_the_reader(town: Town) -> None:
    people = await residents(town)
    chen, li = await office(town)
    town.clock.set(NIGHT)
    await chen.says("通知 台风明早7点前后影响我街道。今晚别去河边。")
    await chen.presses("紧急，今晚发")
    await presses(chen, "全青石街道")
    assert chen.last.text.startswith("谁看回话？")
    await presses(chen, "1 我自己")
    assert "看回话的人：我自己" in chen.last.text
    li.news()
    await chen.presses("送批")
    await town.passes(minutes=2)
    assert len(li.news()) == 2
    await agreed(li, 3)
    await town.passes(seconds=61)
    assert people[0].last.text == (
        "【紧急】青石街道 9 月 17 日（周四）：台风明早7点前后影响我街道。今晚别去河边。\n"
        "有危险打 119。\n要帮忙直接回这条，有人看。\n不想再收，回 TD"
    )
    chen.news()
    await people[0].says("我腿不行走不动", reply_to=people[0].last)
    assert "他的手机在响" in people[0].last.text
    assert re.search(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}\b", people[0].last.text)
    rung = [heard for heard in chen.news() if "紧急通知有人回话" in heard]
    assert len(rung) == 1
    assert "我腿不行走不动" in rung[0]
    await people[0].sends_place(30.1, 120.2)
    assert any("30.10000,120.20000" in heard for heard in chen.news())


async def test_a_complaint_about_staff_is_not_counted_among_the_answers(town: Town) -> None:
    people = await residents(town)
    chen, li = await office(town)
    town.clock.set(NIGHT)
    await chen.says("通知 台风明早7点前后影响我街道。今晚别去河边。")
    await chen.presses("紧急，今晚发")
    await presses(chen, "全青石街道")
    await presses(chen, "1 我自己")
    await chen.presses("送批")
    await agreed(li, 3)
    await town.passes(seconds=61)
    await people[0].says(STAFF, reply_to=people[0].last)
    assert "值班" not in people[0].last.text  # whoever is on duty may not read it
    assert any("匿名" in label for label in people[0].last.labels)
    await chen.says("/notices")
    assert "已送出 3" in chen.last.text
    assert "回话" not in chen.last.text
    await people[1].says("我腿不行走不动", reply_to=people[1].last)
    await chen.says("/notices")
    assert "回话 1 条" in chen.last.text


async def test_an_answer_to_an_ordinary_notice_is_a_matter_that_names_it(town: Town) -> None:
    people = await residents(town)
    chen, li = await office(town)
    await asked(town, chen)
    await agreed(li, 3)
    await town.passes(minutes=5)
    letter = people[0].last
    await people[0].says("谢谢", reply_to=letter)
    assert people[0].last.text == "不客气。"
    await people[0].says("存不了水怎么办", reply_to=letter)
    assert f"您回的是通知“{WORDS[:10]}" in people[0].last.text
    await people[0].presses("登记")
    assert any(f"回的是通知“{WORDS[:10]}" in heard.text for heard in chen.heard)
    await chen.says("/notices")
    assert "回话 1 条" in chen.last.text
    assert "已送出 3" in chen.last.text


async def test_a_notice_wider_than_the_area_it_names_is_confirmed_first(town: Town) -> None:
    people = await residents(town)
    await people[0].says("/subscribe")
    await people[0].presses("上河村")
    chen, _li = await office(town)
    await chen.says("/notice 沿河三村的人今晚11点半前到村小学集合")
    await presses(chen, "全青石街道")
    assert chen.last.text == "正文只说沿河三村，范围却是全青石街道，多出 2 人。"
    await presses(chen, "改成沿河三村 1 人")
    assert "发给沿河三村，1 人" in chen.last.text
    await chen.presses("改范围")
    await presses(chen, "全青石街道")
    await presses(chen, "没错")
    assert "发给全青石街道，3 人" in chen.last.text
    await chen.presses("改内容")
    await chen.says("上河村今晚集合")  # new words: what was confirmed for others does not hold
    assert "正文只说上河村" in chen.last.text


async def test_whoever_joins_after_it_was_asked_for_is_not_added(town: Town) -> None:
    people = await residents(town)
    chen, li = await office(town)
    await asked(town, chen)
    await town.passes(seconds=5)
    late = await residents(town, 1, "late")
    await agreed(li, 3)
    await town.passes(minutes=5)
    assert [len(person.news()) for person in (*people, *late)] == [1, 1, 1, 0]


@pytest.mark.parametrize(("role", "labels"), [(Role.HEAD, ["算了"]), (Role.EDITOR, [])])
async def test_a_photo_where_the_words_are_waited_for_is_no_matter_of_the_writers(
    town: Town, role: Role, labels: list[str]
) -> None:
    writer = await town.official("chen", role)
    await writer.says("/notice")
    await writer.sends(FileKind.PHOTO, b"x")
    assert "请打字，或者先不写" in writer.last.text
    assert writer.last.labels == labels
    await writer.says("明天停水")
    assert "发给谁" in writer.last.text


async def test_a_draft_is_kept_or_thrown_away(town: Town) -> None:
    await residents(town)
    chen, _li = await office(town)
    await chen.says(f"/notice {WORDS}")
    await chen.says("/notice")
    await presses(chen, "接着写")
    await presses(chen, "全青石街道")
    await chen.presses("存草稿")
    await chen.says("通知")
    await presses(chen, "接着写")
    await chen.presses("不要了")
    await chen.says("通知")
    assert not chen.last.labels


async def test_a_refused_notice_is_a_draft_again(town: Town) -> None:
    await residents(town)
    chen, li = await office(town)
    await asked(town, chen)
    await li.presses("不批")
    assert "没有批，退回草稿了" in chen.last.text
    await li.presses("看过了，我来批")
    assert "没有批" in li.last.text


async def test_somebody_of_one_department_alone_cannot_agree(town: Town) -> None:
    await residents(town)
    chen, li = await office(town)
    near = await town.official("near", Role.HEAD, "xingfuli")
    await asked(town, chen)
    review = next(b.action for heard in li.heard for b in heard.screen.buttons if b.label == "看过了，我来批")
    await near.forges(review)
    assert "全单位的审批人" in near.last.text


@pytest.mark.parametrize(("words", "why"), [("\u200b", "里面还没有内容。"), ("字" * 3001, "太长了，最多 3000 个字。")])
async def test_words_that_cannot_go_out_are_refused(town: Town, words: str, why: str) -> None:
    chen, _li = await office(town)
    await chen.says("/notice")
    await chen.says(words)
    assert chen.last.text == why
