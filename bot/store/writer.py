"""The one thread that writes: one transaction at a time, plain functions inside. It never waits for a network.

A commit that survives a power loss is what costs. So acts that wait one behind another share a transaction: each but
the first under a savepoint of its own, so that one that fails takes back nothing but itself, and none is answered
before the commit.
"""

import asyncio
import contextlib
import queue
import sqlite3
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from bot.clock import Clock
from bot.errors import Contended, StoreError
from bot.store.engine import empty_log
from bot.store.prepared import execute
from bot.store.transaction import Transaction

T = TypeVar("T")
Failpoint = Callable[[str], None]

LONGEST_SHARED = 0.020  # seconds after which a transaction takes in no further act: everybody in it waits for its end

# primary result codes of SQLite: BUSY LOCKED NOMEM READONLY IOERR CORRUPT FULL CANTOPEN
_SQLITE_STORE_CODES = frozenset((5, 6, 7, 8, 10, 11, 13, 14))
_SQLSTATE_STORE_CLASSES = ("08", "25006", "25P03", "40", "53", "57", "58")  # 25006: read-only; 25P03: it stood still
_SQLSTATE_CONTENDED = ("40001", "40P01")  # serialization_failure, deadlock_detected


def no_failpoint(_name: str) -> None:
    """Failpoints are for tests; the running program has none armed."""


def as_store_error(error: BaseException) -> StoreError | None:
    """The StoreError for a fault of the database itself; none where the statement is to blame."""
    if isinstance(error, StoreError):
        return error
    if not isinstance(error, DBAPIError):
        return None
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None and code & 0xFF in _SQLITE_STORE_CODES:
        return StoreError(f"sqlite {code & 0xFF}")
    state = getattr(error.orig, "sqlstate", None)
    if state in _SQLSTATE_CONTENDED:
        return Contended(f"sqlstate {state}")
    if error.connection_invalidated or (state and state.startswith(_SQLSTATE_STORE_CLASSES)):
        return StoreError(f"sqlstate {state}")
    if state is None and code is None and type(error.orig).__name__ == "OperationalError":
        return StoreError("connection lost")
    return None


def _is_aborted(connection: Connection) -> bool:
    """Whether a server takes nothing more in this transaction; the driver knows without asking."""
    driver: Any = connection.connection.dbapi_connection
    return bool(driver.info.transaction_status.name == "INERROR")


@dataclass(eq=False)
class _Call:
    """An act that somebody waits for in a loop."""

    act: Callable[[Any], Any]
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Any]"
    bare: bool = False
    result: Any = None
    error: BaseException | None = None

    def run(self, what: Any) -> None:
        self.result = self.act(what)

    def answer(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop ended meanwhile: nobody waits, and the writer must live on
            self.loop.call_soon_threadsafe(self._settle)

    def _settle(self) -> None:
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class Writer:
    """Runs acts one after another; each is whole or not at all, and committed before its answer is given."""

    def __init__(self, engine: Engine, clock: Clock, failpoint: Failpoint = no_failpoint) -> None:
        self._engine = engine
        self._clock = clock
        self._failpoint = failpoint
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._behind: list[_Call | None] = []  # taken from the queue, and not for the transaction at hand
        self._connection: Connection | None = None
        self._began: float | None = None
        self.commits = 0
        self._thread = threading.Thread(target=self._work, name="writer", daemon=True)
        self._thread.start()

    def submit(self, act: Callable[[Transaction], T]) -> Awaitable[T]:
        """Runs `act` in a transaction. A cancelled caller must not conclude that it was not done."""
        return self._submit(act)

    def submit_bare(self, act: Callable[[Any], T]) -> Awaitable[T]:
        """Runs `act` on the driver's own connection between two transactions: for what none may hold."""
        return self._submit(act, bare=True)

    def _submit(self, act: Callable[[Any], T], *, bare: bool = False) -> "asyncio.Future[T]":
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._calls.put(_Call(act, loop, future, bare))
        return future

    def run(self, act: Callable[[Transaction], T]) -> T:
        """The same, alone in its transaction, within the writer's own thread or in a program without loops."""
        results: list[T] = []

        def work(connection: Connection) -> bool:
            tx = self._transacted(connection, lambda tx: results.append(act(tx)))
            return tx.scrubs

        self._commit(work)
        return results[0]

    @property
    def waiting(self) -> int:
        """How many acts stand behind those at hand."""
        return self._calls.qsize() + len(self._behind)

    @property
    def seconds_at_hand(self) -> float:
        """How long the transaction at hand has been at work; 0 between two."""
        began = self._began
        return time.monotonic() - began if began is not None else 0.0

    def close(self) -> None:
        """Finishes what was submitted, then stops."""
        self._calls.put(None)
        self._thread.join()
        if self._connection is not None:
            self._connection.close()
        self._engine.dispose()

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = self._engine.connect()
        return self._connection

    def _forget_broken(self) -> None:
        if self._connection is not None and (self._connection.invalidated or self._connection.in_transaction()):
            self._connection.close()
            self._connection = None

    def _work(self) -> None:
        while (call := self._behind.pop() if self._behind else self._calls.get()) is not None:
            self._do(call)

    def _do(self, call: _Call) -> None:
        self._began = time.monotonic()
        calls = [call]
        try:
            if call.bare:
                self._do_bare(call)
            else:
                self._commit(partial(self._share, calls))
        except BaseException as error:  # handed to the callers, whatever it is: nothing stands of what they did
            for each in calls:
                each.error = error
        self._began = None
        for each in calls:
            each.answer()

    def _do_bare(self, call: _Call) -> None:
        try:
            call.run(self._connected().connection.dbapi_connection)
        except sqlite3.Error as error:
            raise StoreError(type(error).__name__) from error

    def _commit(self, work: Callable[[Connection], bool]) -> None:
        """Runs `work` in a transaction; it says whether the database's log must be emptied afterwards."""
        try:
            connection = self._connected()
            with connection.begin():
                scrubs = work(connection)
                self._failpoint("before commit")
            self.commits += 1
            self._failpoint("after commit")
            if scrubs:
                empty_log(connection)
        except SQLAlchemyError as error:
            self._forget_broken()
            fault = as_store_error(error)
            if fault is None:
                raise
            raise fault from error

    def _share(self, calls: list[_Call], connection: Connection) -> bool:
        """Runs the first of the calls and, as long as it may, those that wait behind it, which join the list."""
        until = time.perf_counter() + LONGEST_SHARED
        tx = self._transacted(connection, calls[0].run)
        scrubs = tx.scrubs
        while not tx.is_waited_for and time.perf_counter() < until and (call := self._next_to_share()) is not None:
            calls.append(call)
            tx = self._protected(connection, call)
            scrubs |= tx.scrubs
        return scrubs

    def _next_to_share(self) -> _Call | None:
        """Who waits already; whoever may not share the transaction comes after it."""
        try:
            call = self._calls.get_nowait()
        except queue.Empty:
            return None
        if call is None or call.bare:
            self._behind.append(call)
            return None
        return call

    def _transacted(self, connection: Connection, act: Callable[[Transaction], None]) -> Transaction:
        tx = Transaction(connection, self._clock.now())
        act(tx)
        tx.flushed()
        if tx.is_postgresql and _is_aborted(connection):
            raise RuntimeError("an act went on after a failed statement")  # its commit would be a rollback, unsaid
        return tx

    def _protected(self, connection: Connection, call: _Call) -> Transaction:
        """The same under a savepoint: what fails takes back itself alone, unless the whole transaction is lost."""
        execute(connection, "SAVEPOINT shared")
        try:
            tx = self._transacted(connection, call.run)
        except Exception as error:
            call.error = fault = as_store_error(error) or error
            try:
                execute(connection, "ROLLBACK TO SAVEPOINT shared")
            except SQLAlchemyError as lost:
                raise (fault if isinstance(fault, StoreError) else lost) from error
            tx = Transaction(connection, self._clock.now())
        execute(connection, "RELEASE SAVEPOINT shared")
        return tx
