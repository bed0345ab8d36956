"""From 21:30 to 8:00 nothing of an ordinary notice goes out: whatever is on its way or stops meanwhile."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from bot.errors import NotSent
from bot.store.queues import OutboxState, outbox
from bot.telling import Lane
from tests.handlers.test_notices import WORDS, agreed, asked, office, residents
from tests.handlers.test_notices_survive import PEOPLE, killer, mortal
from tests.rig import SHANGHAI, Someone, Town

__all__ = ["killer", "mortal"]  # fixtures


def at(hour: int, minute: int, second: int = 0, *, day: int = 17) -> datetime:
    return datetime(2026, 9, day, hour, minute, second, tzinfo=SHANGHAI)


def letters(people: list[Someone]) -> int:
    return sum(WORDS in heard.text for person in people for heard in person.heard)


async def begun(town: Town, seconds: int) -> list[Someone]:
    """A notice starts at 21:29:52; its first message could not be sent and is due again in so many seconds."""
    people = await residents(town, PEOPLE)
    chen, li = await office(town)
    town.clock.set(at(17, 0))
    await asked(town, chen)
    town.clock.set(at(21, 28, 52))
    await agreed(li, PEOPLE)
    town.channel.fault = NotSent("429", timedelta(seconds=seconds))
    await town.becomes(at(21, 29, 52))
    assert letters(people) == 1
    return people


async def sends(town: Town) -> None:
    """The sender is the first to look at the clock."""
    sender = town.app.senders[town.channel.name]
    sender.bell.ring()
    await sender.step()
    await sender.idle()


async def all_come_in_the_morning(town: Town, people: list[Someone]) -> None:
    await town.becomes(at(7, 59, 59, day=18))
    assert letters(people) == 1
    await town.becomes(at(8, 2, day=18))
    assert letters(people) == PEOPLE


async def test_the_last_second_before_is_not_used_up(mortal: Town) -> None:
    people = await begun(mortal, 9)
    await mortal.becomes(at(21, 29, 59))
    mortal.clock.set(at(21, 30, 1))
    await sends(mortal)
    assert letters(people) == 1
    await all_come_in_the_morning(mortal, people)


async def test_an_office_that_starts_again_at_night_sends_nothing_first(mortal: Town) -> None:
    people = await begun(mortal, 9)
    mortal.clock.set(at(22, 40))
    mortal.crash()
    await mortal.open()
    await sends(mortal)
    assert letters(people) == 1
    await all_come_in_the_morning(mortal, people)


async def test_what_was_on_its_way_and_comes_back_waits_too(mortal: Town) -> None:
    people = await begun(mortal, 5)
    waiting = select(outbox.c.id).where(outbox.c.state == OutboxState.QUEUED, outbox.c.lane == Lane.NOTICE)
    row = mortal.store.writer.run(lambda tx: tx.flushed().execute(waiting).scalar_one())
    change = update(outbox).where(outbox.c.id == row)
    mortal.store.writer.run(lambda tx: tx.flushed().execute(change.values(state=OutboxState.SENDING)))
    await mortal.becomes(at(21, 29, 58))
    again = change.values(state=OutboxState.QUEUED, not_before=at(21, 31), later=True)
    mortal.store.writer.run(lambda tx: tx.flushed().execute(again))
    await mortal.becomes(at(22, 0))
    assert letters(people) == 1
    await all_come_in_the_morning(mortal, people)


@pytest.mark.parametrize("second", [50, 57])
async def test_what_whoever_agrees_is_told_is_what_happens(mortal: Town, second: int) -> None:
    """Agreed to a minute before: it starts then, or says that it waits."""
    people = await residents(mortal, 1)
    chen, li = await office(mortal)
    mortal.clock.set(at(17, 0))
    await asked(mortal, chen)
    mortal.clock.set(at(21, 28, second))
    await agreed(li, 1)
    is_tonight = "60 秒后开始" in li.last.text
    await mortal.becomes(at(22, 0))
    assert letters(people) == is_tonight
    assert is_tonight == (second == 50)
    await mortal.becomes(at(8, 2, day=18))
    assert letters(people) == 1
