"""Leases at work: who waits takes over, and whoever has lost a lease may finish nothing that it has in hand."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy.engine import URL

from bot.delivery.receiver import Receiver
from bot.delivery.sender import Sender
from bot.delivery.tenure import Keeper, Tenure, clock
from bot.errors import Fenced
from bot.store import leases
from bot.store.engine import writer_engine
from bot.store.queues import inbox, outbox
from bot.store.transaction import Transaction
from bot.store.writer import Writer
from tests.delivery.stage import IDENTITY, LOOKUP, Stage
from tests.rig import FakeClock

SEND = "send silent"
SURE = float("inf")
OVER = timedelta(0)


def taken(stage: Stage, *, sure_until: float = SURE, term: timedelta = leases.TERM) -> Tenure:
    epoch = stage.writer.run(lambda tx: leases.take(tx, SEND, "test", term))
    assert epoch is not None
    return Tenure(SEND, epoch, sure_until)


def sender_of(stage: Stage, tenure: Tenure) -> Sender:
    sender = stage.a_sender(epoch=tenure.epoch)
    sender.ledger.fence = tenure
    return sender


async def test_a_sender_that_has_lost_its_lease_takes_nothing(stage: Stage) -> None:
    old = sender_of(stage, taken(stage, term=OVER))
    taken(stage)
    row = stage.owes("hello")
    with pytest.raises(Fenced):
        await old.step()
    assert (stage.channel.texts, stage.row(outbox, row).state) == ([], "queued")


async def test_what_a_loser_has_under_way_is_the_next_ones_to_settle(stage: Stage) -> None:
    """The loser's message arrives after the other has settled it as perhaps arrived: its word comes too late."""
    old = sender_of(stage, taken(stage, term=OVER))
    stage.channel.held["hello"] = asyncio.Event()
    row = stage.owes("hello")
    await old.step()
    await stage.channel.began.wait()
    new = sender_of(stage, taken(stage))
    await stage.writer.submit(new.ledger.settle_orphans)
    stage.channel.held["hello"].set()
    await old.idle()
    assert stage.row(outbox, row).state == "queued"
    assert stage.row(outbox, row).repeats == 1
    stage.clock.advance(minutes=2)
    await stage.sends(new)
    assert stage.row(outbox, row).state == "sent"


async def test_a_sender_that_was_stopped_for_a_term_sends_nothing_it_has_claimed(stage: Stage) -> None:
    old = sender_of(stage, taken(stage, sure_until=clock()))
    row = stage.owes("hello")
    await old.step()
    await old.idle()
    assert (stage.channel.texts, stage.row(outbox, row).state) == ([], "queued")


async def test_a_receiver_that_has_lost_its_lease_stores_nothing_and_acknowledges_nothing(stage: Stage) -> None:
    tenure = taken(stage, term=OVER)
    stage.receiver = Receiver(stage.channel, writer=stage.writer, seal=IDENTITY, lookup=LOOKUP, ids=stage.ids,
                              bell=stage.bell, fence=tenure)  # fmt: skip
    await stage.says("wang", "one")
    taken(stage)
    with pytest.raises(Fenced):
        await stage.says("wang", "two")
    assert len(stage.rows(inbox)) == 1


async def test_whoever_waits_takes_over_when_the_holder_lets_go(url: URL, stage: Stage, clock: FakeClock) -> None:
    """Both on writers of their own, as two processes have them."""
    other, events = Writer(writer_engine(url), clock), asyncio.Queue[str]()

    def keeper(name: str, writer: Writer) -> Keeper:
        async def begin(_tenure: Tenure) -> None:
            await events.put(f"{name} begins")

        async def end() -> None:
            await events.put(f"{name} ends")

        return Keeper(SEND, writer=writer, holder=name, begin=begin, end=end)

    first = asyncio.create_task(keeper("a", stage.writer).run())
    async with asyncio.timeout(30):
        assert await events.get() == "a begins"
        second = asyncio.create_task(keeper("b", other).run())
        first.cancel()
        assert await events.get() == "a ends"
        assert await events.get() == "b begins"
        second.cancel()
        assert await events.get() == "b ends"
    await asyncio.gather(first, second, return_exceptions=True)
    assert stage.writer.run(leases.standing) == []
    other.close()


async def test_a_keeper_ends_its_work_when_somebody_else_has_the_lease(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.delivery.tenure.RENEWED", 0.01)
    begun, ended = asyncio.Event(), asyncio.Event()

    async def begin(_tenure: Tenure) -> None:
        begun.set()

    async def end() -> None:
        ended.set()

    def seize(tx: Transaction) -> None:
        """In one transaction: a free lease the keeper would take itself."""
        leases.release(tx, SEND, keeper.tenure.epoch if keeper.tenure else 0)
        assert leases.take(tx, SEND, "b") is not None

    keeper = Keeper(SEND, writer=stage.writer, holder="a", begin=begin, end=end)
    running = asyncio.create_task(keeper.run())
    async with asyncio.timeout(30):
        await begun.wait()
        await stage.writer.submit(seize)
        await ended.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
