"""When the office is open: by its calendar, also where the day of the week says otherwise (M12)."""

from datetime import datetime

import pytest

from tests.rig import SHANGHAI, Town


@pytest.mark.parametrize(
    "moment, said",
    [
        ((2026, 9, 15, 9, 12), ["现在开着门，到 17:30。", "9 月 16 日（周三）8:30"]),
        ((2026, 9, 18, 17, 30), ["现在没开门，9 月 20 日（周日）8:30"]),  # the Sunday before the holiday is worked
        ((2026, 10, 10, 10, 0), ["调休", "现在开着门，到 17:30。", "10 月 12 日（周一）8:30"]),  # a worked Saturday
        ((2026, 10, 10, 7, 0), ["调休", "现在没开门，10 月 10 日（周六）8:30"]),
        ((2026, 10, 1, 10, 0), ["现在没开门，10 月 8 日（周四）8:30"]),
    ],
)
async def test_the_calendar_says_when_we_are_open(town: Town, moment: tuple[int, ...], said: list[str]) -> None:
    town.clock.set(datetime(*moment, tzinfo=SHANGHAI))  # type: ignore[arg-type, misc]  # no zone among the numbers
    wang = town.resident()
    await wang.says("几点开门？")
    assert [words for words in said if words not in wang.last.text] == []
    assert ("调休" in wang.last.text) == ("调休" in said)


async def test_the_hour_is_told_by_word_command_and_button_without_consent(town: Town) -> None:
    wang = town.resident(language="en")
    await wang.says("/hours")
    by_command = wang.last.text
    assert "We are open now, until 17:30." in by_command
    await wang.says("Are you open?")
    assert wang.last.text == by_command
    await wang.says("/help")
    await wang.presses("Opening hours")
    assert wang.last.text == by_command
    assert len(wang.heard) == 4


async def test_what_is_being_written_stays_open(town: Town) -> None:
    wang = town.resident()
    await wang.says("/start")
    await wang.presses("好，开始")
    await wang.says("我要投诉")
    await wang.says("几点开门")
    await wang.says("楼下烧烤油烟")
    assert "几号楼几单元" in wang.last.text  # the complaint goes on where it was: its next question


async def test_next_year_is_said_to_be_provisional(town: Town) -> None:
    town.clock.set(datetime(2029, 1, 2, 6, 0, tzinfo=SHANGHAI))
    wang = town.resident()
    await wang.says("几点开门")
    assert "1 月 2 日（周二）8:30" in wang.last.text
    assert "还没公布" in wang.last.text
