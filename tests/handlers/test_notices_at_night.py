"""From 21:30 to 8:00 nothing of an ordinary notice goes out, whatever is on its way or stops; what is urgent rings."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from bot.errors import NotSent
from bot.office.people.model import Role
from bot.store.queues import OutboxState, outbox
from bot.telling import Lane
from tests.handlers.notices import WORDS, agreed, asked, office, presses, residents
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


async def test_the_author_hears_when_those_who_may_agree_see_it(town: Town) -> None:
    """Outside working hours nobody is asked about what is not urgent: eight o'clock is promised to nobody."""
    people = await residents(town, 1)
    chen, li = await office(town)
    town.clock.set(at(22, 40))
    await chen.says(f"通知 {WORDS}")
    await presses(chen, "不急")
    await presses(chen, "全青石街道")
    assert "批了以后，最早 9 月 18 日（周五）8:00 发。" in chen.last.text
    li.news()
    await chen.presses("送批")
    assert "1 位能批的人 9 月 18 日（周五）8:30 上班时看到" in chen.last.text
    await town.becomes(at(8, 29, day=18))
    assert not li.news()
    await town.becomes(at(8, 30, day=18))
    assert len(li.news()) == 1
    await agreed(li, 1)
    await town.becomes(at(8, 35, day=18))
    assert letters(people) == 1


async def previewed(town: Town) -> Someone:
    """Who has written an urgent notice for everybody and reads the answers."""
    await residents(town, 1)
    chen, _li = await office(town)
    town.clock.set(at(22, 40))
    await chen.says(f"通知 {WORDS}")
    await chen.presses("紧急，今晚发")
    await presses(chen, "全青石街道")
    await presses(chen, "1 我自己")
    return chen


async def urgent(town: Town) -> tuple[Someone, Someone]:
    """An urgent notice that waits for somebody to agree."""
    chen = await previewed(town)
    await chen.presses("送批")
    return chen, town.people["li"]


async def test_whoever_reads_the_answers_can_be_changed_in_the_preview(town: Town) -> None:
    chen = await previewed(town)
    assert "看回话的人：我自己" in chen.last.text
    await town.official("du", Role.SUPERVISOR)
    await chen.presses("换人看回话")
    await presses(chen, "2 ")
    assert "看回话的人：" in chen.last.text
    assert "我自己" not in chen.last.text
    assert "送批" in chen.last.labels
    await chen.presses("改成不急")  # nobody is rung then
    assert "换人看回话" not in chen.last.labels


async def test_where_nobody_agrees_the_author_hears_so_and_the_ringing_ends(town: Town) -> None:
    chen, li = await urgent(town)
    li.news(), chen.news()
    await town.becomes(at(22, 49))
    assert len(li.news()) == 4
    assert not chen.news()
    await town.becomes(at(22, 51))
    assert len(li.news()) == 1
    (words,) = chen.news()
    assert "10 分钟了还没人批" in words
    assert "打电话" in words
    await town.becomes(at(6, 0, day=18))
    assert len(li.news()) == 10  # half an hour in all
    assert ["20 分钟了" in words or "30 分钟了" in words for words in chen.news()] == [True, True]
    await chen.presses("打开")
    await chen.presses("送批")  # whoever asks again rings again
    assert len(li.news()) == 1
    await town.passes(minutes=2)
    assert len(li.news()) == 1
    await agreed(li, 1)
    await town.passes(minutes=5)
    await town.passes(seconds=10)
    assert "已送出 1" in chen.last.text


async def test_asking_again_while_it_rings_rings_nobody_twice(town: Town) -> None:
    chen, li = await urgent(town)
    await town.passes(minutes=2)
    li.news()
    await chen.presses("送批")
    assert not li.news()
