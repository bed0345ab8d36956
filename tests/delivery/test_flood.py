"""One chat's limit: so many at once, so many a minute, told once, and nobody else notices."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.delivery.channel import Raw
from bot.delivery.flood import URGENT_EVERY, Flood, Limit, Verdict
from bot.delivery.receiver import Receiver
from bot.errors import StoreError
from bot.office.people.model import Role
from bot.store.queues import inbox
from tests.delivery.stage import IDENTITY, LOOKUP, Stage
from tests.rig import TUESDAY, Town

LIMIT = Limit(per_minute=30, burst=60)


def judged(flood: Flood, count: int, *, lane: int = 1, after: float = 0) -> list[Verdict]:
    return [flood.judge(lane, TUESDAY + timedelta(seconds=after)) for _number in range(count)]


def test_the_first_over_the_limit_is_told_and_the_rest_are_dropped() -> None:
    verdicts = judged(flood := Flood(LIMIT), 100)
    assert verdicts == [Verdict.TAKEN] * 60 + [Verdict.TOLD] + [Verdict.DROPPED] * 39
    assert flood.dropped == 39


def test_another_chat_has_its_own_limit() -> None:
    flood = Flood(LIMIT)
    judged(flood, 100)
    assert judged(flood, 1, lane=2) == [Verdict.TAKEN]


def test_after_a_pause_everything_is_taken_again() -> None:
    flood = Flood(LIMIT)
    judged(flood, 100)
    assert judged(flood, 1, after=20) == [Verdict.DROPPED]
    assert judged(flood, 15, after=31) == [Verdict.TAKEN] * 15


@given(st.lists(st.floats(0, 5), min_size=1, max_size=300))
def test_no_more_is_taken_than_the_limit_allows(pauses: list[float]) -> None:
    flood, at, taken = Flood(LIMIT), TUESDAY, 0
    for pause in pauses:
        at += timedelta(seconds=pause)
        taken += flood.judge(1, at) is Verdict.TAKEN
    assert taken <= 60 + sum(pauses) / 2 + 1


def test_what_a_chat_said_while_nobody_was_here_is_no_flood() -> None:
    """Telegram keeps a day's messages and hands them over in one go (https://core.telegram.org/bots/api#getting-updates)."""
    flood = Flood(LIMIT)
    said = [TUESDAY + timedelta(minutes=3 * number) for number in range(200)]
    came = said[-1] + timedelta(minutes=3)
    assert {flood.judge(1, came, at) for at in said} == {Verdict.TAKEN}


def test_what_a_chat_said_in_an_outage_is_no_flood_after_it_was_known_before() -> None:
    flood = Flood(LIMIT)
    flood.judge(1, TUESDAY, TUESDAY)
    said = [TUESDAY + timedelta(seconds=2 * number) for number in range(1800)]  # as fast as it may, for an hour
    assert {flood.judge(1, said[-1], at) for at in said} == {Verdict.TAKEN}


def test_a_flood_that_waited_is_one_all_the_same() -> None:
    flood = Flood(LIMIT)
    verdicts = [flood.judge(1, TUESDAY, TUESDAY - timedelta(hours=1)) for _number in range(100)]
    assert verdicts.count(Verdict.TAKEN) == 60


@given(st.lists(st.tuples(st.floats(0, 5), st.booleans()), min_size=1, max_size=300))
def test_of_what_is_dated_no_more_is_taken_than_the_limit_allows(pauses: list[tuple[float, bool]]) -> None:
    flood, at, taken = Flood(LIMIT), TUESDAY, 0
    for pause, is_dated in pauses:
        at += timedelta(seconds=pause)
        taken += flood.judge(1, at, at - timedelta(hours=1) if is_dated else None) is Verdict.TAKEN
    assert taken <= 60 + 2 * sum(pause for pause, _is_dated in pauses) / 2 + 1


def test_time_that_passed_is_not_counted_twice() -> None:
    """Telegram dates messages by whole seconds: a minute of them is one minute, not one by each clock."""
    flood = Flood(LIMIT)
    moments = [TUESDAY + timedelta(seconds=number / 100) for number in range(6001)]
    verdicts = [flood.judge(1, at, at.replace(microsecond=0)) for at in moments]
    assert verdicts.count(Verdict.TAKEN) <= LIMIT.burst + LIMIT.per_minute
    assert verdicts.count(Verdict.TOLD) <= 3


def test_what_tells_of_danger_is_taken_over_the_limit_once_in_five_minutes() -> None:
    """What to do in danger is said whatever becomes of the rest (N01); whoever repeats it gains nothing by it."""
    flood = Flood(LIMIT)
    judged(flood, 70)
    cries = [flood.judge(1, TUESDAY, danger=lambda: "fire") for _number in range(50)]
    assert cries == [Verdict.URGENT] + [Verdict.DROPPED] * 49
    later = TUESDAY + URGENT_EVERY
    judged(flood, 70, after=URGENT_EVERY.total_seconds())
    assert flood.judge(1, later, danger=lambda: "fire") is Verdict.URGENT


def test_the_first_over_the_limit_may_tell_of_danger_and_the_next_is_told() -> None:
    flood = Flood(LIMIT)
    judged(flood, 60)
    assert flood.judge(1, TUESDAY, danger=lambda: "fire") is Verdict.URGENT
    assert judged(flood, 2) == [Verdict.TOLD, Verdict.DROPPED]


def test_another_danger_is_heard_at_once() -> None:
    """The gas after the fire: other words are due then."""
    flood = Flood(LIMIT)
    judged(flood, 70)
    assert flood.judge(1, TUESDAY, danger=lambda: "fire") is Verdict.URGENT
    assert flood.judge(1, TUESDAY, danger=lambda: "gas") is Verdict.URGENT
    assert flood.judge(1, TUESDAY, danger=lambda: "fire") is Verdict.DROPPED
    assert flood.judge(1, TUESDAY, danger=lambda: "gas") is Verdict.DROPPED


def test_nobody_looks_for_danger_in_what_is_taken_anyway() -> None:
    """A look costs more than the limit itself, and the limit is there to save it."""
    flood, looked = Flood(LIMIT), 0

    def look() -> None:
        nonlocal looked
        looked += 1

    verdicts = [flood.judge(1, TUESDAY, danger=look) for _number in range(200)]
    assert looked == 200 - verdicts.count(Verdict.TAKEN) == 140


def test_of_many_chats_whoever_goes_on_sending_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.delivery.flood.MOST_BUCKETS", 10)
    flood = Flood(LIMIT)
    judged(flood, 70)
    for lane in range(2, 100):
        flood.judge(lane, TUESDAY)
        assert judged(flood, 1) == [Verdict.DROPPED]
    assert len(flood._buckets) == 10


def test_a_clock_that_is_set_back_keeps_no_danger_from_being_heard() -> None:
    flood = Flood(LIMIT)
    judged(flood, 70)
    flood.judge(1, TUESDAY, danger=lambda: "fire")
    assert flood.judge(1, TUESDAY - timedelta(hours=5), danger=lambda: "fire") is Verdict.URGENT


async def test_words_that_cannot_be_read_are_no_call_for_help(stage: Stage) -> None:
    stage.receiver = Receiver(stage.channel, writer=stage.writer, seal=IDENTITY, lookup=LOOKUP, ids=stage.ids,
                              bell=stage.bell, limit=Limit(30, 1), danger_in=lambda _words: "fire")  # fmt: skip
    for _number in range(4):
        await stage.hands_in("wang", b"not an update")
    assert [row.error for row in stage.rows(inbox)] == [None, "flood"]


async def test_a_call_for_help_that_could_not_be_stored_is_heard_when_it_comes_again(stage: Stage) -> None:
    is_full = False

    def fail(name: str) -> None:
        if name == "inbox commit" and is_full:
            raise StoreError("disk full")

    receiver = Receiver(stage.channel, writer=stage.writer, seal=IDENTITY, lookup=LOOKUP, ids=stage.ids,
                        bell=stage.bell, limit=Limit(30, 4), failpoint=fail,
                        danger_in=lambda words: "fire" if words == "fire" else None)  # fmt: skip

    stage.receiver = receiver
    for number in range(6):
        await stage.says("wang", f"words {number}")
    is_full = True
    with pytest.raises(StoreError):
        await stage.says("wang", "fire")
    is_full = False
    await stage.says("wang", "fire")
    assert [row.error for row in stage.rows(inbox)] == [None, None, None, None, "flood", None]


async def test_what_is_dropped_is_confirmed_and_not_stored(stage: Stage) -> None:
    receiver = Receiver(stage.channel, writer=stage.writer, seal=IDENTITY, lookup=LOOKUP, ids=stage.ids,
                        bell=stage.bell, limit=LIMIT)  # fmt: skip
    await receiver.take_in([Raw(str(key), "wang", b"words", stage.clock.now()) for key in range(200)])
    assert len(stage.rows(inbox)) == 61


async def test_what_could_not_be_stored_does_not_count_when_it_comes_again(stage: Stage) -> None:
    is_full = True

    def fail(name: str) -> None:
        if name == "inbox commit" and is_full:
            raise StoreError("disk full")

    receiver = Receiver(stage.channel, writer=stage.writer, seal=IDENTITY, lookup=LOOKUP, ids=stage.ids,
                        bell=stage.bell, limit=LIMIT, failpoint=fail)  # fmt: skip
    updates = [Raw(str(key), "wang", b"words", stage.clock.now()) for key in range(50)]
    for _again in range(5):
        with pytest.raises(StoreError):
            await receiver.take_in(updates)
    is_full = False
    await receiver.take_in(updates)
    assert [row.error for row in stage.rows(inbox)] == [None] * 50


async def test_the_person_is_told_once_in_words(town: Town) -> None:
    resident = town.resident()
    town.app.receivers[town.channel.name].flood = Flood(Limit(per_minute=30, burst=4))
    for number in range(8):
        await resident.says(f"第{number}句")
    assert [words for words in resident.news() if "一下子发得太多" in words] == [resident.last.text]


async def test_who_cries_for_help_in_a_flood_hears_whom_to_call(town: Town) -> None:
    resident = town.resident()
    town.app.receivers[town.channel.name].flood = Flood(Limit(per_minute=30, burst=4))
    for number in range(8):
        await resident.says(f"第{number}句")
    resident.news()
    await resident.says("煤气漏了")
    await resident.says("煤气漏了")
    assert ["119" in words for words in resident.news()].count(True) == 1


async def test_a_flood_in_a_group_calls_nobody(town: Town) -> None:
    """What is said in a group is not the office's to answer: there no words of danger are shown either."""
    boss = await town.official("chen", Role.ADMINISTRATOR)
    room = await town.staff_group(boss)
    town.app.receivers[town.channel.name].flood = flood = Flood(Limit(per_minute=30, burst=1))
    room.news()
    for _number in range(3):
        await room.says_here(boss, "煤气漏了")
    assert room.news() == []
    assert flood.dropped == 1
