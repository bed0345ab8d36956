"""The one thread that writes: one transaction at a time, plain functions inside. It never waits for a network."""

import asyncio
import contextlib
import queue
import sqlite3
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from bot.clock import Clock
from bot.errors import Contended, StoreError
from bot.store.engine import empty_log
from bot.store.transaction import Transaction

T = TypeVar("T")
Failpoint = Callable[[str], None]

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


class Writer:
    """Runs acts one after another, each in its own transaction; commits before the answer is given."""

    def __init__(self, engine: Engine, clock: Clock, failpoint: Failpoint = no_failpoint) -> None:
        self._engine = engine
        self._clock = clock
        self._failpoint = failpoint
        self._acts: queue.SimpleQueue[tuple[Callable[[], None]] | None] = queue.SimpleQueue()
        self._connection: Connection | None = None
        self._began: float | None = None
        self._thread = threading.Thread(target=self._work, name="writer", daemon=True)
        self._thread.start()

    def submit(self, act: Callable[[Transaction], T]) -> Awaitable[T]:
        """Runs `act` in a transaction of its own. A cancelled caller must not conclude that it was not done."""
        return self._submit(lambda: self.run(act))

    def submit_bare(self, act: Callable[[Any], T]) -> Awaitable[T]:
        """Runs `act` on the driver's own connection between two transactions: for what none may hold."""

        def run() -> T:
            try:
                return act(self._connected().connection.dbapi_connection)
            except sqlite3.Error as error:
                raise StoreError(type(error).__name__) from error

        return self._submit(run)

    def _submit(self, work: Callable[[], T]) -> Awaitable[T]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def run() -> None:
            try:
                result = work()
            except BaseException as error:  # handed to the caller, whatever it is
                _answer(loop, _fail, future, error)
            else:
                _answer(loop, _settle, future, result)

        self._acts.put((run,))
        return future

    def run(self, act: Callable[[Transaction], T]) -> T:
        """The same within the writer's own thread, or in a program without loops."""
        try:
            connection = self._connected()
            with connection.begin():
                tx = Transaction(connection, self._clock.now())
                result = act(tx)
                tx.flushed()
                self._failpoint("before commit")
            self._failpoint("after commit")
            if tx.scrubs:
                empty_log(connection)
        except SQLAlchemyError as error:
            self._forget_broken()
            fault = as_store_error(error)
            if fault is None:
                raise
            raise fault from error
        return result

    @property
    def waiting(self) -> int:
        """How many acts stand behind the one at hand."""
        return self._acts.qsize()

    @property
    def seconds_at_hand(self) -> float:
        """How long the act at hand has been at work; 0 between two acts."""
        began = self._began
        return time.monotonic() - began if began is not None else 0.0

    def close(self) -> None:
        """Finishes what was submitted, then stops."""
        self._acts.put(None)
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
        while (item := self._acts.get()) is not None:
            self._began = time.monotonic()
            item[0]()
            self._began = None


def _answer(
    loop: asyncio.AbstractEventLoop, how: Callable[..., None], future: "asyncio.Future[Any]", what: Any
) -> None:
    with contextlib.suppress(RuntimeError):  # the loop ended meanwhile: nobody waits, and the writer must live on
        loop.call_soon_threadsafe(how, future, what)


def _settle(future: "asyncio.Future[Any]", result: Any) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: "asyncio.Future[Any]", error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
