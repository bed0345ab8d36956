"""Leases: one holder at a time, by the server's clock; a holder that has lost its lease may do nothing any more."""

import os
import subprocess
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import func, select
from sqlalchemy.engine import URL

from bot.errors import Fenced
from bot.store import facts, leases
from bot.store.engine import writer_engine
from bot.store.transaction import Transaction
from bot.store.writer import Writer
from tests.rig import FakeClock

SEND = "send telegram:1"
OVER = timedelta(0)  # a term that has ended as soon as it began


def test_a_lease_has_one_holder(writer: Writer) -> None:
    assert writer.run(lambda tx: leases.take(tx, SEND, "a"))
    assert writer.run(lambda tx: leases.take(tx, SEND, "b")) is None
    assert writer.run(lambda tx: leases.take(tx, "send telegram:2", "b"))


def test_whoever_falls_silent_loses_it_to_a_higher_epoch(writer: Writer) -> None:
    old = writer.run(lambda tx: leases.take(tx, SEND, "a", OVER))
    new = writer.run(lambda tx: leases.take(tx, SEND, "b"))
    assert old
    assert new
    assert new > old
    assert not writer.run(lambda tx: leases.renew(tx, SEND, old))
    with pytest.raises(Fenced):
        writer.run(lambda tx: leases.check(tx, SEND, old))
    writer.run(lambda tx: leases.check(tx, SEND, new))


def test_a_late_holder_keeps_what_nobody_wanted(writer: Writer) -> None:
    epoch = writer.run(lambda tx: leases.take(tx, SEND, "a", OVER))
    assert epoch
    assert writer.run(lambda tx: leases.renew(tx, SEND, epoch))
    assert writer.run(lambda tx: leases.take(tx, SEND, "b")) is None


def test_what_is_released_is_free_at_once_and_only_its_holder_can_release_it(writer: Writer) -> None:
    old = writer.run(lambda tx: leases.take(tx, SEND, "a"))
    assert old
    writer.run(lambda tx: leases.release(tx, SEND, old - 1))
    assert writer.run(lambda tx: leases.take(tx, SEND, "b")) is None
    writer.run(lambda tx: leases.release(tx, SEND, old))
    assert (writer.run(lambda tx: leases.take(tx, SEND, "b")) or 0) > old
    with pytest.raises(Fenced):
        writer.run(lambda tx: leases.check(tx, SEND, old))


def test_nobody_waits_for_a_process_of_this_machine_that_is_gone(writer: Writer) -> None:
    """Whoever starts again after a crash goes on at once; of another machine nothing is known, so it is waited for."""
    died = subprocess.Popen(("true",))
    died.wait()
    me = leases.myself()
    gone = me.replace(f" {os.getpid()} ", f" {died.pid} ")
    assert writer.run(lambda tx: leases.take(tx, SEND, gone))
    assert writer.run(lambda tx: leases.take(tx, SEND, me))
    assert writer.run(lambda tx: leases.open_run(tx, 5, gone))
    assert not writer.run(lambda tx: leases.open_run(tx, 6, me))
    assert [run.holder for run in writer.run(leases.runs)] == [me]
    there = me.replace(f" {os.getpid()} ", f" {os.getppid()} ")
    for holder in (there, gone + "elsewhere"):
        assert writer.run(partial(leases.take, name=holder, holder=holder))
        assert writer.run(partial(leases.take, name=holder, holder=me)) is None


def test_nobody_takes_over_between_a_check_and_its_commit(url: URL, writer: Writer, clock: FakeClock) -> None:
    """The holder is late and checks: what it then does counts before the one that takes over, never beside it."""
    epoch = writer.run(lambda tx: leases.take(tx, SEND, "a", OVER))
    other = Writer(writer_engine(url), clock)

    def act(tx: Transaction) -> int | None:
        leases.check(tx, SEND, epoch or 0)
        return other.run(lambda tx: leases.take(tx, SEND, "b")) if tx.is_postgresql else None

    assert writer.run(act) is None
    assert other.run(lambda tx: leases.take(tx, SEND, "b"))
    other.close()


def test_a_lease_counts_by_the_servers_clock(writer: Writer, clock: FakeClock) -> None:
    if not writer.run(lambda tx: tx.is_postgresql):
        pytest.skip("an embedded database has no clock of its own")
    assert writer.run(lambda tx: leases.take(tx, SEND, "a"))
    clock.advance(days=1)
    assert writer.run(lambda tx: leases.take(tx, SEND, "b")) is None
    reading = select(func.extract("epoch", func.clock_timestamp()))
    servers = float(writer.run(lambda tx: tx.read(reading).scalar_one()))
    assert abs(writer.run(leases.moment).timestamp() - servers) < 60


def test_runs_have_numbers_that_nobody_had_before(url: URL, writer: Writer, clock: FakeClock) -> None:
    other = Writer(writer_engine(url), clock)
    numbers = [(other if turn % 2 else writer).run(facts.next_epoch) for turn in range(6)]
    other.close()
    assert numbers == sorted(set(numbers))


def test_a_process_that_died_is_noticed_by_the_next_one(writer: Writer) -> None:
    assert writer.run(lambda tx: leases.open_run(tx, 1, "a"))
    assert writer.run(lambda tx: leases.open_run(tx, 2, "b"))
    assert [run.holder for run in writer.run(leases.runs)] == ["a", "b"]
    assert writer.run(lambda tx: leases.renew(tx, "run 2", 2, OVER))
    assert [run.holder for run in writer.run(leases.runs)] == ["a"]
    assert not writer.run(lambda tx: leases.open_run(tx, 3, "c"))
    assert writer.run(lambda tx: leases.open_run(tx, 4, "d"))
