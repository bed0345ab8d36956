"""A notice of tests, up to the point where somebody agrees to it. Chen writes, Li agrees."""

from datetime import datetime

from bot.office.people.model import Role
from tests.rig import SHANGHAI, Someone, Town

NIGHT = datetime(2026, 9, 17, 22, 40, tzinfo=SHANGHAI)
WORDS = "明天上午 9 点到 11 点检修水管，请提前存水。"


async def residents(town: Town, count: int = 3, prefix: str = "r") -> list[Someone]:
    """People who have agreed, and read what came so far."""
    people = [town.resident(f"{prefix}{number}") for number in range(count)]
    for person in people:
        await person.opens()
        await person.says("好")
        person.news()
    return people


async def office(town: Town) -> tuple[Someone, Someone]:
    """A head who writes and an approver."""
    return await town.official("chen", Role.HEAD), await town.official("li", Role.APPROVER)


async def asked(town: Town, chen: Someone, words: str = WORDS, whom: str = "全青石街道") -> None:
    await chen.says(f"/notice {words}")
    await presses(chen, whom)
    await chen.presses("送批")


async def presses(person: Someone, beginning: str) -> None:
    """The newest button whose label begins so."""
    labels = [label for heard in reversed(person.heard) for label in heard.labels if label.startswith(beginning)]
    assert labels, person.last.labels
    await person.presses(labels[0])


async def agreed(li: Someone, count: int) -> None:
    await li.presses("看过了，我来批")
    await li.says(str(count))
