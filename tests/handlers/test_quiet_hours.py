"""21:30 to 8:00: answers arrive without sound, unless the resident was writing a moment ago."""

from datetime import datetime

import pytest

from tests.rig import SHANGHAI, Town


@pytest.mark.parametrize(("minutes", "is_silent"), [(5, False), (14, False), (16, True), (300, True)])
async def test_an_answer_at_night_is_silent_unless_the_resident_is_there(
    town: Town, minutes: int, is_silent: bool
) -> None:
    resident, official = town.resident(), await town.official()
    town.clock.set(datetime(2026, 9, 15, 22, 0, tzinfo=SHANGHAI))
    for words in ("/start", "好", "楼道灯坏了 幸福里3号楼2单元", "登记"):
        await resident.says(words)
    await town.passes(minutes=minutes)
    await official.says(f"/answer {resident.number()} 修好了")
    await official.says("发送")
    assert "修好了" in resident.last.text
    assert resident.last.screen.silent is is_silent


async def test_an_answer_in_the_daytime_makes_its_sound(town: Town) -> None:
    resident, official = town.resident(), await town.official()
    for words in ("/start", "好", "楼道灯坏了 幸福里3号楼2单元", "登记"):
        await resident.says(words)
    await town.passes(minutes=60)
    await official.says(f"/answer {resident.number()} 修好了")
    await official.says("发送")
    assert not resident.last.screen.silent
