"""Messages that wait for somebody's word: perhaps arrived, failed, or owed before a restore. It shows no words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select, update

from bot.store.queues import RESTORED, OutboxState, outbox
from bot.store.transaction import Transaction
from bot.telling import Lane

SHOWN_FAILED = timedelta(days=7)
MOST_LISTED = 200
AT_ONCE = 1000  # rows that one statement names


@dataclass(frozen=True, slots=True)
class Held:
    """One message by what may be said of it."""

    id: int
    channel: str
    lane: Lane
    state: OutboxState
    cause: str
    subject: int | None
    since: datetime


def listed(tx: Transaction, at_most: int = MOST_LISTED) -> list[Held]:
    """What is uncertain, and what failed of late; the oldest first, at most so many of each."""
    columns = (outbox.c.id, outbox.c.channel, outbox.c.lane, outbox.c.state, outbox.c.cause, outbox.c.subject,
               outbox.c.created_at)  # fmt: skip
    rows = [
        row
        for which in _shown(tx)
        for row in tx.flushed().execute(select(*columns).where(which).order_by(outbox.c.id).limit(at_most))
    ]
    return [Held(row.id, row.channel, Lane(row.lane), OutboxState(row.state), row.cause or "", row.subject,
                 row.created_at) for row in rows]  # fmt: skip


def count(tx: Transaction) -> int:
    """How many there are in all."""
    return sum(
        int(tx.flushed().execute(select(func.count()).select_from(outbox).where(which)).scalar_one())
        for which in _shown(tx)
    )


def _shown(tx: Transaction) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    uncertain = outbox.c.state.in_(("sending", "uncertain")) & (outbox.c.state == "uncertain")  # as the index says it
    return uncertain, (outbox.c.state == "failed") & (outbox.c.settled_at > tx.now - SHOWN_FAILED)


def release(tx: Transaction, ids: Sequence[int] | None) -> list[int]:
    """Sends them once more, marked as a repeat; None: all that are uncertain. Those whose words are gone stay."""
    chosen = _uncertain(tx, ids)
    released: list[int] = []
    for first in range(0, len(chosen), AT_ONCE):
        again = update(outbox).where(*_still(chosen[first : first + AT_ONCE]), outbox.c.body.is_not(None))
        again = again.values(state=OutboxState.QUEUED, repeats=outbox.c.repeats + 1, not_before=tx.now, cause=None,
                             settled_at=None)  # fmt: skip
        released += tx.flushed().execute(again.returning(outbox.c.id)).scalars()
    return sorted(released)


def drop(tx: Transaction, ids: Sequence[int]) -> list[int]:
    """Never to be sent: somebody has looked, or told the person another way."""
    ended = update(outbox).where(*_still(_uncertain(tx, ids)))
    ended = ended.values(state=OutboxState.CANCELLED, body=None, settled_at=tx.now, cause="dropped")
    return sorted(tx.flushed().execute(ended.returning(outbox.c.id)).scalars())


def hold_all(tx: Transaction) -> int:
    """After a restore: whatever was owed may have been sent since the backup was made."""
    owed = update(outbox).where(outbox.c.state.in_((OutboxState.QUEUED, OutboxState.SENDING)))
    return tx.flushed().execute(
        owed.values(state=OutboxState.UNCERTAIN, cause=RESTORED, settled_at=tx.now)
    ).rowcount  # fmt: skip


def _still(ids: Sequence[int]) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Those of them that nobody else has released or dropped since they were read."""
    return outbox.c.id.in_(ids), outbox.c.state == OutboxState.UNCERTAIN


def _uncertain(tx: Transaction, ids: Sequence[int] | None) -> list[int]:
    statement = select(outbox.c.id).where(outbox.c.state == OutboxState.UNCERTAIN).order_by(outbox.c.id)
    if ids is not None:
        statement = statement.where(outbox.c.id.in_(list(ids)))
    return list(tx.flushed().execute(statement).scalars())
