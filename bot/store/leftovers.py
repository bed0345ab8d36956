"""What is over and has become old: rows of the queues and of web chats, deleted a window at a time.

Each class is gone through by its ids, from the lowest on; a slice looks at one window, to hold up nobody.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Table, delete, select, update

from bot.store.queues import InboxState, JobState, OutboxState, TimerState, inbox, job, outbox, timer
from bot.store.talks import web_message
from bot.store.transaction import Transaction

WINDOW = 2000  # rows that one slice looks at

_OVER = (OutboxState.SENT, OutboxState.FAILED, OutboxState.SUPERSEDED, OutboxState.CANCELLED)


def sweep_inbox(tx: Transaction, after: int, before: datetime) -> int | None:
    """Updates that took effect: their keys were kept to know repeats. The next cursor; None at the end."""
    return _swept(tx, inbox, after, inbox.c.received_at < before, (inbox.c.state == InboxState.DONE,))


def sweep_set_aside(tx: Transaction, after: int, before: datetime) -> int | None:
    """Updates that could not be handled: nobody has looked at their words for so long."""
    return _swept(tx, inbox, after, inbox.c.received_at < before, (inbox.c.state == InboxState.SET_ASIDE,))


def sweep_outbox(tx: Transaction, after: int, before: datetime) -> int | None:
    """Settled messages about no case; those about a case go with its person, so that a reply finds it until then."""
    which = (outbox.c.state.in_(_OVER), outbox.c.subject.is_(None))
    return _swept(tx, outbox, after, outbox.c.created_at < before, which)


def blank_uncertain(tx: Transaction, after: int, before: datetime) -> int | None:
    """The words of messages that may have arrived; that they may have stays on record."""
    which = (outbox.c.created_at < before, outbox.c.state == OutboxState.UNCERTAIN, outbox.c.body.is_not(None))
    upto, window = _window(tx, outbox, after)
    tx.flushed().execute(update(outbox).where(*window, *which).values(body=None))
    return upto


def sweep_timers(tx: Transaction, after: int, before: datetime) -> int | None:
    """Timers that fired."""
    return _swept(tx, timer, after, timer.c.due_at < before, (timer.c.state == TimerState.FIRED,))


def sweep_jobs(tx: Transaction, after: int, before: datetime) -> int | None:
    """Jobs that are over, with what they were given to do."""
    which = (job.c.state.in_((JobState.DONE, JobState.FAILED)),)
    return _swept(tx, job, after, job.c.not_before < before, which)


def sweep_talks(tx: Transaction, after: int, before: datetime) -> int | None:
    """What web chats have shown."""
    return _swept(tx, web_message, after, web_message.c.at < before, ())


def _swept(
    tx: Transaction, table: Table, after: int, is_old: ColumnElement[bool], which: Sequence[ColumnElement[bool]]
) -> int | None:
    upto, window = _window(tx, table, after)
    tx.flushed().execute(delete(table).where(*window, is_old, *which))
    return upto


def _window(tx: Transaction, table: Table, after: int) -> tuple[int | None, list[ColumnElement[bool]]]:
    """The id at which the window ends, None for the last one, and the condition that a row stands in it."""
    behind = table.c.id > after
    ends = select(table.c.id).where(behind).order_by(table.c.id).offset(WINDOW - 1).limit(1)
    upto = tx.flushed().execute(ends).scalar_one_or_none()
    return upto, [behind] if upto is None else [behind, table.c.id <= upto]
