"""From the outbox to a channel: order, pace, recording, and what a stop leaves behind."""

import asyncio
import contextlib
import threading
from collections.abc import Sequence

import pytest

from bot.delivery.channel import Abilities
from bot.delivery.ledger import Result
from bot.delivery.patience import SHORT_PAUSE
from bot.delivery.sender import Sender
from bot.errors import Contended, Fenced, Refused, StoreError
from bot.store import sending, withdrawal
from bot.store.queues import OutboxState, Policy, outbox
from bot.store.transaction import Transaction
from bot.telling import OPEN, Lane
from tests.delivery.stage import Stage


async def begins(stage: Stage, count: int) -> None:
    """Returns when so many sends have begun."""
    async with asyncio.timeout(60):
        while len(stage.channel.begun) < count:
            stage.channel.began.clear()
            await stage.channel.began.wait()


async def test_what_arrives_is_recorded_with_the_platforms_message(stage: Stage, sender: Sender) -> None:
    id_ = stage.owes("hello", subject=77)
    await stage.sends(sender)
    row = stage.row(outbox, id_)
    assert (row.state, row.message, row.body) == (OutboxState.SENT, f"m{id_}", None)
    assert stage.channel.sent[0].chat == "chat1"


async def test_what_is_on_its_way_is_not_claimed_again(stage: Stage, sender: Sender) -> None:
    stage.owes("one")
    stage.channel.held["one"] = asyncio.Event()
    assert await sender.step() == 1
    assert await sender.step() == 0
    stage.channel.held["one"].set()
    await sender.idle()
    assert stage.channel.texts == ["one"]


async def test_a_slow_chat_keeps_its_order_and_holds_up_nobody_else(stage: Stage, sender: Sender) -> None:
    for text, address in (("one", 1), ("two", 1), ("for li", 2)):
        stage.owes(text, address=address)
    stage.channel.held["one"] = asyncio.Event()
    await sender.step()
    await begins(stage, 2)
    assert await sender.step() == 0
    stage.channel.held["one"].set()
    await sender.idle()
    await stage.sends(sender)
    assert stage.channel.texts == ["for li", "one", "two"]


async def test_no_more_is_claimed_than_there_are_permits(stage: Stage) -> None:
    stage.channel.abilities = Abilities(per_second=3)
    sender = stage.a_sender()
    for address in range(1, 8):
        stage.owes(str(address), address=address)
    assert await sender.step() == 3
    await sender.idle()
    assert await sender.step() == 0  # the permits come back a second after the answers


async def test_results_that_gather_during_a_commit_are_recorded_together(stage: Stage, sender: Sender) -> None:
    for address in range(1, 11):
        stage.owes(f"for {address}", address=address)
    commits = 0
    write = sender.ledger.record

    def counted(tx: Transaction, results: Sequence[Result]) -> None:
        nonlocal commits
        commits += 1
        write(tx, results)

    sender.ledger.record = counted  # type: ignore[method-assign]  # counts, then writes
    await stage.sends(sender)
    assert {row.state for row in stage.rows(outbox)} == {OutboxState.SENT}
    assert commits < 10


async def test_a_stop_lets_what_is_on_its_way_arrive_and_records_it(stage: Stage, sender: Sender) -> None:
    id_ = stage.owes("one")
    stage.channel.held["one"] = asyncio.Event()
    await sender.step()
    stopping = asyncio.create_task(sender.stop())
    await begins(stage, 1)
    stage.channel.held["one"].set()
    await stopping
    assert stage.row(outbox, id_).state == OutboxState.SENT


async def test_a_stop_waits_for_what_is_being_claimed(stage: Stage, sender: Sender) -> None:
    """What is claimed at that very moment goes out and is recorded: a clean stop leaves nothing in doubt."""
    id_ = stage.owes("one", policy=Policy.HOLD)
    is_busy, may_go_on = threading.Event(), threading.Event()

    def holds_up(_tx: Transaction) -> None:
        is_busy.set()
        assert may_go_on.wait(60)

    held_up = stage.writer.submit(holds_up)
    await asyncio.to_thread(is_busy.wait)
    claiming = asyncio.create_task(sender.step())
    await asyncio.sleep(0)
    stopping = asyncio.create_task(sender.stop())
    await asyncio.sleep(0)
    may_go_on.set()
    await asyncio.gather(held_up, claiming, stopping)
    assert stage.row(outbox, id_).state == OutboxState.SENT


async def test_what_was_claimed_by_a_commit_whose_answer_was_lost_goes_out(stage: Stage, sender: Sender) -> None:
    """A server may have committed although the connection broke: the rows are ours, and nobody was sending them."""
    stage.owes("on its way", address=2)
    stage.channel.held["on its way"] = asyncio.Event()
    await sender.step()
    await begins(stage, 1)
    id_ = stage.owes("one", policy=Policy.HOLD)
    losing = [StoreError("connection lost")]

    def lose(name: str) -> None:
        if name == "after commit" and losing:
            raise losing.pop()

    stage.writer._failpoint = lose
    with pytest.raises(StoreError):
        await sender.step()
    assert stage.row(outbox, id_).state == OutboxState.SENDING
    await sender.step()
    stage.channel.held["on its way"].set()
    await sender.idle()
    assert stage.row(outbox, id_).state == OutboxState.SENT
    assert sorted(stage.channel.texts) == ["on its way", "one"]


async def test_what_is_cut_off_by_a_stop_is_uncertain(stage: Stage, sender: Sender) -> None:
    id_ = stage.owes("one", policy=Policy.HOLD)
    stage.channel.held["one"] = asyncio.Event()
    await sender.step()
    await begins(stage, 1)
    await sender.stop(patience=0)
    assert stage.row(outbox, id_).state == OutboxState.UNCERTAIN


async def test_a_result_that_cannot_be_recorded_keeps_no_other_from_being_recorded(stage: Stage) -> None:
    sender = stage.a_sender()

    def fail(*_facts: object) -> None:
        raise KeyError("a bug of whoever is told")

    sender.ledger._lost = fail
    refused, arrived = stage.owes("one"), stage.owes("for li", address=2)
    stage.channel.troubles["one"] = [Refused("blocked")]
    await stage.sends(sender)
    assert stage.row(outbox, arrived).state == OutboxState.SENT
    assert stage.row(outbox, refused).state == OutboxState.SENDING  # the next start treats it as uncertain
    stage.owes("later", address=1)
    sender._doubts = True  # nor does a claim that is in doubt bring it back
    await stage.sends(sender)
    assert stage.channel.texts[-1] == "later"
    assert stage.row(outbox, refused).state == OutboxState.SENDING


async def test_results_recorded_one_by_one_wait_for_a_database_that_is_away(stage: Stage) -> None:
    """What arrived must not be sent once more at the next start because the database was away for a moment."""
    sender = stage.a_sender()
    ends = [StoreError("disk full")]

    def fail(*_facts: object) -> None:
        raise KeyError("a bug of whoever is told")

    def settles(tx: Transaction, results: Sequence[Result]) -> None:
        if [result.row.id for result in results] == [arrived] and ends:
            raise ends.pop()
        writes(tx, results)

    sender.ledger._lost, writes = fail, sender.ledger.record
    sender.ledger.record = settles  # type: ignore[method-assign]  # the database fails between the two
    refused, arrived = stage.owes("one"), stage.owes("for li", address=2)
    stage.channel.troubles["one"] = [Refused("blocked")]
    await stage.sends(sender)
    assert ends == []
    assert stage.row(outbox, arrived).state == OutboxState.SENT
    assert stage.row(outbox, refused).state == OutboxState.SENDING


@pytest.mark.parametrize("first", [[], [KeyError("faulty")]])
async def test_results_that_another_writer_stood_in_the_way_of_wait_a_moment(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, first: list[Exception]
) -> None:
    """Until they are recorded nothing more goes to these chats; also where they are recorded one by one."""
    sender, pauses, sleep = stage.a_sender(), [0.0], asyncio.sleep
    ends, writes = [*first, Contended("sqlstate 40P01")], sender.ledger.record

    async def passes(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0)

    def settles(tx: Transaction, results: Sequence[Result]) -> None:
        if ends:
            raise ends.pop(0)
        writes(tx, results)

    sender.ledger.record = settles  # type: ignore[method-assign]  # the other writer
    monkeypatch.setattr(asyncio, "sleep", passes)
    id_ = stage.owes("one")
    await stage.sends(sender)
    assert stage.row(outbox, id_).state == OutboxState.SENT
    assert max(pauses) <= SHORT_PAUSE


class Lease:
    """A lease that somebody else has taken over."""

    is_sure = True
    is_lost = False

    def check(self, _tx: Transaction) -> None:
        if self.is_lost:
            raise Fenced("send")


async def test_whoever_has_lost_the_lease_gives_nothing_back(stage: Stage) -> None:
    """What it sent and may not record is for whoever took over to judge: queued anew, it would go out once more."""
    sender = stage.a_sender()
    sender.ledger.fence = lease = Lease()
    id_ = stage.owes("one", policy=Policy.HOLD)
    await sender.step()
    lease.is_lost = True
    await sender.idle()
    sender._doubts = True  # a claim was refused or failed meanwhile
    sender._spacing.begin(1)  # the chat was written to a moment ago
    with contextlib.suppress(StoreError):
        await sender.step()
    assert stage.row(outbox, id_).state == OutboxState.SENDING


async def test_room_that_comes_during_a_claim_is_not_overlooked(stage: Stage) -> None:
    """When it came, nobody knew yet that something is left behind."""
    stage.channel.abilities = Abilities(per_second=3)
    sender = stage.a_sender()
    await sender.step()  # nothing is owed
    sender._trickle.take(1)  # a notice went out a moment ago
    begun, go_on = threading.Event(), threading.Event()

    def holds_up(_tx: Transaction) -> None:
        begun.set()
        go_on.wait()

    stage.owes("news", lane=Lane.NOTICE, policy=Policy.HOLD)
    held_up = asyncio.ensure_future(stage.writer.submit(holds_up))
    await asyncio.to_thread(begun.wait)
    claiming = asyncio.create_task(sender.step())
    await asyncio.sleep(0)
    sender._room_freed()
    go_on.set()
    await held_up
    assert await claiming == 0
    assert stage.out.is_rung


async def test_what_stands_behind_something_refused_waits_for_no_tick(stage: Stage) -> None:
    sender = stage.a_sender()
    stage.audiences[1] = "group"
    stage.owes("words")
    stage.owes("for all", audience=OPEN)
    await sender.step()
    assert stage.out.is_rung
    await sender.step()
    await sender.idle()
    assert stage.channel.texts == ["for all"]


async def test_nor_does_what_stands_behind_something_taken_back(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a server another writer may do that between the read and the claim."""
    sender = stage.a_sender()
    first = stage.owes("words")
    stage.owes("more words")

    def taken_back(tx: Transaction, chosen: list[int]) -> list[int]:
        withdrawal.cancel_rows(tx, [first])
        return [id_ for id_ in chosen if id_ != first]

    monkeypatch.setattr(sending, "_still_queued", taken_back)
    await sender.step()
    assert stage.out.is_rung


async def test_an_answer_wakes_the_sender_only_if_something_was_left_behind(stage: Stage) -> None:
    sender = stage.a_sender()
    stage.owes("one")
    await sender.step()
    await sender.idle()
    assert not stage.out.is_rung
    stage.owes("two")
    stage.owes("three")
    await sender.step()
    await sender.idle()
    assert stage.out.is_rung


async def test_an_address_wakes_the_sender_only_if_something_waits_for_it(stage: Stage) -> None:
    sender = stage.a_sender()
    stage.owes("for wang")
    stage.owes("for wang too")
    stage.owes("for li", address=2)
    stage.channel.held["for wang"] = asyncio.Event()
    await sender.step()
    while 2 in sender._spacing.busy:  # noqa: ASYNC110 - the message to li is recorded by a task of the sender
        await asyncio.sleep(0)
    assert not stage.out.is_rung
    stage.channel.held["for wang"].set()
    await sender.idle()
    assert stage.out.is_rung
