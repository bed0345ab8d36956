"""The tables of notices: what people follow, what was written, and one row for each message of a notice."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, String, Table, UniqueConstraint

from bot.store.schema import metadata
from bot.store.types import UtcTime

subscription = Table(
    "subscription",
    metadata,
    Column("person", BigInteger, primary_key=True, autoincrement=False),
    Column("what", String(40), primary_key=True),  # office, area:<slug>, topic:<slug>
    Column("wants", String(8), nullable=False),  # all, urgent, none
    Column("since", UtcTime, nullable=False),  # from when at least what is urgent has been wanted
    Column("all_since", UtcTime),  # from when everything has been
    Index("ix_subscription_what", "what", "person"),
)

notice = Table(
    "notice",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("author", BigInteger, nullable=False),
    Column("address", BigInteger, nullable=False),  # where its author hears of it
    Column("status", String(10), nullable=False),
    Column("words", LargeBinary, nullable=False),  # sealed
    Column("urgent", Boolean),  # none: not decided yet
    Column("audience", String(2000), nullable=False),  # codes
    Column("is_confirmed", Boolean, nullable=False),
    Column("reader", BigInteger),
    Column("count", Integer),
    Column("asked_at", UtcTime),
    Column("digest", String(64)),
    Column("approver", BigInteger),
    Column("corrects", BigInteger),
    Column("starts_at", UtcTime),
    Column("ended_at", UtcTime),
    Column("is_filled", Boolean, nullable=False),
    Column("shown", String(200), nullable=False),  # figures
    Column("told", BigInteger),  # the last message that showed them
    Column("revision", Integer, nullable=False),
    Index("ix_notice_status", "status", "id"),
    Index("ix_notice_author", "author", "status"),
)

delivery = Table(
    "notice_delivery",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),  # of the row in the outbox
    Column("notice", BigInteger, nullable=False),
    Column("person", BigInteger, nullable=False),
    Column("address", BigInteger, nullable=False),
    Column("state", String(10), nullable=False),
    Column("at", UtcTime, nullable=False),
    UniqueConstraint("notice", "person"),
    Index("ix_notice_delivery_notice_state", "notice", "state"),
)
Index("ix_notice_delivery_unsettled", delivery.c.person,
      sqlite_where=delivery.c.state.in_(("queued", "retrying", "page")),
      postgresql_where=delivery.c.state.in_(("queued", "retrying", "page")))  # fmt: skip
