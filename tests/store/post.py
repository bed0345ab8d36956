"""Rows put where they wait, and taken as the loops take them."""

import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from bot.ids import Ids
from bot.store import claims, queues, sending
from bot.store.queues import Policy, outbox
from bot.store.sending import Left, Sendable
from bot.store.transaction import Transaction
from bot.store.writer import Writer
from bot.telling import Lane
from tests.rig import FakeClock


class Post:
    """Puts rows where they wait and takes them as the loops do."""

    def __init__(self, writer: Writer, ids: Ids, clock: FakeClock) -> None:
        self.writer = writer
        self.ids = ids
        self.clock = clock
        self.names: dict[int, str] = {}
        self._keys = 0

    def plan(self, act: Callable[[Transaction], object]) -> list[str]:
        """The steps by which SQLite answers what the act asks; a server chooses by its own figures."""
        if self.writer.run(lambda tx: tx.is_postgresql):
            pytest.skip("a server chooses by its own figures")
        asked: list[str] = []

        def traced(tx: Transaction) -> list[str]:
            driver = tx.flushed().connection.dbapi_connection
            assert isinstance(driver, sqlite3.Connection)
            driver.set_trace_callback(asked.append)
            act(tx)
            driver.set_trace_callback(None)
            return [str(row[3]) for sql in asked for row in driver.execute(f"EXPLAIN QUERY PLAN {sql}")]

        return self.writer.run(traced)

    def arrives(self, *lanes: int) -> list[int]:
        """Updates for these lanes, in this order; their inbox ids."""
        rows: list[dict[str, Any]] = []
        for lane in lanes:
            self._keys += 1
            rows.append({"id": self.ids(), "channel": "silent", "key": str(self._keys), "lane": lane, "raw": b"r",
                         "received_at": self.clock.now()})  # fmt: skip
        self.writer.run(lambda tx: claims.take_in(tx, rows))
        return [int(row["id"]) for row in rows]

    def owes(self, name: str, *, address: int = 1, lane: Lane = Lane.REPLY, policy: Policy = Policy.RESEND,
             channel: str = "silent", **more: Any) -> int:  # fmt: skip
        id_ = self.ids()
        self.names[id_] = name

        def act(tx: Transaction) -> None:
            facts: dict[str, Any] = {"not_before": tx.now} | more
            queues.owe(tx, queues.Owed(id=id_, channel=channel, address=address, lane=lane, policy=policy, key=name,
                                       body=b"sealed", **facts))  # fmt: skip

        self.writer.run(act)
        return id_

    def takes(self, at_most: int = 10, busy: tuple[int, ...] = (), epoch: int = 1) -> list[Sendable]:
        return self.claims(at_most, busy, epoch)[0]

    def claims(self, at_most: int = 10, busy: tuple[int, ...] = (), epoch: int = 1) -> tuple[list[Sendable], Left]:
        return self.writer.run(lambda tx: sending.claim_sendable(tx, "silent", epoch, at_most, busy))

    def sends_all(self) -> list[str]:
        """Everything that may go out now, one round after another, each arriving at once."""
        sent: list[str] = []
        while rows := self.takes():
            sent += [self.names[row.id] for row in rows]
            arrived = {row.id: (f"m{row.id}",) for row in rows}
            self.writer.run(partial(sending.settle_sent, messages=arrived))
        return sent

    def state(self, id_: int) -> str:
        return str(self.writer.run(lambda tx: tx.read(select(outbox.c.state).where(outbox.c.id == id_)).scalar_one()))
