"""What is owed and not to go out any more, or not yet: rows of the outbox taken back or put off."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update

from bot.store.queues import OutboxState, outbox
from bot.store.transaction import Transaction

_AWAY = (OutboxState.SENDING, OutboxState.UNCERTAIN)  # without its body it can neither be tried again nor released


def cancel_for(tx: Transaction, subject: int | None, person: int) -> None:
    """Takes back what is queued about a case for somebody who may no longer read it.

    What is on its way, or held for somebody's word, loses its body: it cannot be sent again.
    """
    about = outbox.c.subject.is_(None) if subject is None else outbox.c.subject == subject
    to = update(outbox).where(about, outbox.c.person == person)
    connection = tx.flushed()
    connection.execute(
        to.where(outbox.c.state == OutboxState.QUEUED)
        .values(state=OutboxState.CANCELLED, body=None, settled_at=tx.now)
    )  # fmt: skip
    connection.execute(to.where(outbox.c.state.in_(_AWAY)).values(body=None))


def cancel_all(tx: Transaction, subject: int) -> int:
    """Takes back everything about a subject that is still queued; how many that was.

    What is on its way runs out, but loses its body, as what is held does: it cannot be sent again.
    """
    about = update(outbox).where(outbox.c.subject == subject)
    connection = tx.flushed()
    queued = about.where(outbox.c.state == OutboxState.QUEUED)
    count = connection.execute(queued.values(state=OutboxState.CANCELLED, body=None, settled_at=tx.now)).rowcount
    connection.execute(about.where(outbox.c.state.in_(_AWAY)).values(body=None))
    return count


def cancel_rows(tx: Transaction, ids: Sequence[int]) -> None:
    """The same for these rows."""
    rows = update(outbox).where(outbox.c.id.in_(ids))
    connection = tx.flushed()
    queued = rows.where(outbox.c.state == OutboxState.QUEUED)
    connection.execute(queued.values(state=OutboxState.CANCELLED, body=None, settled_at=tx.now))
    connection.execute(rows.where(outbox.c.state.in_(_AWAY)).values(body=None))


def postpone_all(tx: Transaction, subject: int, until: datetime) -> None:
    """What is queued about a subject waits."""
    queued = update(outbox).where(outbox.c.subject == subject, outbox.c.state == OutboxState.QUEUED)
    tx.flushed().execute(queued.where(outbox.c.not_before < until).values(not_before=until, later=True))


def is_on_its_way(tx: Transaction, subject: int) -> bool:
    """Whether something about a subject is being sent this very moment."""
    sending = select(outbox.c.id).where(outbox.c.subject == subject, outbox.c.state == OutboxState.SENDING)
    return tx.flushed().execute(sending.limit(1)).first() is not None


def subjects_owed(tx: Transaction, addresses: Sequence[int]) -> list[int | None]:
    """What the messages are about that have not arrived at these addresses yet, or may not have."""
    open_ = outbox.c.state.in_((OutboxState.QUEUED, *_AWAY))
    statement = select(outbox.c.subject).where(outbox.c.address.in_(addresses), open_).distinct()
    return list(tx.flushed().execute(statement).scalars())


def cancel_address(tx: Transaction, address: int) -> None:
    """Takes back everything that is queued for an address where nobody is to hear it any more."""
    tx.flushed().execute(
        update(outbox)
        .where(outbox.c.address == address, outbox.c.state == OutboxState.QUEUED)
        .values(state=OutboxState.CANCELLED, body=None, settled_at=tx.now)
    )
