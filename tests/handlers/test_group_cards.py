"""Cards in a staff group: one for each case, who may press it, and what it never shows (T4, T5)."""

from datetime import datetime, timedelta

from bot.dialogue.event import Pressed
from bot.errors import NotSent, Uncertain
from bot.office.people.model import Role
from tests.handlers.talks import registered
from tests.handlers.test_groups import card, staffed
from tests.rig import SHANGHAI, Town


async def test_a_new_case_has_one_card_that_goes_along_with_it(town: Town) -> None:
    _ada, clerk, room = await staffed(town)
    resident, number = await registered(town)
    assert "新来一件" in card(room, number)
    assert "灯坏了" in card(room, number)
    assert room.last.outgoing.group
    assert "归您了" in await room.pressed_by(clerk, "我来办")
    assert "一位同事在办" in card(room, number)
    assert "在办了" in resident.last.text
    await clerk.says(f"/answer {number} 修好了")
    await clerk.says("发送")
    assert "已答复" in card(room, number)
    assert "修好了" not in card(room, number)
    assert room.last.labels == []


async def test_the_card_names_whoever_has_it(town: Town) -> None:
    _ada, clerk, room = await staffed(town)
    await clerk.says("/name 小周")
    _resident, number = await registered(town)
    await room.pressed_by(clerk, "我来办")
    assert "小周在办" in card(room, number)


async def test_words_go_on_in_private(town: Town) -> None:
    _ada, clerk, room = await staffed(town)
    resident, number = await registered(town)
    assert "私聊" in await room.pressed_by(clerk, "回话")
    assert number in clerk.last.text
    await clerk.says("下午去换")
    assert "还没发" in clerk.last.text
    await clerk.presses("先回个话")
    assert any("下午去换" in heard.text for heard in resident.heard)
    assert not any("下午去换" in heard.text for heard in room.heard)
    assert "私聊" in await room.pressed_by(clerk, "转出")
    assert "住建办" in clerk.last.labels


async def test_whoever_cannot_be_written_to_gets_a_link(town: Town) -> None:
    _ada, clerk, room = await staffed(town)
    _resident, number = await registered(town)
    await clerk.blocks()
    heard = len(clerk.heard)
    assert "打开" in await room.pressed_by(clerk, "回话")
    assert len(clerk.heard) == heard
    await clerk.unblocks()
    await clerk.opens(room.alerts[-1][1])
    assert number in clerk.last.text
    assert "直接打字" in clerk.last.text


async def test_a_link_gives_nobody_a_right(town: Town) -> None:
    _ada, _clerk, room = await staffed(town)
    resident, number = await registered(town)
    await resident.opens(f"on_reply_{number}")
    assert "直接打字" not in resident.last.text
    assert room.alerts[1:] == []


async def test_strangers_and_colleagues_of_others_are_told_so_alone(town: Town) -> None:
    _ada, clerk, room = await staffed(town)
    other = await town.official("bob", Role.HANDLER, "housing")
    stranger = town.resident("stranger")
    _resident, number = await registered(town)
    for label in ("我来办", "回话", "转出"):
        assert "经办人员" in await room.pressed_by(stranger, label)
        assert "没有这个编号" in await room.pressed_by(other, label)
    assert len(stranger.heard) == 0
    assert "新来一件" in card(room, number)
    await room.pressed_by(clerk, "我来办")
    await room.happens(Pressed(f"group.take:{number}", "late"), stranger, "x")
    assert "在办" in card(room, number)


async def test_of_two_presses_one_wins_and_the_other_is_told(town: Town) -> None:
    _ada, clerk, room = await staffed(town)
    await clerk.says("/name 小周")
    li = await town.official("li", Role.HANDLER, "xingfuli")
    await registered(town)
    shown = room.last
    action = next(button.action for button in shown.screen.buttons if button.label == "我来办")
    assert "归您了" in await room.pressed_by(clerk, "我来办")
    await room.happens(Pressed(action, "second"), li, shown.message)
    assert "小周已经接了" in room.alerts[-1][0]


async def test_a_removed_official_presses_in_vain(town: Town) -> None:
    ada, clerk, room = await staffed(town)
    await registered(town)
    await ada.says("/roles")
    position = next(line.split()[0] for line in ada.last.text.splitlines() if "经办人 · 幸福里社区" in line)
    await ada.presses(f"收回 {position}")
    await ada.presses("是，收回")
    assert "经办人员" in await room.pressed_by(clerk, "我来办")


async def test_complaints_about_staff_have_no_card(town: Town) -> None:
    ada, _clerk, room = await staffed(town)
    whole = await town.staff_group(ada, "全单位", "all")
    before = len(room.heard), len(whole.heard)
    resident = town.resident()
    for words in ("/start", "好", "我要投诉医保窗口的工作人员态度恶劣，骂人"):
        await resident.says(words)
    if "保密，能传话" in resident.last.labels:
        await resident.presses("保密，能传话")
    await resident.presses("交上去")
    assert (len(room.heard), len(whole.heard)) == before


async def test_a_confidential_matter_tells_a_group_only_that_there_is_one(town: Town) -> None:
    _ada, _clerk, room = await staffed(town)
    resident = town.resident()
    for words in ("/start", "好", "我要投诉幸福里3号楼2单元楼下油烟太大"):
        await resident.says(words)
    await resident.presses("保密，能传话")
    await resident.presses("登记")
    number = resident.number()
    assert "私聊里看" in card(room, number)
    assert "油烟" not in card(room, number)
    assert "3号楼" not in card(room, number)


async def test_telephone_numbers_are_left_out(town: Town) -> None:
    _ada, _clerk, room = await staffed(town)
    _resident, number = await registered(town, "幸福里3号楼灯坏了，打我电话138 0013 8000")
    assert "8000" not in card(room, number)


async def test_another_departments_group_gets_nothing(town: Town) -> None:
    ada, _clerk, _room = await staffed(town)
    housing = await town.staff_group(ada, "住建办", "housing-room")
    before = len(housing.heard)
    await registered(town)
    assert len(housing.heard) == before


async def test_a_case_that_is_passed_on_ends_its_card_and_has_one_there(town: Town) -> None:
    ada, clerk, room = await staffed(town)
    housing = await town.staff_group(ada, "住建办", "housing-room")
    taker = await town.official("bob", Role.HANDLER, "housing")
    _resident, number = await registered(town)
    await clerk.says(f"/take {number}")
    await clerk.says(f"/transfer {number} housing 是他们装的")
    assert "在办" in card(room, number)
    await taker.presses("接")
    assert "已转到别的科室" in card(room, number)
    assert "灯坏了" not in card(room, number)
    assert "在办" in card(housing, number)


async def test_taken_back_by_the_resident(town: Town) -> None:
    _ada, _clerk, room = await staffed(town)
    resident, number = await registered(town)
    await resident.says(f"/withdraw {number}")
    await resident.presses("是，撤回")
    assert "已结束" in card(room, number)
    assert "灯坏了" not in card(room, number)


async def test_at_night_a_card_waits_for_the_morning_and_is_one(town: Town) -> None:
    _ada, clerk, room = await staffed(town)
    town.clock.set(datetime(2026, 9, 15, 22, 0, tzinfo=SHANGHAI))
    before = len(room.heard)
    _resident, number = await registered(town)
    await clerk.says(f"/take {number}")
    assert len(room.heard) == before
    await town.becomes(datetime(2026, 9, 16, 8, 30, tzinfo=SHANGHAI))
    assert "在办" in card(room, number)


async def test_a_card_that_could_not_go_out_is_not_there_twice(town: Town) -> None:
    _ada, clerk, room = await staffed(town)
    town.channel.faults["room"] = NotSent("away", timedelta(seconds=30))
    _resident, number = await registered(town)
    await clerk.says(f"/take {number}")
    assert len(room.heard) == 2
    await town.passes(minutes=2)
    assert "在办" in card(room, number)


async def test_a_card_that_may_have_arrived_is_said_again_as_it_stands(town: Town) -> None:
    _ada, clerk, room = await staffed(town)
    town.channel.faults["room"] = Uncertain("reset")
    _resident, number = await registered(town)
    await clerk.says(f"/take {number}")
    await town.passes(minutes=2)
    assert "在办" in card(room, number)
