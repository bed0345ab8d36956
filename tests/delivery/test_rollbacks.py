"""What a batch that the database took back does to its events: each is redone, none is blamed for another."""

import asyncio

import pytest
import sqlalchemy

from bot.dialogue.conversation import Arrival
from bot.dialogue.screen import Screen
from bot.errors import StoreError
from bot.store import queues
from bot.store.queues import InboxState, Owed, Policy, TimerState, timer
from bot.store.transaction import Transaction
from bot.telling import Lane
from tests.delivery.stage import Stage, writes


async def test_a_store_error_rolls_back_the_batch_and_counts_no_try(stage: Stage) -> None:
    stage.desk.on("first", writes("first"))
    stage.desk.on("second", writes("second", StoreError("disk full")))
    await stage.says("wang", "first")
    await stage.says("li", "second")
    with pytest.raises(StoreError):
        await stage.settle()
    first = set() if not stage.is_on_a_server else {"first"}  # there the first was a batch of its own
    assert stage.facts() == first
    assert stage.tries() == [0, 0]
    assert stage.inbox_states() == ["done" if first else "new", "new"]
    stage.desk.on("second", writes("second"))
    await stage.settle()
    assert stage.facts() == {"first", "second"}


async def test_a_database_that_cannot_work_is_waited_for_ever_longer(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    sound, handled, loop = asyncio.sleep, asyncio.Event(), asyncio.get_running_loop()

    def works_again(_tx: Transaction, _arrival: Arrival) -> list[Screen]:
        loop.call_soon_threadsafe(handled.set)
        return []

    async def pausing(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 6:
            stage.desk.on("hello", works_again)
        await sound(0)

    monkeypatch.setattr(asyncio, "sleep", pausing)
    stage.desk.on("hello", writes("hello", StoreError("disk full")))
    await stage.says("wang", "hello")
    running = asyncio.create_task(stage.dispatcher.run())
    async with asyncio.timeout(60):
        await handled.wait()
    stage.dispatcher.stop()
    await running
    assert pauses == [1, 2, 4, 5, 5, 5]  # the loops wait one behind another, and all must be back within half a minute
    assert stage.tries() == [0]


async def test_a_failed_read_is_that_events_alone(stage: Stage) -> None:
    """On a server it breaks the whole transaction: the batch is rolled back and redone one event at a time."""

    def reads_nonsense(tx: Transaction, _arrival: Arrival) -> list[Screen]:
        tx.read(sqlalchemy.text("SELECT nothing FROM nowhere"))
        return []

    stage.desk.on("nonsense", reads_nonsense)
    for chat, said in (("wang", "before"), ("li", "nonsense"), ("zhao", "after")):
        await stage.says(chat, said)
    await stage.settle()
    assert stage.inbox_states() == [InboxState.DONE, InboxState.SET_ASIDE, InboxState.DONE]
    assert stage.tries() == [0, 3, 0]
    assert {"got before", "got after"} < set(stage.owed())


def owes_without_a_key(tx: Transaction, _arrival: Arrival) -> list[Screen]:
    """Collects a row that no database takes: only the flush finds out."""
    queues.owe(tx, Owed(id=1, channel="silent", address=1, lane=Lane.REPLY, policy=Policy.HOLD,
                        key=None, body=b"", not_before=tx.now))  # type: ignore[arg-type]  # the key is what is wrong  # fmt: skip
    return []


async def test_a_failed_flush_is_redone_one_event_at_a_time(stage: Stage) -> None:
    stage.desk.on("poison", owes_without_a_key)
    stage.desk.on("right", writes("right"))
    await stage.says("wang", "poison")
    await stage.says("li", "right")
    await stage.says("zhao", "hello")
    await stage.settle()
    assert stage.inbox_states() == [InboxState.SET_ASIDE, InboxState.DONE, InboxState.DONE]
    assert stage.tries() == [3, 0, 0]
    assert stage.facts() == {"right"}
    assert {"wrote right", "got hello"} < set(stage.owed())


async def test_a_timer_that_breaks_the_flush_is_not_blamed_on_a_person(stage: Stage) -> None:
    stage.desk.on("poison", owes_without_a_key)
    stage.arms("poison")
    await stage.says("wang", "hello")
    for _minute in range(4):
        await stage.settle()
        stage.clock.advance(minutes=1)
    assert (stage.tries(), stage.inbox_states()) == ([0], [InboxState.DONE])
    assert [row.state for row in stage.rows(timer)] == [TimerState.SET_ASIDE]


async def test_a_failed_commit_is_redone_and_takes_effect_once(stage: Stage) -> None:
    failures = [RuntimeError("commit")]

    def fail_once(name: str) -> None:
        if name == "mid-batch" and failures:
            raise failures.pop()

    stage.dispatcher = stage.a_dispatcher(failpoint=fail_once)
    stage.desk.on("one", writes("one"))
    await stage.says("wang", "one")
    await stage.says("li", "two")
    await stage.settle()
    assert stage.facts() == {"one"}
    assert sorted(stage.owed()) == ["got two", "wrote one"]
    assert stage.tries() == [0, 0]
