"""The tables of cases, whole from the first migration on. A case is never deleted."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
)

from bot.store.schema import metadata
from bot.store.types import UtcTime


def _of_case() -> Column[int]:
    return Column("case", BigInteger, ForeignKey("case.id"), nullable=False)


def _id() -> Column[int]:
    return Column("id", BigInteger, primary_key=True, autoincrement=False)


case = Table(
    "case",
    metadata,
    _id(),
    Column("number", String(9), nullable=False, unique=True),
    Column("kind", String(12), nullable=False),
    Column("status", String(24), nullable=False),
    Column("privacy", String(12), nullable=False),
    Column("sealed", Boolean, nullable=False),  # about staff: supervisors only
    Column("category", String(40)),
    Column("category_by", BigInteger),  # who confirmed it; none: proposed by machine
    Column("external_code", String(40)),
    Column("urgency", String(12), nullable=False),
    Column("area", String(60)),
    Column("level", String(12)),
    Column("channel", String(80), nullable=False),
    Column("title", LargeBinary, nullable=False),  # sealed
    Column("place", LargeBinary),  # sealed
    Column("department", String(60)),
    Column("owner", BigInteger),  # a person; none: the department's, or the office's, queue
    Column("limit_days", SmallInteger, nullable=False),
    Column("limit_working", Boolean, nullable=False),
    Column("received_at", UtcTime, nullable=False),
    Column("due_at", UtcTime, nullable=False),
    Column("provisional", Boolean, nullable=False),
    Column("paused_ms", BigInteger, nullable=False),
    Column("waiting_until", UtcTime),
    Column("transfers", SmallInteger, nullable=False),
    Column("objections", SmallInteger, nullable=False),
    Column("extensions", SmallInteger, nullable=False),
    Column("first_contact_at", UtcTime),
    Column("closed_at", UtcTime),
    Column("outcome", String(20)),
    Column("cause", String(60)),
    Column("round", SmallInteger, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("lookup_code", LargeBinary(32)),  # keyed hash
    Column("erased_at", UtcTime),  # since when it stands without the person and their words
    Index("ix_case_open", "status", "due_at"),
    Index("ix_case_department", "department", "status"),
    Index("ix_case_owner", "owner", "status"),
    Index("ix_case_received", "received_at"),
    Index("ix_case_due", "due_at"),
)

Index("ix_case_unerased", case.c.received_at, sqlite_where=case.c.erased_at.is_(None),
      postgresql_where=case.c.erased_at.is_(None))  # fmt: skip

case_party = Table(
    "case_party",
    metadata,
    _id(),
    _of_case(),
    Column("person", BigInteger, nullable=False, index=True),
    Column("part", String(12), nullable=False),  # requester, follower, subject, recused
    Column("address", BigInteger),  # where answers go
    Column("since", UtcTime, nullable=False),
    UniqueConstraint("case", "person", "part"),
)

assignment = Table(
    "assignment",
    metadata,
    _id(),
    _of_case(),
    Column("department", String(60)),
    Column("official", BigInteger),
    Column("part", String(8), nullable=False),  # lead, or offer while it waits to be accepted
    Column("round", SmallInteger, nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("until", UtcTime),
    Index("ix_assignment_case", "case"),
)

case_round = Table(
    "case_round",
    metadata,
    _id(),
    _of_case(),
    Column("round", SmallInteger, nullable=False),
    Column("limit_days", SmallInteger, nullable=False),
    Column("limit_working", Boolean, nullable=False),
    Column("due_at", UtcTime, nullable=False),
    Column("answer", BigInteger),  # the entry
    Column("outcome", String(20)),
    Column("closed_at", UtcTime),
    Column("contacted", Boolean),
    Column("solved", Boolean),  # none: not asked or not answered, never counted as yes
    Column("satisfied", String(12)),
    Column("evaluated_at", UtcTime),
    UniqueConstraint("case", "round"),
)

entry = Table(
    "entry",
    metadata,
    _id(),
    _of_case(),
    Column("kind", String(12), nullable=False),
    Column("words", LargeBinary, nullable=False),  # sealed
    Column("author", BigInteger),
    Column("source", String(200)),  # channel and message it came by
    Column("revises", BigInteger),  # an earlier entry of which this is a further version
    Column("happened_at", UtcTime, nullable=False),
    Column("entered_at", UtcTime, nullable=False),
    Index("ix_entry_case", "case", "id"),
    Index("ix_entry_source", "source"),
)

SAID_OF_FILES = {"mime": 80, "reason": 40}  # characters that are kept of what a device or a platform says

attachment = Table(
    "attachment",
    metadata,
    _id(),
    _of_case(),
    Column("entry", BigInteger, nullable=False),
    Column("kind", String(12), nullable=False),
    Column("state", String(8), nullable=False),  # pending, stored, refused, lost
    Column("reason", String(SAID_OF_FILES["reason"])),
    Column("name", LargeBinary),  # sealed
    Column("mime", String(SAID_OF_FILES["mime"])),
    Column("size", BigInteger),
    Column("seconds", Float),
    Column("digest", String(64)),
    Column("may_identify", Boolean, nullable=False),
    Column("added_at", UtcTime, nullable=False),
    Index("ix_attachment_case", "case"),
    Index("ix_attachment_digest", "digest"),
)

case_link = Table(
    "case_link",
    metadata,
    _id(),
    _of_case(),
    Column("other", BigInteger, nullable=False, index=True),
    Column("kind", String(16), nullable=False),  # bulletin: the case answers a notice
    UniqueConstraint("case", "other", "kind"),
)

case_event = Table(
    "case_event",
    metadata,
    _id(),
    _of_case(),
    Column("number", Integer, nullable=False),  # without gaps within a case
    Column("code", String(24), nullable=False),
    Column("actor", BigInteger),
    Column("role", String(16)),
    Column("before", String(24)),
    Column("after", String(24)),
    Column("detail", String(200)),  # codes and ids only: erasing a person keeps the chain
    Column("at", UtcTime, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    UniqueConstraint("case", "number"),
)


def fitting(file: Mapping[str, Any]) -> dict[str, Any]:
    """A file's columns, of what is said of it as much as has room: a server takes no more."""
    return {name: (value or "")[: SAID_OF_FILES[name]] or None if name in SAID_OF_FILES else value
            for name, value in file.items()}  # fmt: skip
