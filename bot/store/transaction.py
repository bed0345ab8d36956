"""One open transaction: direct writes under a savepoint, collected rows in bulk. It never commits itself."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, CursorResult, Executable

from bot.store.prepared import Prepared, execute

Row = dict[str, Any]
Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, eq=False)
class Collector:
    """A kind of rows that a batch gathers and writes together. `rank` orders the kinds within one flush."""

    name: str
    rank: int
    write: Callable[[Connection, list[Row]], None]


class Transaction:
    """What the plain functions in the writer's thread work with. `now` is one per event."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._collected: dict[Collector, list[Row]] = {}
        self._before_event: dict[Collector, int] = {}
        self._inside: dict[Collector, list[Row]] = {}  # of earlier events, written under the savepoint of this one
        self._in_event = False
        self._has_savepoint = False
        self.kinds: set[str] = set()  # of the rows collected so far, those of undone events included
        self.wrote = False  # the event at hand wrote a table that is not collected
        # After a restore: messages of the event at hand may have gone out before, so they are written as `uncertain`
        # until `huiyin outbox --release`.
        self.holds = False
        self.scrubs = False  # after the commit, nothing of what was taken out may stand in the database's log
        self.now = now
        self.touched: set[str] = set()  # keys of timers armed or disarmed since the batch read what is due
        self.cache: dict[Any, Any] = {}  # of this transaction's own reads; emptied by whoever changes what it holds
        self.seen: dict[Any, Any] = {}  # what the event at hand has read since it last wrote; every write empties it

    @property
    def is_postgresql(self) -> bool:
        return self._connection.dialect.name == "postgresql"

    @property
    def is_waited_for(self) -> bool:
        """Whether other writers may wait for rows that are locked now: the transaction should end soon."""
        return self.is_postgresql and self.wrote

    def read(self, statement: Executable, params: Mapping[str, Any] | None = None) -> CursorResult[Any]:
        """Reads tables that are not collected."""
        return self._connection.execute(statement, params)

    def write(self, statement: Executable, params: Mapping[str, Any] | Rows | None = None) -> CursorResult[Any]:
        """Writes a table that is not collected; the event's savepoint is opened before its first write."""
        self._before_write()
        return self._connection.execute(statement, params)

    def rows(self, prepared: Prepared, params: Mapping[str, Any] | None = None) -> list[Any]:
        """What a prepared statement returns, of tables that are not collected."""
        return prepared.rows(self._connection, params)

    def change(self, prepared: Prepared, params: Mapping[str, Any] | None = None) -> int:
        """Writes a table that is not collected by a prepared statement; how many rows it changed."""
        self._before_write()
        return prepared.run(self._connection, params)

    def change_many(self, prepared: Prepared, rows: Rows) -> int:
        self._before_write()
        return prepared.run_many(self._connection, rows)

    def collect(self, collector: Collector, row: Row) -> None:
        """Keeps a row until the flush."""
        self._collected.setdefault(collector, []).append(row)
        self.kinds.add(collector.name)

    def flushed(self, only: str | None = None) -> Connection:
        """The connection with everything collected written: for reads and updates of collected tables. `only` names
        the one kind of rows that is about to be read.
        """
        self.seen.clear()
        kinds = [kind for kind in self._collected if only in (None, kind.name)]
        kinds.sort(key=lambda kind: kind.rank)
        if self._has_savepoint:
            self._keep_earlier(kinds)
        elif self._in_event:
            self._write_out(kinds, self._before_event)
            self._protect()
        self._write_out(kinds)
        return self._connection

    def begin_event(self) -> None:
        self._before_event = {collector: len(rows) for collector, rows in self._collected.items()}
        self._inside = {}
        self.seen.clear()
        self._in_event, self._has_savepoint, self.wrote = True, False, False

    def end_event(self) -> None:
        if self._has_savepoint:
            execute(self._connection, "RELEASE SAVEPOINT event")
        self._in_event = self._has_savepoint = False

    def undo_event(self) -> None:
        """Takes back what the event wrote and collected; the batch's other events stay."""
        for collector, rows in self._collected.items():
            del rows[self._before_event.get(collector, 0) :]
        if self._has_savepoint:
            self._connection.exec_driver_sql("ROLLBACK TO SAVEPOINT event")
            self._connection.exec_driver_sql("RELEASE SAVEPOINT event")
        self._collected |= self._inside  # taken back with the savepoint, so they wait again
        self.cache.clear()
        self.seen.clear()
        self._in_event = self._has_savepoint = False

    def _before_write(self) -> None:
        self._protect()
        self.wrote = True
        self.seen.clear()

    def _protect(self) -> None:
        """Opens the event's savepoint. What earlier events collected may wait on: nothing of it is in the database."""
        if not self._in_event or self._has_savepoint:
            return
        execute(self._connection, "SAVEPOINT event")
        self._has_savepoint = self.wrote = True

    def _keep_earlier(self, kinds: Iterable[Collector]) -> None:
        """What earlier events collected is about to be written under this event's savepoint: a copy outlives it."""
        for collector in self._before_event.keys() & kinds:
            count = self._before_event[collector]
            self._inside[collector] = [dict(row) for row in self._collected[collector][:count]]

    def _write_out(self, kinds: Iterable[Collector], at_most: Mapping[Collector, int] | None = None) -> None:
        """Writes the first rows of these kinds, as many as given, or all; those of earlier events come first."""
        for collector in kinds:
            rows = self._collected[collector]
            count = len(rows) if at_most is None else at_most.get(collector, 0)
            if count:
                collector.write(self._connection, rows[:count])
                del rows[:count]
                self._before_event.pop(collector, None)
