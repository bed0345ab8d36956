"""What each web chat has seen, sealed: a page that opens again shows it. It is no inbox and no outbox."""

from datetime import datetime
from typing import Protocol

from sqlalchemy import BigInteger, Boolean, Column, Index, LargeBinary, Table, select, update

from bot.sealing import Lookup, Sealer
from bot.store.queues import insert_ignoring
from bot.store.schema import metadata
from bot.store.transaction import Transaction
from bot.store.types import UtcTime
from bot.store.writer import Writer

SHOWN = 200
_PURPOSE = b"web message"

web_message = Table(
    "web_message",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("chat", BigInteger, nullable=False),  # the chat's lane: a keyed hash
    Column("mine", Boolean, nullable=False),
    Column("body", LargeBinary, nullable=False),  # sealed
    Column("at", UtcTime, nullable=False),
    Index("ix_web_message_chat", "chat", "id"),
)


class Ids(Protocol):
    def __call__(self) -> int: ...


class History:
    """The messages of one side's chats."""

    def __init__(self, side: str, writer: Writer, content: Sealer, lookup: Lookup, ids: Ids) -> None:
        self._side = side
        self._writer = writer
        self._content = content
        self._lookup = lookup
        self._ids = ids

    async def add(self, chat: str, body: bytes, at: datetime, *, id: int | None = None) -> None:
        """Keeps a message; the resident's own get an id here, the bot's have their outbox row's."""
        row = {"id": id or self._ids(), "chat": self._lane(chat), "mine": id is None,
               "body": self._content.seal(body, _PURPOSE), "at": at}  # fmt: skip
        await self._writer.submit(lambda tx: insert_ignoring(tx.flushed(), web_message, [row], ["id"]))

    async def change(self, chat: str, id: int, body: bytes) -> bool:
        """Puts another screen in place of an earlier one; False where there is none."""
        statement = update(web_message).where(web_message.c.id == id, web_message.c.chat == self._lane(chat))
        sealed = self._content.seal(body, _PURPOSE)
        return await self._writer.submit(lambda tx: tx.write(statement.values(body=sealed)).rowcount == 1)

    async def recent(self, chat: str) -> list[bytes]:
        """The last messages, oldest first."""
        lane = self._lane(chat)

        def read(tx: Transaction) -> list[bytes]:
            statement = select(web_message.c.body).where(web_message.c.chat == lane)
            return list(tx.read(statement.order_by(web_message.c.id.desc()).limit(SHOWN)).scalars())

        return [self._content.open(body, _PURPOSE) for body in reversed(await self._writer.submit(read))]

    def _lane(self, chat: str) -> int:
        return self._lookup.lane(self._side, chat)
