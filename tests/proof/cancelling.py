"""K7: callers of the writer are cancelled at random, and no transaction mixes with another or stays open."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Awaitable
from pathlib import Path

from sqlalchemy import Column, Integer, MetaData, Table, insert, select, update

from bot.clock import SystemClock
from bot.store.engine import read_url, writer_engine
from bot.store.transaction import Transaction
from bot.store.writer import Writer
from tests.proof.figure import Figure, exactly

CHATS = 20

_metadata = MetaData()
_account = Table("account", _metadata, Column("chat", Integer, primary_key=True), Column("total", Integer))
_step = Table("step", _metadata, Column("id", Integer, primary_key=True), Column("chat", Integer))


async def prove(folder: Path, *, cancellations: int, seed: int = 1, url: str = "") -> list[Figure]:
    """Twenty chats, each act two statements that belong together; half of the callers go away while they wait."""
    chance = random.Random(seed)
    engine = writer_engine(read_url(url or f"sqlite:///{folder}/cancelling.db"))
    with engine.begin() as connection:
        _metadata.create_all(connection)
        connection.execute(insert(_account), [{"chat": chat, "total": 0} for chat in range(CHATS)])
    writer = Writer(engine, SystemClock())
    done: Counter[int] = Counter()
    cancelled = 0

    def act(number: int, chat: int) -> Awaitable[int]:
        def both(tx: Transaction) -> int:
            tx.write(insert(_step), {"id": number, "chat": chat})
            tx.write(update(_account).where(_account.c.chat == chat).values(total=_account.c.total + 1))
            done[chat] += 1  # in the writer's own thread: the model that the tables must equal
            if chance.random() < 0.1:
                done[chat] -= 1
                raise KeyError(chat)
            return number

        return writer.submit(both)

    async def caller(number: int) -> None:
        with contextlib.suppress(KeyError):
            await act(number, number % CHATS)

    try:
        number = 0
        while cancelled < cancellations:
            tasks = [asyncio.create_task(caller(number + each)) for each in range(CHATS * 2)]
            number += len(tasks)
            await asyncio.sleep(chance.uniform(0, 0.003))
            for task in chance.sample(tasks, CHATS):
                cancelled += task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        totals, steps = await writer.submit(
            lambda tx: (
                {row.chat: row.total for row in tx.read(select(_account.c.chat, _account.c.total))},
                Counter(tx.read(select(_step.c.chat)).scalars()),
            )
        )
        left_open = writer._connection is None or writer._connection.in_transaction()
    finally:
        writer.close()
    mixed = sum(totals[chat] != steps[chat] for chat in range(CHATS))
    return [
        Figure("K7", "callers cancelled", cancelled, f">= {cancellations}", cancelled >= cancellations),
        exactly("K7", "chats whose two tables disagree", mixed, 0),
        exactly("K7", "chats that differ from the model", sum(totals[chat] != done[chat] for chat in range(CHATS)), 0),
        exactly("K7", "transactions left open", int(left_open), 0),
    ]
