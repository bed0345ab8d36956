"""Files that are to go at a moment: copies made for a person, evidence of somebody who is forgotten."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Index, String, Table, delete, func, select, update

from bot.store.queues import arm, inserting_new
from bot.store.schema import metadata
from bot.store.transaction import Transaction
from bot.store.types import UtcTime

KIND = "files.go"

passing_file = Table(
    "passing_file",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("person", BigInteger),  # for whom it was made; none: it only waits to be deleted
    Column("until", UtcTime, nullable=False),
    Index("ix_passing_file_until", "until"),
)
_ADD = inserting_new(passing_file, ["digest", "person", "until"], ["digest"])


def expire(tx: Transaction, digest: str, until: datetime, *, timer: int, person: int | None = None) -> None:
    """Schedules the file's deletion, unless something else still needs it then; `timer` is the timer's id."""
    if not _ADD.run(tx.flushed(), {"digest": digest, "person": person, "until": until}):
        tx.write(update(passing_file).where(passing_file.c.digest == digest).values(person=person, until=until))
    ring(tx, timer)


def expire_at_once(tx: Transaction, person: int) -> int:
    """The copies that were made for somebody go now; how many there were."""
    mine = update(passing_file).where(passing_file.c.person == person)
    return tx.write(mine.values(person=None, until=tx.now)).rowcount


def due(tx: Transaction, at_most: int) -> list[str]:
    """The files whose moment has come, the oldest first."""
    statement = select(passing_file.c.digest).where(passing_file.c.until <= tx.now)
    return list(tx.read(statement.order_by(passing_file.c.until).limit(at_most)).scalars())


def next_at(tx: Transaction) -> datetime | None:
    """When the next file is to go."""
    return tx.read(select(func.min(passing_file.c.until))).scalar_one_or_none()


def ring(tx: Transaction, timer: int) -> None:
    """Arms the timer for the next file that is to go."""
    if (at := next_at(tx)) is not None:
        arm(tx, id=timer, key=KIND, kind=KIND, due_at=at)


def gone(tx: Transaction, digest: str) -> None:
    tx.write(delete(passing_file).where(passing_file.c.digest == digest))
