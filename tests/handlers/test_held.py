"""What is said before consent: held a day, then deleted, and never without a word."""

from datetime import datetime

import pytest

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
