"""Nothing is out of reach: long words, many entries and many cases can be read to their end."""

from datetime import datetime

from tests.handlers.talks import registered
from tests.rig import SHANGHAI, Someone, Town

LONG = "".join(f"第{number}句楼道灯坏了。" for number in range(400))


async def read_to_the_end(someone: Someone) -> str:
    """Everything that stands on the pages, joined."""
    await someone.presses("看全部的话")
    pages = [someone.last.text]
    while "下一页" in someone.last.labels:
        await someone.presses("下一页")
        pages.append(someone.last.text)
    return "\n".join(pages)


async def test_a_long_story_is_read_whole_by_both_sides(town: Town) -> None:
    official = await town.official()
    wang, number = await registered(town, "幸福里3号楼2单元的灯坏了")
    await wang.says(f"/add {number} {LONG}")
    for someone, opens in ((official, f"/case {number}"), (wang, number)):
        await someone.says(opens)
        words = (await read_to_the_end(someone)).replace("\n", "")
        assert all(f"第{at}句" in words for at in (0, 150, 399))
        assert "…" not in words


async def test_a_word_said_early_in_the_morning_is_of_that_day(town: Town) -> None:
    """Half past seven here is the evening before in Greenwich."""
    await town.official()
    wang, number = await registered(town, "幸福里3号楼2单元的灯坏了")
    await town.becomes(datetime(2026, 9, 16, 7, 30, tzinfo=SHANGHAI))
    await wang.says(f"/add {number} 现在更黑了")
    await wang.says(number)
    assert "9 月 16 日" in (await read_to_the_end(wang)).split("更黑了")[0].rsplit("您", 1)[0][-20:]


async def test_an_old_case_is_found_behind_newer_ones(town: Town) -> None:
    for building in range(1, 12):
        wang, _number = await registered(town, f"幸福里{building}号楼2单元的灯坏了")
        await town.passes(minutes=1)
    await wang.says("我的事")
    assert "幸福里1号楼" not in wang.last.text
    await wang.presses("更早的")
    assert "幸福里1号楼" in wang.last.text


async def test_the_queue_goes_on(town: Town) -> None:
    official = await town.official()
    for building in range(1, 14):
        await registered(town, f"幸福里{building}号楼2单元的灯坏了", f"r{building}")
    await official.says("待办")
    first = set(official.last.labels)
    await official.presses("后面的")
    assert len([label for label in official.last.labels if "-" in label]) == 3
    assert first.isdisjoint(label for label in official.last.labels if "-" in label)
