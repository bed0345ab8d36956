"""The one thread that writes: one transaction at a time, and what a fault of the database is."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, IntegrityError

from bot.errors import NotFound, StoreError
from bot.store import facts
from bot.store import writer as module
from bot.store.engine import writer_engine
from bot.store.facts import fact
from bot.store.transaction import Transaction
from bot.store.writer import Writer, as_store_error
from tests.rig import FakeClock


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine does not cut a shared transaction short."""
    monkeypatch.setattr(module, "LONGEST_SHARED", 60.0)


def names(tx: Transaction) -> set[str]:
    return set(tx.read(select(fact.c.name)).scalars())


async def test_what_is_submitted_is_committed_before_the_answer(url: URL, writer: Writer, clock: FakeClock) -> None:
    await writer.submit(lambda tx: facts.put(tx, "said", "1"))
    other = Writer(writer_engine(url), clock)
    try:
        assert await other.submit(names) == {"said"}
    finally:
        other.close()


async def test_acts_run_one_after_another_in_the_order_of_their_submission(writer: Writer) -> None:
    order: list[int] = []
    inside = threading.Lock()

    def act(_tx: Transaction, number: int) -> None:
        assert inside.acquire(blocking=False), "two transactions at once"
        order.append(number)
        inside.release()

    await asyncio.gather(*(writer.submit(partial(act, number=number)) for number in range(50)))
    assert order == list(range(50))


async def test_an_act_that_raises_is_rolled_back_and_its_error_handed_over(writer: Writer) -> None:
    def act(tx: Transaction) -> None:
        facts.put(tx, "half", "1")
        raise NotFound("case")

    with pytest.raises(NotFound):
        await writer.submit(act)
    assert await writer.submit(names) == set()


async def test_a_cancelled_caller_must_not_conclude_that_it_was_not_done(writer: Writer) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def act(tx: Transaction) -> None:
        begun.set()
        go_on.wait()
        facts.put(tx, "done", "1")

    waiting = asyncio.ensure_future(writer.submit(act))
    await asyncio.to_thread(begun.wait)
    waiting.cancel()
    go_on.set()
    assert await writer.submit(names) == {"done"}


class Crowd:
    """Acts that wait one behind another, the first until all of them do."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._go_on = threading.Event()
        self.answers: list[asyncio.Future[object]] = []

    def follows(self, act: Callable[[Transaction], object]) -> None:
        first = not self.answers
        held = (lambda tx: (self._go_on.wait(), act(tx))[1]) if first else act
        self.answers.append(asyncio.ensure_future(self._writer.submit(held)))

    async def done(self) -> list[object]:
        before = self._writer.commits
        self._go_on.set()
        found = await asyncio.gather(*self.answers, return_exceptions=True)
        self.commits = self._writer.commits - before
        return found


async def test_acts_that_wait_one_behind_another_share_a_commit(writer: Writer) -> None:
    crowd = Crowd(writer)
    for number in range(5):
        crowd.follows(partial(facts.put, name=f"{number}", value="1"))
    await crowd.done()
    assert crowd.commits == 1
    assert await writer.submit(names) == {"0", "1", "2", "3", "4"}


async def test_an_act_that_fails_takes_back_nothing_but_itself(writer: Writer) -> None:
    def fails(tx: Transaction) -> None:
        facts.put(tx, "half", "1")
        raise NotFound("case")

    def is_wrong(tx: Transaction) -> None:
        for _twice in range(2):
            tx.write(fact.insert().values(name="twice", value="1"))

    crowd = Crowd(writer)
    for act in (lambda tx: facts.put(tx, "before", "1"), fails, is_wrong, lambda tx: facts.put(tx, "after", "1")):
        crowd.follows(act)
    assert [type(answer) for answer in await crowd.done()] == [type(None), NotFound, IntegrityError, type(None)]
    assert crowd.commits == 1
    assert await writer.submit(names) == {"before", "after"}


async def test_the_first_act_that_fails_takes_nobody_with_it(writer: Writer) -> None:
    def fails(tx: Transaction) -> None:
        facts.put(tx, "half", "1")
        raise NotFound("case")

    crowd = Crowd(writer)
    crowd.follows(fails)
    crowd.follows(lambda tx: facts.put(tx, "after", "1"))
    assert [type(answer) for answer in await crowd.done()] == [NotFound, type(None)]
    assert await writer.submit(names) == {"after"}


async def test_where_the_transaction_is_lost_nobody_is_told_that_it_stands(writer: Writer) -> None:
    def loses(tx: Transaction) -> None:
        tx.read(text("ROLLBACK"))  # as a database does of itself when its disk is full
        raise StoreError("disk full")

    crowd = Crowd(writer)
    crowd.follows(lambda tx: facts.put(tx, "before", "1"))
    crowd.follows(loses)
    assert [type(answer) for answer in await crowd.done()] == [StoreError, StoreError]
    assert await writer.submit(names) == set()


async def test_an_act_that_hides_a_failed_statement_is_not_told_that_it_stands(url: URL, writer: Writer) -> None:
    """A server then takes back the whole transaction at its commit, and says nothing."""
    if url.get_backend_name() == "sqlite":
        pytest.skip("an embedded database takes back the statement alone")

    def hides(tx: Transaction) -> None:
        facts.put(tx, "half", "1")
        with contextlib.suppress(DBAPIError):
            tx.read(text("SELECT nothing FROM nowhere"))

    with pytest.raises(RuntimeError):
        await writer.submit(hides)
    crowd = Crowd(writer)
    for act in (lambda tx: facts.put(tx, "before", "1"), hides, lambda tx: facts.put(tx, "after", "1")):
        crowd.follows(act)
    assert [type(answer) for answer in await crowd.done()] == [type(None), RuntimeError, type(None)]
    assert await writer.submit(names) == {"before", "after"}


async def test_what_no_transaction_may_hold_comes_after_those_that_share_one(writer: Writer) -> None:
    crowd, seen = Crowd(writer), []
    crowd.follows(lambda tx: facts.put(tx, "before", "1"))
    bare = asyncio.ensure_future(writer.submit_bare(lambda driver: seen.append(writer.commits)))
    crowd.follows(lambda tx: facts.put(tx, "after", "1"))
    await crowd.done()
    await bare
    assert (crowd.commits, seen) == (2, [1])


async def test_a_wrong_statement_is_no_fault_of_the_database(writer: Writer) -> None:
    def act(tx: Transaction) -> None:
        for _twice in range(2):
            tx.write(fact.insert().values(name="one", value="1"))

    with pytest.raises(IntegrityError):
        await writer.submit(act)
    assert await writer.submit(names) == set()


async def test_a_failed_commit_leaves_nothing(url: URL, clock: FakeClock) -> None:
    def fail(name: str) -> None:
        if name == "before commit":
            raise StoreError("disk full")

    writer = Writer(writer_engine(url), clock, fail)
    with pytest.raises(StoreError):
        await writer.submit(lambda tx: facts.put(tx, "lost", "1"))
    writer.close()
    sound = Writer(writer_engine(url), clock)
    try:
        assert await sound.submit(names) == set()
    finally:
        sound.close()


def test_an_answer_that_nobody_waits_for_any_more_does_not_stop_the_writer(writer: Writer) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def act(tx: Transaction) -> None:
        begun.set()
        go_on.wait()
        facts.put(tx, "done", "1")

    async def ask() -> None:
        _unanswered = writer.submit(act)
        await asyncio.to_thread(begun.wait)

    asyncio.run(ask())
    go_on.set()

    async def ask_again() -> set[str]:
        return await writer.submit(names)

    assert asyncio.run(ask_again()) == {"done"}


async def test_closing_finishes_what_was_submitted(url: URL, writer: Writer, clock: FakeClock) -> None:
    closing = Writer(writer_engine(url), clock)
    answers = [closing.submit(partial(facts.put, name=f"{number}", value="1")) for number in range(5)]
    await asyncio.to_thread(closing.close)
    await asyncio.gather(*answers)
    assert await writer.submit(names) == {"0", "1", "2", "3", "4"}


async def test_a_locked_database_is_a_store_error_and_the_next_act_works(
    tmp_path: Path, url: URL, clock: FakeClock
) -> None:
    if url.get_backend_name() != "sqlite":
        pytest.skip("PostgreSQL waits for rows, not for the database")
    writer, other = Writer(writer_engine(url), clock), writer_engine(url)
    await writer.submit(lambda tx: tx.read(text("PRAGMA busy_timeout=0")))
    with other.connect() as connection, connection.begin(), pytest.raises(StoreError, match="sqlite 5"):
        await writer.submit(names)
    assert await writer.submit(names) == set()
    writer.close()
    other.dispose()


async def test_a_lost_connection_is_a_store_error_and_the_next_act_connects_anew(url: URL, clock: FakeClock) -> None:
    if url.get_backend_name() == "sqlite":
        pytest.skip("an embedded database has no connection to lose")
    writer, killer = Writer(writer_engine(url), clock), Writer(writer_engine(url), clock)
    mine = await writer.submit(lambda tx: tx.read(text("SELECT pg_backend_pid()")).scalar_one())
    await killer.submit(lambda tx: tx.read(text("SELECT pg_terminate_backend(:pid)"), {"pid": mine}).scalar_one())
    with pytest.raises(StoreError):
        await writer.submit(names)
    assert await writer.submit(names) == set()
    writer.close()
    killer.close()


async def test_a_writer_that_stands_still_gives_up_its_locks(url: URL, clock: FakeClock) -> None:
    if url.get_backend_name() == "sqlite":
        pytest.skip("an embedded database has one writer")
    writer, other = Writer(writer_engine(url), clock), Writer(writer_engine(url), clock)
    assert await writer.submit(lambda tx: tx.read(text("SHOW idle_in_transaction_session_timeout")).scalar()) == "6s"
    frozen = threading.Event()
    thawed = threading.Event()

    def stand_still(tx: Transaction) -> None:
        facts.put(tx, "half", "1")
        tx.read(text("SET LOCAL idle_in_transaction_session_timeout = 10"))
        frozen.set()
        thawed.wait()
        facts.put(tx, "other half", "1")

    late = writer.submit(stand_still)
    await asyncio.to_thread(frozen.wait)
    await other.submit(lambda tx: facts.put(tx, "half", "2"))  # waits for the lock until the server frees it
    thawed.set()
    with pytest.raises(StoreError):
        await late
    assert await writer.submit(names) == {"half"}
    writer.close()
    other.close()


class DriverError(Exception):
    """A driver's error with the codes that its database gave."""

    def __init__(self, *, sqlite: int | None = None, sqlstate: str | None = None) -> None:
        super().__init__("as the driver says")
        if sqlite is not None:
            self.sqlite_errorcode = sqlite
        self.sqlstate = sqlstate


SQLITE = {"BUSY": 5, "LOCKED": 6, "NOMEM": 7, "READONLY": 8, "IOERR": 10, "CORRUPT": 11, "FULL": 13, "CANTOPEN": 14}


@pytest.mark.parametrize("code", SQLITE.values(), ids=SQLITE.keys())
def test_faults_of_the_file_are_store_errors(code: int) -> None:
    extended = code | 7 << 8  # for example SQLITE_IOERR_FSYNC
    assert as_store_error(DBAPIError("…", None, DriverError(sqlite=code)))
    assert as_store_error(DBAPIError("…", None, DriverError(sqlite=extended)))


@pytest.mark.parametrize("state", ["08006", "25006", "25P03", "40001", "40P01", "53100", "57P01", "58030"])
def test_faults_of_the_server_are_store_errors(state: str) -> None:
    assert as_store_error(DBAPIError("…", None, DriverError(sqlstate=state)))


@pytest.mark.parametrize("error", [DriverError(sqlite=19), DriverError(sqlite=1), DriverError(sqlstate="23505"),
                                   DriverError(sqlstate="42601")])  # fmt: skip
def test_any_other_fault_counts_a_try(error: DriverError) -> None:
    assert as_store_error(DBAPIError("…", None, error)) is None


def test_an_error_of_our_own_code_is_no_store_error() -> None:
    assert as_store_error(KeyError("case")) is None
    assert as_store_error(StoreError("lost"))
