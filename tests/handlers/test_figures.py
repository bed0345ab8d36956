"""Figures that a hand count gives too, within the sight of whoever asks."""

from datetime import datetime

import pytest

from bot.office.people.model import Role
from tests.handlers.talks import registered
from tests.rig import SHANGHAI, Town


async def a_month(town: Town) -> None:
    """Three cases due on 9-21: one answered in time, one late, one never; and one taken back."""
    clerk = await town.official("zhou", Role.HANDLER, "xingfuli")
    numbers = [(await registered(town, "幸福里3号楼2单元的灯坏了", chat))[1] for chat in ("a", "b", "c", "d")]
    await town.resident("d").says(f"/withdraw {numbers[3]}")
    await town.resident("d").presses("是，撤回")
    for number, day in ((numbers[0], 18), (numbers[1], 23)):
        await town.becomes(datetime(2026, 9, day, 10, 0, tzinfo=SHANGHAI))
        await clerk.says(f"/answer {number} 修好了")
        await clerk.says("发送")


async def test_a_month_counts_what_fell_due_done_or_not(town: Town) -> None:
    await a_month(town)
    head = await town.official("chen", Role.HEAD)
    await head.says("统计")
    assert "登记 3 件。到期 3 件：按时 1，晚办 1，还没办 1" in head.last.text
    assert "按时率 33.3%（共 3 件）" in head.last.text
    assert "不足：晚办 1 件，到期没办 1 件" in head.last.text


async def test_another_departments_figures_do_not_hold_it(town: Town) -> None:
    await a_month(town)
    other = await town.official("bob", Role.HANDLER, "housing")
    await other.says("/stats 9月")
    assert "登记 0 件。到期 0 件" in other.last.text
    assert "%" not in other.last.text


@pytest.mark.parametrize("words", ["8月", "2026-08", "13", "abc", "9999-99", "0", "2026-0"])
async def test_any_month_or_nonsense_gives_figures(town: Town, words: str) -> None:
    head = await town.official("chen", Role.HEAD)
    await head.says(f"/stats {words}")
    assert "登记 0 件" in head.last.text


async def test_the_queue_shows_a_part_on_request(town: Town) -> None:
    clerk = await town.official("zhou", Role.HANDLER, "xingfuli")
    mine = (await registered(town, "幸福里3号楼2单元的灯坏了", "a"))[1]
    free = (await registered(town, "幸福里3号楼1单元的灯坏了", "b"))[1]
    await clerk.says(f"/take {mine}")
    await clerk.says("/queue 我的")
    assert mine in clerk.last.text
    assert free not in clerk.last.text
    await clerk.presses("没人接（1）")
    assert free in clerk.last.text
    await clerk.says("超期")
    assert "没有这样的件" in clerk.last.text
