"""Complaints about staff: who is told, who may read, who steps back, and what a telephone shows."""

import random

import pytest

from bot.dialogue.event import FileKind, FileRef, Said
from bot.office.cases.number import new_number
from bot.office.people.model import Role
from tests.handlers.talks import LAMP, PAIR, STAFF, anonymously, complains, confidentially, consented
from tests.rig import Someone, Town


async def test_what_was_said_is_not_asked_again(town: Town) -> None:
    resident = await consented(town)
    await resident.says(STAFF)
    await resident.presses("匿名，不留账号")
    assert "投诉谁：窗口姓刘的工作人员" in resident.last.text
    assert "收了我200块加急费，不给票" in resident.last.text
    assert "写粗一点" in resident.last.text


async def test_whom_it_is_about_is_asked_once_and_may_be_left_out(town: Town) -> None:
    supervisor = await town.official("du", Role.SUPERVISOR)
    resident = await consented(town)
    await resident.says("我要投诉窗口一个人，收了我200块加急费")
    await resident.presses("保密，能传话")
    assert "哪个人" in resident.last.text
    await resident.presses("跳过")
    await resident.presses("交上去")
    assert "收了我200块加急费" in supervisor.last.text


async def test_a_photo_that_tells_whom_it_is_about_takes_the_place_of_no_other(town: Town) -> None:
    supervisor = await town.official("du", Role.SUPERVISOR)
    resident = await consented(town)
    photos = tuple(FileRef(FileKind.PHOTO, f"photo{number}", 1000) for number in range(15))
    await resident.does(Said("我要投诉窗口一个人，收了我200块加急费", photos))
    await resident.presses("保密，能传话")
    await resident.does(Said("窗口姓刘的", (FileRef(FileKind.PHOTO, "badge", 1000),)))
    await resident.presses("用这张，交上去")
    await supervisor.says(f"/case {resident.number()}")
    assert "有 16 个文件" in supervisor.last.text


async def test_a_pushed_message_on_a_confidential_case_says_nothing(town: Town) -> None:
    supervisor = await town.official("du", Role.SUPERVISOR)
    resident, number = await confidentially(town)
    resident.news()
    await supervisor.says(f"/tell {number} 正在查刘某的收据")
    await supervisor.presses("发送")
    assert set(resident.news()) == {"您有一条新回复。"}
    await resident.presses("看看")
    assert "正在查刘某的收据" in resident.last.text


async def test_a_file_that_was_lost_is_said_where_the_push_leads(town: Town) -> None:
    resident, number = await confidentially(town)
    await resident.does(Said(f"/add {number}", (FileRef(FileKind.PHOTO, "expired", 1000),)))
    assert resident.last.text == "您有一条新回复。"
    await resident.presses("看看")
    assert "1 个文件没收到" in resident.last.text


async def test_a_card_shows_a_case_and_not_a_person(town: Town) -> None:
    supervisor = await town.official("du", Role.SUPERVISOR)
    resident = town.resident("somebody-8837", "en")
    await resident.opens()
    await resident.says("ok")
    await resident.says(STAFF)
    await resident.presses("Confidential, pass it on")
    await resident.presses("Hand it in")
    assert "收了我200块加急费" in supervisor.last.text
    for heard in supervisor.heard:
        assert "8837" not in heard.text
        assert "silent" not in heard.text
        assert "English" not in heard.text


async def test_a_file_of_a_sealed_case_has_no_name_of_its_senders_choosing(town: Town) -> None:
    supervisor = await town.official("du", Role.SUPERVISOR)
    resident, number = await confidentially(town)
    await resident.says(f"/add {number}")
    await resident.sends(FileKind.VOICE, b"OggS" + bytes(20) + b"OpusHead" + bytes(60), seconds=3)
    await supervisor.says(f"/case {number}")
    await supervisor.presses("看文件（1）")
    assert supervisor.last.screen.files[0].name == f"{number}-1.ogg"


async def test_fifteen_days_and_the_day_after_the_holiday(town: Town) -> None:
    await town.official("du", Role.SUPERVISOR)
    resident, _number = await confidentially(town)
    assert "9 月 30 日（周三）17:30 有结果" in resident.last.text
    town.clock.advance(days=1)
    late = await complains(town, "保密，能传话", chat="late")
    assert "10 月 8 日（周四，国庆后第一天）17:30 有结果" in late.last.text


async def test_an_answer_reaches_the_supervisor_and_the_reader_reads_the_result(town: Town) -> None:
    supervisor = await town.official("du", Role.SUPERVISOR)
    resident, number, code = await anonymously(town)
    await supervisor.says(f"/ask {number} 哪一天的事？")
    await supervisor.presses("发送")
    reader = town.resident("another-telephone")
    await reader.says(f"查进度 {number} {code}")
    await reader.presses("答一句")
    await reader.says("上个星期五上午")
    assert "没有带您的账号" in reader.last.text
    assert "上个星期五上午" not in " ".join(heard.text for heard in supervisor.heard)  # at the next slot
    await town.passes(hours=6)
    assert any("上个星期五上午" in heard.text for heard in supervisor.heard)  # what has no moment has no order either
    await supervisor.says(f"/answer {number} 已退款，人已调离")
    await supervisor.presses("发送")
    assert not any("已退款" in heard.text for heard in (*resident.heard, *reader.heard))  # nothing is pushed
    await reader.says(f"查进度 {number} {code}")
    assert "有结果了" in reader.last.text
    assert "已退款，人已调离" in reader.last.text


async def test_not_answering_delays_nothing(town: Town) -> None:
    supervisor = await town.official("du", Role.SUPERVISOR)
    resident, number, code = await anonymously(town)
    await supervisor.says(f"/ask {number} 哪一天的事？")
    await supervisor.presses("发送")
    await resident.says(f"查进度 {number} {code}")
    await resident.presses("不答")
    assert "不耽误" in resident.last.text
    await supervisor.says(f"/case {number}")
    assert "不想答" in supervisor.last.text
    assert "办理中" in supervisor.last.text


async def test_being_put_under_pressure_is_told_at_once_by_night_too(town: Town) -> None:
    supervisor = await town.official("du", Role.SUPERVISOR)
    resident, number, code = await anonymously(town)
    await town.passes(hours=16)  # the small hours
    supervisor.news()
    await resident.says(f"查进度 {number} {code}")
    await resident.presses("有人为难我")
    await resident.says("他到我店里来闹")
    told = " ".join(supervisor.news())
    assert "急" in told
    assert "他到我店里来闹" in told


async def test_a_quarter_of_an_hour_later_the_chat_does_not_know_which_it_was(town: Town) -> None:
    await town.official("du", Role.SUPERVISOR)
    resident, number, code = await anonymously(town)
    await resident.says(f"查进度 {number} {code}")
    await town.passes(minutes=16)
    await resident.presses("有人为难我")
    assert "请再发一次编号和查询码" in resident.last.text


async def test_nobody_follows_an_anonymous_matter(town: Town) -> None:
    resident, number, code = await anonymously(town)
    await resident.forges(f"case.follow:{number}:{code.replace(' ', '')}")
    assert "对不上" in resident.last.text


async def test_an_ordinary_complaint_may_be_anonymous_too(town: Town) -> None:
    official, resident = await town.official(), await consented(town)
    await resident.says("我要投诉楼下油烟太大，幸福里3号楼")
    await resident.presses("匿名，不留账号")
    await resident.presses("登记")
    found = PAIR.search(resident.last.text)
    assert found
    await town.passes(hours=6)
    assert "油烟" in official.last.text
    await resident.says("我的事")
    assert found[1] not in resident.last.text


async def outputs(town: Town, official: Someone, number: str) -> list[str]:
    """All that an official can get out of the bot about it."""
    official.news()
    for words in ("待办", "超期", "/stats 9月", f"/case {number}", f"/take {number}", f"/note {number} x"):
        await official.says(words)
    return [words.replace(number, "N") for words in official.news()]


@pytest.mark.parametrize("role", [Role.HANDLER, Role.HEAD, Role.SUPERVISOR])
async def test_for_whoever_is_named_it_does_not_exist(town: Town, role: Role) -> None:
    boss = await town.official("du", Role.SUPERVISOR)
    accused = await town.official("liu", role)
    before = await outputs(town, accused, new_number(random.Random(3)))
    _resident, number = await confidentially(town)
    await boss.says(f"/subject {number}")
    label = next(label for label in boss.last.labels if "起" in label)
    await boss.presses(label)
    assert "那个人看不到" in boss.last.text
    accused.news()
    await town.passes(days=20)
    assert not any(number in words for words in accused.news())
    after = await outputs(town, accused, number)
    assert after == before


async def test_a_queued_card_does_not_reach_whoever_is_named_before_it_goes(town: Town) -> None:
    boss, accused = await town.official("du", Role.SUPERVISOR), await town.official("liu", Role.SUPERVISOR)
    _resident, number, _code = await anonymously(town)
    await boss.says(f"/subject {number}")
    await boss.presses(boss.last.labels[0])
    accused.news()
    await town.passes(hours=6)
    assert accused.news() == []
    assert number in boss.last.text


async def test_stepping_back_hands_it_to_another_supervisor(town: Town) -> None:
    first, second = await town.official("du", Role.SUPERVISOR), await town.official("fang", Role.SUPERVISOR)
    _resident, number = await confidentially(town)
    second.news()
    await first.says(f"/case {number}")
    await first.presses("回避")
    assert first.last.labels == ["是，回避", "不回避"]
    await first.presses("是，回避")
    assert any("回避了，请接手" in words for words in second.news())
    await first.says(f"/case {number}")
    assert "没有这个编号" in first.last.text


async def test_without_another_supervisor_the_resident_reads_where_to_turn(town: Town) -> None:
    first, chief = await town.official("du", Role.SUPERVISOR), await town.official("admin", Role.ADMINISTRATOR)
    resident, number, code = await anonymously(town)
    await first.says(f"/recuse {number}")
    await first.presses("是，回避")
    assert any("没有督办员能看" in heard.text for heard in chief.heard)
    assert not any(number in heard.text for heard in chief.heard)
    await resident.says(f"查进度 {number} {code}")
    assert "请打 12388" in resident.last.text


async def test_a_supervisor_cannot_name_themselves(town: Town) -> None:
    boss = await town.official("du", Role.SUPERVISOR)
    _resident, number = await confidentially(town)
    own = await town.app.store.writer.submit(lambda tx: town.app.office(tx).people.grants()[0].person)
    await boss.forges(f"sealed.name:{number}:{own}")
    assert "回避" in boss.last.text


async def test_a_complaint_about_a_head_is_given_the_number_outside(town: Town) -> None:
    boss, resident = await town.official("du", Role.SUPERVISOR), await consented(town)
    await resident.says("社区刘主任收了我的红包")
    await resident.presses("匿名，不留账号")
    boss.news()
    await resident.presses("说的就是管投诉的人或领导")
    assert "请打 12388" in resident.last.text
    await town.passes(days=2)
    assert boss.news() == []
    await resident.presses("不投了")
    assert "清掉" in resident.last.text


@pytest.mark.parametrize("phone", ["", " ", "12388"])
async def test_without_a_supervisor_the_words_are_honest(town: Town, phone: str) -> None:
    object.__setattr__(town.app.house, "outside_phone", phone)
    resident, _number, _code = await anonymously(town)
    assert "还没有督办员" in resident.last.text
    assert "打 。" not in resident.last.text
    assert ("12388" in resident.last.text) == bool(phone.strip())
    assert phone.strip() or "上一级的纪检监察" in resident.last.text


async def test_asking_for_a_person_in_the_middle_registers_nothing_openly(town: Town) -> None:
    official, resident = await town.official(), await consented(town)
    await resident.says(STAFF)
    await resident.presses("匿名，不留账号")
    official.news()
    await resident.says("转人工")
    assert official.news() == []
    assert "交上去" in resident.last.labels


async def test_a_complaint_about_staff_goes_into_no_open_case(town: Town) -> None:
    official, resident = await town.official(), await consented(town)
    await resident.says(LAMP)
    await resident.presses("登记")
    await resident.says(STAFF)
    assert "保密，能传话" in resident.last.labels
    assert not any("200" in heard.text for heard in official.heard)


async def test_a_voice_note_may_be_changed_or_left_out(town: Town) -> None:
    await town.official("du", Role.SUPERVISOR)
    resident = await consented(town)
    await resident.says(STAFF)
    await resident.presses("保密，能传话")
    await resident.presses("加照片")
    await resident.sends(FileKind.VOICE, b"OggS" + bytes(20) + b"OpusHead" + bytes(60), seconds=3)
    assert resident.last.labels == ["用它，交上去", "换一个", "不要了"]


async def test_a_photo_may_be_changed_or_left_out(town: Town) -> None:
    boss, resident = await town.official("du", Role.SUPERVISOR), await consented(town)
    await resident.says(STAFF)
    await resident.presses("保密，能传话")
    await resident.presses("加照片")
    await resident.sends(FileKind.PHOTO, b"x")
    await resident.presses("换一张")
    await resident.sends(FileKind.PHOTO, b"y")
    await resident.presses("不要照片")
    await resident.presses("交上去")
    assert "文件" not in boss.last.text


async def test_words_of_self_harm_call_nobody_unasked(town: Town) -> None:
    boss, resident = await town.official("du", Role.SUPERVISOR), await consented(town)
    boss.news()
    await resident.says("我不想活了")
    assert boss.news() == []
    await resident.presses("让工作人员联系我")
    assert "已经告诉工作人员了" in resident.last.text
    assert any("急" in words and "我不想活了" in words for words in boss.news())


async def test_a_threat_over_a_confidential_complaint_becomes_an_urgent_entry(town: Town) -> None:
    boss = await town.official("du", Role.SUPERVISOR)
    resident, number = await confidentially(town)
    await resident.says("我投诉以后他天天上门威胁我")
    assert any("110" in heard.text for heard in resident.heard)
    boss.news()
    await resident.presses("马上告诉督办员")
    assert any("急" in words and number in words for words in boss.news())


async def test_nobody_to_hear_an_alarm_is_said(town: Town) -> None:
    resident = await consented(town)
    await resident.says("我不想活了")
    await resident.presses("让工作人员联系我")
    assert "没有人能马上看到" in resident.last.text
