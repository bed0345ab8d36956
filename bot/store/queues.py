"""What waits: inbox, conversation, outbox, timer, job. Tables, and how acts add to them; others take from them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from operator import itemgetter
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    bindparam,
    case,
    delete,
    false,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from bot.store.prepared import Prepared
from bot.store.schema import metadata
from bot.store.transaction import Collector, Row, Transaction
from bot.store.types import UtcTime
from bot.telling import Lane

RESTORED = "restored"  # why a message is held: it may have gone out before


class InboxState(StrEnum):
    NEW = "new"  # committed, not yet handled
    DONE = "done"  # its effects are committed; the words are gone
    SET_ASIDE = "set_aside"  # failed three times, or cannot be read; kept for an operator


class OutboxState(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"  # claimed by the sender of one run (epoch)
    SENT = "sent"
    FAILED = "failed"  # not arrived, and never will; an uncertain try of it before may have
    SUPERSEDED = "superseded"  # a newer screen took its place before it went out
    CANCELLED = "cancelled"  # the right to receive it ended
    UNCERTAIN = "uncertain"  # may have arrived; listed for an operator


class Policy(StrEnum):
    """What happens to a message that may have arrived."""

    HOLD = "hold"  # never twice: listed as uncertain
    RESEND = "resend"  # again after a minute, at most twice, marked as a repeat
    PROMPT = "prompt"  # again, unless a newer screen has taken its place
    FREE = "free"  # repeating changes nothing: edits, answers to presses


class TimerState(StrEnum):
    ARMED = "armed"
    FIRED = "fired"
    SET_ASIDE = "set_aside"


class JobState(StrEnum):
    WAITING = "waiting"
    LEASED = "leased"
    DONE = "done"
    FAILED = "failed"


JOBS, TIMERS, CONVERSATIONS = "job", "timer", "conversation"  # kinds of rows under which a transaction collects them

inbox = Table(
    "inbox",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("channel", String(80), nullable=False),
    Column("key", String(120), nullable=False),
    Column("lane", BigInteger, nullable=False),  # the conversation's id
    Column("state", String(12), nullable=False),
    Column("tries", SmallInteger, nullable=False),
    Column("raw", LargeBinary),  # sealed; blanked when done
    Column("received_at", UtcTime, nullable=False),
    Column("error", String(200)),
    UniqueConstraint("channel", "key"),
)
Index("ix_inbox_new", inbox.c.id, inbox.c.lane, sqlite_where=inbox.c.state == "new",
      postgresql_where=inbox.c.state == "new")  # fmt: skip
Index("ix_inbox_set_aside", inbox.c.received_at, sqlite_where=inbox.c.state == "set_aside",
      postgresql_where=inbox.c.state == "set_aside")  # fmt: skip

conversation = Table(
    "conversation",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),  # from the lookup key: no read needed to find it
    Column("state", LargeBinary),  # sealed place in the dialogue; none for a bare lane
    Column("changed_at", UtcTime),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("channel", String(80), nullable=False),
    Column("address", BigInteger, nullable=False),
    Column("lane", SmallInteger, nullable=False),
    Column("policy", String(8), nullable=False),
    Column("key", String(160), nullable=False),
    Column("state", String(12), nullable=False),
    Column("body", LargeBinary),  # sealed screen; blanked when settled
    Column("subject", BigInteger),  # the case it speaks of
    Column("person", BigInteger),
    Column("edits", String(120)),
    Column("answers", String(120)),
    Column("quotes", String(120)),  # of no use: nothing fills or reads it
    Column("replaces", BigInteger),
    Column("audience", String(80)),  # who may read it; none: one person alone
    Column("not_before", UtcTime, nullable=False),
    Column("later", Boolean, nullable=False, server_default=false()),  # not due when written: out of the sender's way
    Column("created_at", UtcTime, nullable=False),
    Column("tries", SmallInteger, nullable=False),
    Column("repeats", SmallInteger, nullable=False),  # how often it was sent again after an uncertain try
    Column("epoch", BigInteger),
    Column("sending_at", UtcTime),
    Column("settled_at", UtcTime),
    Column("message", String(120)),  # the platform's id, so that a reply to a card finds its case
    Column("parts", String(600)),  # the ids of what went out before it, where it took several messages
    Column("cause", String(200)),
    UniqueConstraint("key", "address"),
    Index("ix_outbox_address_message", "address", "message"),
    Index("ix_outbox_subject_person", "subject", "person"),
)
Index("ix_outbox_queued", outbox.c.channel, outbox.c.lane, outbox.c.id,
      sqlite_where=outbox.c.state == "queued", postgresql_where=outbox.c.state == "queued")  # fmt: skip
IS_NEXT = (outbox.c.state == "queued") & outbox.c.later.is_(False)
IS_LATER = (outbox.c.state == "queued") & outbox.c.later.is_(True)
Index("ix_outbox_next", *(outbox.c[name] for name in ("channel", "lane", "id", "address", "not_before")),
      sqlite_where=IS_NEXT, postgresql_where=IS_NEXT)  # fmt: skip  # all that is looked at before a row is chosen
Index("ix_outbox_later", outbox.c.channel, outbox.c.not_before, sqlite_where=IS_LATER, postgresql_where=IS_LATER)
Index("ix_outbox_open", outbox.c.state, sqlite_where=outbox.c.state.in_(("sending", "uncertain")),
      postgresql_where=outbox.c.state.in_(("sending", "uncertain")))  # fmt: skip
Index("ix_outbox_failed", outbox.c.settled_at, sqlite_where=outbox.c.state == "failed",
      postgresql_where=outbox.c.state == "failed")  # fmt: skip

timer = Table(
    "timer",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("key", String(160), nullable=False, unique=True),
    Column("kind", String(60), nullable=False),
    Column("subject", BigInteger, nullable=False),
    Column("lane", BigInteger),  # a conversation whose order it keeps
    Column("data", LargeBinary, nullable=False),  # ids and codes, never words
    Column("due_at", UtcTime, nullable=False),
    Column("state", String(12), nullable=False),
    Column("tries", SmallInteger, nullable=False),
)
Index("ix_timer_due", timer.c.due_at, sqlite_where=timer.c.state == "armed", postgresql_where=timer.c.state == "armed")
Index("ix_timer_lane", timer.c.lane, sqlite_where=timer.c.lane.is_not(None),
      postgresql_where=timer.c.lane.is_not(None))  # fmt: skip
Index("ix_timer_set_aside", timer.c.due_at, sqlite_where=timer.c.state == "set_aside",
      postgresql_where=timer.c.state == "set_aside")  # fmt: skip

job = Table(
    "job",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("key", String(160), nullable=False, unique=True),
    Column("kind", String(60), nullable=False),
    Column("subject", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),  # sealed; emptied when it is over
    Column("state", String(12), nullable=False),
    Column("tries", SmallInteger, nullable=False),
    Column("epoch", BigInteger, nullable=False),  # grows with every lease: a late finisher is fenced
    Column("not_before", UtcTime, nullable=False),  # for a leased one: the end of the lease
    Column("error", String(200)),
)
Index("ix_job_open", job.c.not_before, sqlite_where=job.c.state.in_(("waiting", "leased")),
      postgresql_where=job.c.state.in_(("waiting", "leased")))  # fmt: skip
Index("ix_job_failed", job.c.id, sqlite_where=job.c.state == "failed", postgresql_where=job.c.state == "failed")


@dataclass(frozen=True, kw_only=True, slots=True)
class Owed:
    """One message owed to one address. `key` comes from what caused it: owed twice under one key is owed once."""

    id: int
    channel: str
    address: int
    lane: Lane
    policy: Policy
    key: str
    body: bytes  # sealed screen
    not_before: datetime
    subject: int | None = None
    person: int | None = None
    edits: str | None = None
    answers: str | None = None
    replaces: int | None = None
    audience: str | None = None
    created_at: datetime | None = None  # none: now; of what must not tell when it was said, a day


def owe(tx: Transaction, owed: Owed) -> None:
    row = {name: getattr(owed, name) for name in Owed.__slots__}
    tx.collect(_HELD if tx.holds else _OWED, row | {"created_at": owed.created_at or tx.now})


def supersede(tx: Transaction, outbox_id: int) -> None:
    """A prompt that has not gone out yet need not go out any more."""
    tx.collect(_SUPERSEDED, {"row": outbox_id, "now": tx.now})


def arm(
    tx: Transaction,
    *,
    id: int,
    key: str,
    kind: str,
    due_at: datetime,
    subject: int = 0,
    lane: int | None = None,
    data: dict[str, Any] | None = None,
) -> None:
    """A due moment. Arming a key that exists sets its new moment."""
    row = {"id": id, "key": key, "kind": kind, "subject": subject, "lane": lane, "due_at": due_at}
    tx.touched.add(key)
    tx.collect(_TIMERS, row | {"data": msgspec.json.encode(data or {}), "armed": True})


def arm_once(tx: Transaction, *, id: int, kind: str, due_at: datetime) -> None:
    """The first moment of something that recurs; where it is armed already, even for a moment gone by, it stays so."""
    row = {"id": id, "key": kind, "kind": kind, "subject": 0, "lane": None, "due_at": due_at, "data": b"{}"}
    _ARM_ONCE.run(tx.flushed(), row | {"state": TimerState.ARMED, "tries": 0})


def disarm(tx: Transaction, key: str) -> None:
    tx.touched.add(key)
    tx.collect(_TIMERS, {"key": key, "armed": False})


def start_job(
    tx: Transaction, *, id: int, key: str, kind: str, subject: int, data: bytes, not_before: datetime | None = None
) -> None:
    """Work outside the transaction; `data` is sealed."""
    row = {"id": id, "key": key, "kind": kind, "subject": subject, "data": data, "not_before": not_before or tx.now}
    tx.collect(_JOBS, row)


def save_conversation(tx: Transaction, id: int, state: bytes | None) -> None:
    tx.collect(_CONVERSATIONS, {"row": id, "state": state, "now": tx.now})


def mark_inbox(tx: Transaction, id: int) -> None:
    """Done: its effects stand in this very transaction, and its words go."""
    tx.collect(_DONE, {"row": id})


def fire(tx: Transaction, id: int, due_at: datetime) -> None:
    """Fired, unless it was armed anew meanwhile."""
    tx.collect(_FIRED, {"row": id, "due": due_at})


def _insert(dialect: str, table: Table) -> Any:
    return (postgresql if dialect == "postgresql" else sqlite).insert(table)


def inserting_new(table: Table, columns: Sequence[str], keys: Sequence[str]) -> Prepared:
    """Inserts the rows whose key is new and counts those."""
    return Prepared(lambda dialect: _insert(dialect, table).on_conflict_do_nothing(index_elements=keys), columns)


def _by(name: str, rows: Iterable[Row]) -> list[Row]:
    """In one order wherever they are written, so that two writers on a server cannot block each other."""
    return sorted(rows, key=itemgetter(name))


def _write_owed(connection: Connection, rows: list[Row]) -> None:
    for row in rows:
        row.update(state=OutboxState.QUEUED, tries=0, repeats=0, later=row["not_before"] > row["created_at"])
    _OWE.run_many(connection, _by("key", rows))


def _write_held(connection: Connection, rows: list[Row]) -> None:
    for row in rows:
        row.update(state=OutboxState.UNCERTAIN, tries=0, repeats=0, later=False, cause=RESTORED,
                   settled_at=row["created_at"])  # fmt: skip
    _HOLD.run_many(connection, rows)


def _write_superseded(connection: Connection, rows: list[Row]) -> None:
    _SUPERSEDE.run_many(connection, _by("row", rows))


def _write_timers(connection: Connection, rows: list[Row]) -> None:
    last = {row["key"]: row for row in rows}  # operations on one key collapse in the order of the events
    armed = [row for row in last.values() if row.pop("armed")]
    gone = [{"row": key} for key in last.keys() - {row["key"] for row in armed}]
    if gone:
        _DISARM.run_many(connection, _by("row", gone))
    if armed:
        for row in armed:
            row.update(state=TimerState.ARMED, tries=0)
        _ARM.run_many(connection, _by("key", armed))


def _write_jobs(connection: Connection, rows: list[Row]) -> None:
    for row in rows:
        row.update(state=JobState.WAITING, tries=0, epoch=0)
    _START.run_many(connection, _by("key", rows))


def _write_conversations(connection: Connection, rows: list[Row]) -> None:
    last = {row["row"]: row for row in rows}
    _SAVE_CONVERSATION.run_many(connection, _by("row", last.values()))


def _write_done(connection: Connection, rows: list[Row]) -> None:
    _MARK_DONE.run_many(connection, _by("row", rows))


def _write_fired(connection: Connection, rows: list[Row]) -> None:
    _MARK_FIRED.run_many(connection, _by("row", rows))


def _arming(dialect: str) -> Any:
    statement = _insert(dialect, timer)
    fresh = {name: statement.excluded[name] for name in ("due_at", "data", "state", "tries", "kind", "subject")}
    return statement.on_conflict_do_update(index_elements=["key"], set_=fresh)


_OWE = inserting_new(
    outbox, [*Owed.__slots__, "state", "tries", "repeats", "later"], ["key", "address"]
)  # fmt: skip
_HOLD = inserting_new(
    outbox, [*Owed.__slots__, "state", "tries", "repeats", "later", "cause", "settled_at"], ["key", "address"]
)
_SUPERSEDE = Prepared(
    update(outbox)
    .where(outbox.c.id == bindparam("row"), outbox.c.state == OutboxState.QUEUED)
    .values(state=OutboxState.SUPERSEDED, body=None, settled_at=bindparam("now"))
)
_ARM = Prepared(_arming, ["id", "key", "kind", "subject", "lane", "due_at", "data", "state", "tries"])
_ARM_ONCE = inserting_new(
    timer, ["id", "key", "kind", "subject", "lane", "due_at", "data", "state", "tries"], ["key"]
)  # fmt: skip
_DISARM = Prepared(delete(timer).where(timer.c.key == bindparam("row"), timer.c.state == TimerState.ARMED))
_START = inserting_new(
    job, ["id", "key", "kind", "subject", "data", "not_before", "state", "tries", "epoch"], ["key"]
)  # fmt: skip
_SAVE_CONVERSATION = Prepared(
    update(conversation)
    .where(conversation.c.id == bindparam("row"))
    .values(state=bindparam("state"), changed_at=bindparam("now"))
)
_MARK_DONE = Prepared(
    update(inbox).where(inbox.c.id == bindparam("row")).values(state=InboxState.DONE, raw=None, error=None)
)
_MARK_FIRED = Prepared(
    update(timer)
    .where(timer.c.id == bindparam("row"), timer.c.due_at == bindparam("due"))
    .values(state=case((timer.c.state == TimerState.ARMED, TimerState.FIRED), else_=timer.c.state))
)

_SUPERSEDED = Collector("superseded", 0, _write_superseded)
_OWED = Collector("outbox", 1, _write_owed)
_HELD = Collector("held", 1, _write_held)
_FIRED = Collector("fired", 2, _write_fired)
_TIMERS = Collector(TIMERS, 3, _write_timers)
_JOBS = Collector(JOBS, 4, _write_jobs)
_CONVERSATIONS = Collector(CONVERSATIONS, 5, _write_conversations)
_DONE = Collector("inbox", 6, _write_done)
