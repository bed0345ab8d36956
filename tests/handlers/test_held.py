"""What is said before consent: held a day, then deleted, and never without a word."""

import re
from datetime import datetime

import pytest

from bot.dialogue.event import Said
from bot.office.people.model import Role
from tests.rig import SHANGHAI, Town


@pytest.mark.parametrize(("hour", "told_on"), [(10, 10), (22, 8), (2, 8)])
async def test_deleted_after_a_day_and_told_when_people_are_awake(town: Town, hour: int, told_on: int) -> None:
    resident = town.resident()
    town.clock.set(datetime(2026, 9, 15, hour, 0, tzinfo=SHANGHAI))
    await resident.says("楼道灯坏了 幸福里3号楼2单元")
    resident.news()
    heard: list[int] = []
    for step in range(1, 40):
        await town.becomes(datetime(2026, 9, 15, hour, 0, tzinfo=SHANGHAI).replace(day=15 + (hour + step) // 24,
                                                                                  hour=(hour + step) % 24))  # fmt: skip
        heard += [town.clock.now().astimezone(SHANGHAI).hour for words in resident.news() if "删" in words]
    assert heard == [told_on]
    await resident.says("好")
    assert "我这样登记" not in resident.last.text


async def test_a_yes_in_time_counts_though_nobody_was_there_when_the_day_was_over(town: Town) -> None:
    """The platform keeps what is said during an outage and hands it over after the timers have run."""
    resident = town.resident()
    await resident.says("楼道灯坏了 幸福里3号楼2单元")
    town.clock.advance(hours=23)
    said_at = town.clock.now()
    town.clock.advance(hours=2)
    await town.settle()
    await town.channel.say(resident.chat, Said("好"), said_at)
    await town.settle()
    assert "我这样登记" in resident.last.text
    await town.passes(minutes=30)
    assert not any("删了" in words for words in resident.news())


async def test_after_an_outage_it_is_deleted_all_the_same(town: Town) -> None:
    resident = town.resident()
    await resident.says("楼道灯坏了 幸福里3号楼2单元")
    await town.passes(hours=25)
    await town.passes(minutes=11)
    assert "已经删了" in resident.last.text


async def test_what_does_not_fit_is_said_at_once_and_what_was_kept_stays(town: Town) -> None:
    """Whoever goes on for a day without a yes must not make every further sentence dearer than the last."""
    resident = town.resident()
    await resident.says("楼道灯坏了 幸福里3号楼2单元" + "很久了" * 3000)
    await resident.says("路灯也坏了" + "很久了" * 3000)
    assert "不用再打" in resident.last.text
    await resident.says("水管也坏了" + "很久了" * 3000)
    assert "没有记" in resident.last.text
    await resident.says("好")
    assert "灯坏了" in resident.last.text
    assert "水管" not in resident.last.text


async def test_danger_is_answered_though_the_rest_of_the_message_has_no_room(town: Town) -> None:
    """What to do and whom to call comes first, whatever becomes of the words themselves (N01)."""
    resident = town.resident()
    await resident.says("楼道灯坏了 幸福里3号楼2单元" + "很久了" * 6000)
    resident.news()
    await resident.says("着火了" + "快来人" * 1000)
    first, then = resident.news()
    assert "119" in first
    assert "没有记" in then


async def test_what_there_was_to_choose_from_can_still_be_typed_where_there_is_no_room(town: Town) -> None:
    resident = town.resident()
    await resident.opens()
    await resident.says("好")
    await resident.says("那个东西" + "呀" * 6000)
    assert "帮我登记" in resident.last.labels
    for _time in range(4):
        await resident.says("那个东西" + "呀" * 6000)
    assert "没有记" in resident.last.text
    await resident.says("帮我登记")
    assert "那个东西" in resident.last.text


async def test_what_had_no_room_goes_too_when_the_talk_is_deleted(town: Town) -> None:
    """It stands in the chat all the same, in the words of whoever complains."""
    await town.official("du", Role.SUPERVISOR)
    resident = town.resident()
    await resident.opens()
    await resident.says("好")
    for _time in range(4):
        refused = await resident.says("姓刘的那个" + "呀" * 6000)
    assert "没有记" in resident.last.text
    await resident.says("我要投诉窗口一个人，不能让他知道是我")
    await resident.presses("匿名，不留账号")
    await resident.says("窗口姓刘的收钱不给票")
    await resident.presses("交上去")
    await resident.presses("抄好了，清掉聊天")
    assert (resident.chat, refused) in town.channel.deleted


async def test_what_was_asked_for_before_the_yes_is_said_though_more_was_said_since(town: Town) -> None:
    """A question that goes to a person: its number, and what was said behind it, both."""
    resident = town.resident()
    await resident.opens()
    await resident.says("住院报销我那个情况能报多少")
    await resident.forges("policy.register:hospital-bill")
    await resident.says("幸福里3号楼2单元的灯坏了")
    resident.news()
    await resident.says("好")
    receipt, rest = resident.news()
    assert re.search("编号 [0-9A-Z]{4}-[0-9A-Z]{4}", receipt)
    assert "另一件事" in rest
