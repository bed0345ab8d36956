"""The table of what web chats have shown. Its words are sealed by the channel; here they can only be deleted."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import BigInteger, Boolean, Column, ColumnElement, Index, LargeBinary, Table, delete, select

from bot.store.schema import metadata
from bot.store.transaction import Transaction
from bot.store.types import UtcTime

web_message = Table(
    "web_message",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),  # orders the talk; the bot's are of the outbox
    Column("chat", BigInteger, nullable=False),  # the chat's lane: a keyed hash
    Column("mine", Boolean, nullable=False),  # said by whoever sits at the page
    Column("body", LargeBinary, nullable=False),  # sealed Bubble
    Column("at", UtcTime, nullable=False),
    Index("ix_web_message_chat", "chat", "id"),
)


def drop_talk(tx: Transaction, lane: int, before: datetime | None = None) -> list[bytes]:
    """Deletes what a chat has seen, or what it saw before a moment; the sealed bodies that went."""
    where = [web_message.c.chat == lane]
    if before is not None:
        where.append(web_message.c.at < before)
    return _dropped(tx, where)


def drop_messages(tx: Transaction, ids: Sequence[int]) -> list[bytes]:
    """Deletes single messages, whoever saw them; the sealed bodies that went."""
    return _dropped(tx, [web_message.c.id.in_(ids)]) if ids else []


def _dropped(tx: Transaction, where: list[ColumnElement[bool]]) -> list[bytes]:
    bodies = list(tx.read(select(web_message.c.body).where(*where)).scalars())
    if bodies:
        tx.write(delete(web_message).where(*where))
    return bodies
