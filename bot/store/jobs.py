"""Taking open jobs for a while, and their ends. It never looks inside them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select, update

from bot.store.claims import take_in
from bot.store.prepared import Prepared
from bot.store.queues import JobState, job
from bot.store.transaction import Transaction

JOB_LANES = 64


@dataclass(frozen=True, slots=True)
class Lease:
    """A job in hand until its lease ends; `epoch` fences whoever finishes late."""

    id: int
    key: str
    kind: str
    subject: int
    data: bytes
    tries: int
    epoch: int


_OPEN = (
    select(*(job.c[name] for name in Lease.__slots__))
    .where(
        job.c.state.in_(("waiting", "leased")),
        job.c.not_before <= bindparam("now"),
        job.c.kind.not_in(bindparam("besides", expanding=True)),
    )
    .order_by(job.c.not_before, job.c.id)
    .limit(bindparam("at_most"))
)
_OPEN_HERE, _OPEN_UNLOCKED = Prepared(_OPEN), Prepared(_OPEN.with_for_update(skip_locked=True))


def lease_jobs(tx: Transaction, at_most: int, lease: timedelta, besides: Iterable[str] = ()) -> list[Lease]:
    """Open jobs whose moment has come, including those whose lease ran out; other processes do those `besides`."""
    connection = tx.flushed()
    statement = _OPEN_UNLOCKED if tx.is_postgresql else _OPEN_HERE
    rows = statement.rows(connection, {"now": tx.now, "at_most": at_most, "besides": list(besides) or [""]})
    for row in rows:
        connection.execute(
            update(job)
            .where(job.c.id == row.id)
            .values(state=JobState.LEASED, epoch=job.c.epoch + 1, tries=job.c.tries + 1, not_before=tx.now + lease)
        )
    return [Lease(row.id, row.key, row.kind, row.subject, row.data, row.tries + 1, row.epoch + 1) for row in rows]


def release_jobs(tx: Transaction) -> int:
    """Leases of a run that is over end at once; only for whoever knows that no other run is at work."""
    statement = update(job).where(job.c.state == JobState.LEASED).values(state=JobState.WAITING, not_before=tx.now)
    return tx.flushed().execute(statement).rowcount


def finish_job(tx: Transaction, lease: Lease, state: JobState, *, id_: int, raw: bytes, error: str = "") -> bool:
    """The job's end and its result in the inbox, in one transaction; False for a fenced latecomer.

    What it was about goes with it: a platform's handle for a file tells whose it was.
    """
    statement = update(job).where(job.c.id == lease.id, job.c.epoch == lease.epoch, job.c.state == JobState.LEASED)
    over = {"state": state, "error": error[:200] or None, "data": b""}  # what it was given to do is of no more use
    if tx.flushed().execute(statement.values(over)).rowcount == 0:
        return False
    row = {"id": id_, "channel": "job", "key": str(lease.id), "lane": -1 - lease.subject % JOB_LANES,
           "raw": raw, "received_at": tx.now}  # fmt: skip
    take_in(tx, [row])
    return True


def retry_job(tx: Transaction, lease: Lease, at: datetime, error: str) -> None:
    statement = update(job).where(job.c.id == lease.id, job.c.epoch == lease.epoch)
    tx.flushed().execute(statement.values(state=JobState.WAITING, not_before=at, error=error[:200]))
