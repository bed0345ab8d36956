"""Two departments: what one may not see is as if it did not exist, byte for byte (threat T13)."""

import random
from datetime import datetime
from pathlib import Path

import pytest

from bot.office.cases.number import new_number
from bot.office.people.model import Role
from tests.handlers.talks import consented, registered
from tests.rig import SHANGHAI, Someone, Town

HOUSING = "幸福里5号楼的电梯坏了"


ABOUT = ("case", "take", "tell", "ask", "note", "answer", "close", "contacted", "transfer", "redo", "keep")


async def view(official: Someone, foreign: str) -> list[str]:
    """Everything that an official can get to see by asking."""
    for words in (
        *("/queue", "/overdue", "/stats", "/stats 9月", "/cases", "/help"),
        *(f"/{command} {foreign} x" for command in ABOUT),
        f"/case {foreign}",
        f"查进度 {foreign} 123456",
        foreign,
    ):
        await official.says(words)
    return [heard.text + "|".join(heard.labels) for heard in official.heard]


async def one_town(folder: Path, *, with_foreign: bool) -> list[str]:
    """The medical desk's view of an office in which somebody else's case does, or does not, exist."""
    folder.mkdir()  # noqa: ASYNC240  a test has nobody to hold up
    town = await Town(folder, f"sqlite:///{folder}/huiyin.db").open()
    alice = await town.official("alice", Role.HANDLER, "medical-desk")
    dora = await town.official("dora", Role.HEAD, "medical-desk")
    await town.official("bob", Role.HANDLER, "housing")
    number = new_number(random.Random(1))
    if with_foreign:
        _resident, number = await registered(town, HOUSING)
        await town.official("carol", Role.SUPERVISOR)
    seen = [*await view(alice, number), *await view(dora, number)]
    await town.becomes(datetime(2026, 9, 23, 9, 30, tzinfo=SHANGHAI))  # the foreign case is overdue by now
    seen += [*await view(alice, number), *await view(dora, number)]
    await town.close()
    return [words.replace(number, "NUMBER") for words in seen]


async def test_lists_counts_and_errors_are_the_same_with_the_foreign_case_removed(tmp_path: Path) -> None:
    assert await one_town(tmp_path / "a", with_foreign=True) == await one_town(tmp_path / "b", with_foreign=False)


async def test_a_complaint_about_staff_reaches_supervisors_only(town: Town) -> None:
    handler = await town.official("zhou")
    supervisor = await town.official("carol", Role.SUPERVISOR)
    before = len(handler.heard)
    resident = town.resident()
    await resident.opens()
    await resident.says("好")
    await resident.says("我要投诉医保窗口的工作人员态度恶劣，骂人")
    await resident.presses("保密，能传话")
    await resident.presses("交上去")
    number = resident.number()
    assert number in supervisor.last.text
    assert len(handler.heard) == before
    await handler.says("/queue")
    assert "没有待办" in handler.last.text
    await handler.says(f"/case {number}")
    assert "没有这个编号" in handler.last.text


# --- the department complained about is not the one that deals with it ---


@pytest.mark.parametrize(
    "words",
    ["我要投诉幸福里社区办事拖拉，让我跑了三趟", "举报幸福里社区账目不公开", "投诉医保窗口乱收费",
     "举报村里账目不公开，幸福里这边"],
)  # fmt: skip
async def test_a_department_that_is_complained_about_hears_nothing_of_it(town: Town, words: str) -> None:
    head = await town.official("chen", Role.HEAD)
    accused = [await town.official(slug, Role.HANDLER, slug) for slug in ("xingfuli", "medical-desk")]
    for official in accused:
        official.news()
    resident = await consented(town)
    await resident.says(words)
    await resident.presses("实名")
    await resident.presses("登记")
    assert resident.number() in head.last.text
    for official in accused:
        assert official.news() == []
        await official.says("待办")
        assert "没有待办" in official.last.text


@pytest.mark.parametrize("words", ["我要投诉幸福里社区3号楼楼下油烟", "我要投诉楼下油烟，幸福里3号楼"])
async def test_a_place_of_its_area_is_no_complaint_about_it(town: Town, words: str) -> None:
    community = await town.official("xingfuli", Role.HANDLER, "xingfuli")
    resident = await consented(town)
    await resident.says(words)
    await resident.presses("实名")
    await resident.presses("登记")
    assert resident.number() in community.last.text
    assert "投诉幸福里" not in community.last.text.split("\n居民")[0]
