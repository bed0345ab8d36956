"""What web pages have been shown: the table alone, so that a talk can be blanked by whoever registers it."""

from sqlalchemy import BigInteger, Boolean, Column, Index, LargeBinary, Table

from bot.store.schema import metadata
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
