"""Taking out what the queues still hold of a talk: what was said, what was shown, which files it had.

Each statement runs in the transaction of the act that makes it necessary, so that either both happen or neither.
Nothing here touches a case. What the pages of a database file held before is overwritten by the database itself
(`secure_delete`) and, where `Transaction.scrubs` is set, the write-ahead log is emptied after the commit.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, delete, literal, or_, select, update

from bot.store.queues import InboxState, OutboxState, inbox, job, outbox
from bot.store.sending import CLOSED
from bot.store.talks import web_message
from bot.store.transaction import Transaction
from bot.telling import Lane

_ON_ITS_WAY = (OutboxState.QUEUED, OutboxState.SENDING)


def blank_inbox(tx: Transaction, lane: int, since: datetime, until: datetime | None = None) -> None:
    """What this chat said and could not be handled loses its words; what was handled has none any more, and what still
    waits keeps them until it is."""
    aside = inbox.c.state == literal(InboxState.SET_ASIDE.value, literal_execute=True)  # as its index says it
    said = [aside, inbox.c.received_at >= since, inbox.c.lane == lane]
    if until is not None:
        said.append(inbox.c.received_at <= until)
    tx.flushed().execute(update(inbox).where(*said).values(raw=None, error=None))


def blank_outbox(tx: Transaction, address: int, since: datetime) -> None:
    """What was shown there about no case: rows that are over go, what waits is taken back, what is on its way is
    sent from memory and loses its words here."""
    connection = tx.flushed()
    shown = _shown(address, since)
    connection.execute(delete(outbox).where(*shown, outbox.c.state.not_in(_ON_ITS_WAY)))
    connection.execute(delete(outbox).where(*shown, outbox.c.state == OutboxState.QUEUED))
    connection.execute(update(outbox).where(*shown).values(body=None, edits=None, answers=None))


def blank_arrived(tx: Transaction, address: int, lane: int, since: datetime, until: datetime) -> bool:
    """The same where nobody has asked for it: what waits or is on its way goes out first, and what a web page shows of
    it goes with it. True: there is some. A closed page may never be opened again: what waits for it is taken back.
    """
    connection = tx.flushed()
    shown = (*_shown(address, since), outbox.c.created_at <= until)
    for_nobody = (outbox.c.state == OutboxState.QUEUED) & (outbox.c.cause == CLOSED)
    over = (*shown, or_(outbox.c.state.not_in(_ON_ITS_WAY), for_nobody))
    ids = select(outbox.c.id).where(*over)
    connection.execute(delete(web_message).where(web_message.c.chat == lane, web_message.c.id.in_(ids)))
    connection.execute(delete(outbox).where(*over))
    return connection.execute(select(outbox.c.id).where(*shown).limit(1)).first() is not None


def blank_pages(tx: Transaction, lane: int, since: datetime, until: datetime | None = None) -> None:
    """What a web page would show again when it is opened anew."""
    shown = [web_message.c.chat == lane, web_message.c.at >= since]
    if until is not None:
        shown.append(web_message.c.at <= until)
    tx.write(delete(web_message).where(*shown))


def message_ids(tx: Transaction, address: int, since: datetime) -> list[tuple[str, datetime]]:
    """The platform's ids of what arrived at an address, with their moments; all parts of long messages."""
    statement = select(outbox.c.message, outbox.c.parts, outbox.c.settled_at).where(
        outbox.c.address == address, outbox.c.state == OutboxState.SENT, outbox.c.settled_at >= since
    )
    found = tx.flushed().execute(statement.order_by(outbox.c.settled_at)).all()
    return [
        (message, row.settled_at)
        for row in found
        for message in (*(row.parts or "").split(), *filter(None, (row.message,)))
    ]


def shown_since(tx: Transaction, address: int, since: datetime) -> list[tuple[int | None, str]]:
    """(case, the platform's id) of what arrived at an address; all parts of long messages."""
    statement = select(outbox.c.subject, outbox.c.message, outbox.c.parts).where(
        outbox.c.address == address, outbox.c.state == OutboxState.SENT, outbox.c.settled_at >= since
    )
    return [
        (row.subject, message)
        for row in tx.flushed().execute(statement)
        for message in (*(row.parts or "").split(), *filter(None, (row.message,)))
    ]


def has_older(tx: Transaction, address: int, before: datetime) -> bool:
    """Whether anything was sent there before that moment."""
    older = (outbox.c.address == address, outbox.c.state == OutboxState.SENT, outbox.c.settled_at < before)
    return tx.flushed().execute(select(outbox.c.id).where(*older).limit(1)).first() is not None


def forget_messages(tx: Transaction, address: int, since: datetime) -> None:
    """The ids of messages that are deleted on the platform: nobody can reply to them any more."""
    there = (outbox.c.address == address, outbox.c.state == OutboxState.SENT, outbox.c.settled_at >= since)
    tx.flushed().execute(update(outbox).where(*there).values(message=None, parts=None))


def forget_job(tx: Transaction, key: str) -> None:
    """A job that is over, and its result in the inbox."""
    connection = tx.flushed()
    done = connection.execute(select(job.c.id).where(job.c.key == key)).scalar_one_or_none()
    if done is not None:
        connection.execute(delete(inbox).where(inbox.c.channel == "job", inbox.c.key == str(done)))
        connection.execute(delete(job).where(job.c.id == done))


def _shown(address: int, since: datetime) -> tuple[ColumnElement[bool], ...]:
    in_talk = outbox.c.lane == Lane.INTERACTIVE.value
    return (outbox.c.address == address, in_talk, outbox.c.subject.is_(None), outbox.c.created_at >= since)
