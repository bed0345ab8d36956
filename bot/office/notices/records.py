"""Statements of notices and of their messages. Every change of a notice is compare-and-swap on its revision."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, bindparam, func, insert, select, update

from bot.errors import Changed
from bot.office.cases.tables import case, case_link
from bot.office.notices.model import RUNNING, UNDER_WAY, UNSETTLED, Arrival, Audience, Notice, Status
from bot.office.notices.tables import delivery, notice
from bot.office.people.records import address
from bot.sealing import Sealer
from bot.store import withdrawal
from bot.store.claims import armed_for
from bot.store.prepared import Prepared
from bot.store.queues import OutboxState, disarm, outbox
from bot.store.sending import CLOSED
from bot.store.transaction import Transaction
from bot.telling import Recipient

WORDS = b"notice"
LINK = "bulletin"
_NAMES = tuple(field.name for field in fields(Notice))
_ARRIVALS = {
    OutboxState.SENT: Arrival.SENT,
    OutboxState.FAILED: Arrival.FAILED,
    OutboxState.UNCERTAIN: Arrival.UNCERTAIN,
    OutboxState.CANCELLED: Arrival.STOPPED,
    OutboxState.SUPERSEDED: Arrival.STOPPED,
    OutboxState.QUEUED: Arrival.RETRYING,
    OutboxState.SENDING: Arrival.QUEUED,
}


class Records:
    """The rows of notices in one open transaction."""

    def __init__(self, tx: Transaction, content: Sealer) -> None:
        self._tx = tx
        self._content = content

    def find(self, id_: int) -> Notice | None:
        rows = self._listed(notice.c.id == id_, 1)
        return rows[0] if rows else None

    def latest(self, at_most: int, *, author: int | None, statuses: Sequence[Status]) -> list[Notice]:
        """The newest first; of one author, or of all."""
        condition = notice.c.status.in_(statuses)
        return self._listed(condition if author is None else condition & (notice.c.author == author), at_most)

    def add(self, new: Notice) -> Notice:
        self._tx.write(insert(notice), self._row(new))
        return new

    def save(self, old: Notice, new: Notice) -> Notice:
        """Raises Changed where somebody was faster."""
        saved = replace(new, revision=old.revision + 1)
        statement = update(notice).where(notice.c.id == old.id, notice.c.revision == old.revision)
        if self._tx.write(statement.values(**self._row(saved))).rowcount != 1:
            raise Changed("notice.changed")
        return saved

    def _listed(self, condition: ColumnElement[bool], at_most: int) -> list[Notice]:
        columns = [notice.c[name] for name in _NAMES]
        statement = select(*columns).where(condition).order_by(notice.c.id.desc()).limit(at_most)
        return [self._notice(row) for row in self._tx.read(statement)]

    def _notice(self, row: Any) -> Notice:
        values = dict(zip(_NAMES, row, strict=True))
        values["status"] = Status(values["status"])
        values["words"] = self._content.open(values["words"], WORDS).decode()
        values["audience"] = msgspec.json.decode(values["audience"], type=Audience)
        return Notice(**values)

    def _row(self, of: Notice) -> dict[str, Any]:
        values = {name: getattr(of, name) for name in _NAMES}
        values["words"] = self._content.seal(of.words.encode(), WORDS)
        values["audience"] = msgspec.json.encode(of.audience).decode()
        return values


# --- one row for each message ---

_ADD = Prepared(insert(delivery), [column.name for column in delivery.c])
_NOTE = Prepared(
    update(delivery)
    .where(delivery.c.id == bindparam("row"))
    .values(state=bindparam("now_state"), at=bindparam("now"))
)  # fmt: skip


_OF_CASE = Prepared(
    select(case_link.c.other).where(case_link.c.case == bindparam("of"), case_link.c.kind == LINK).limit(1)
)


def add_deliveries(tx: Transaction, of: Notice, to: Sequence[Recipient]) -> None:
    """A person who is there already fails the event: nobody gets a notice twice."""
    rows = [
        {"id": one.id, "notice": of.id, "person": one.person, "address": one.address, "state": Arrival.QUEUED,
         "at": tx.now} for one in to
    ]  # fmt: skip
    tx.change_many(_ADD, rows)


def last_written(tx: Transaction, of: Notice) -> int:
    """The person with the highest id that has a row; the rows themselves are the mark of how far it has come."""
    statement = select(func.max(delivery.c.person)).where(delivery.c.notice == of.id)
    return int(tx.read(statement).scalar_one_or_none() or 0)


def figures(tx: Transaction, of: Notice) -> dict[Arrival, int]:
    """How many messages stand how."""
    statement = (
        select(delivery.c.state, func.count().label("messages"))
        .where(delivery.c.notice == of.id)
        .group_by(delivery.c.state)
    )
    return {Arrival(row.state): int(row.messages) for row in tx.read(statement)}


def replies(tx: Transaction, of: Notice) -> int:
    """How many matters were brought in answer to it (M08); a complaint about staff is counted nowhere."""
    is_answer = (case_link.c.other == of.id) & (case_link.c.kind == LINK)
    statement = select(func.count()).join(case, case.c.id == case_link.c.case).where(is_answer, ~case.c.sealed)
    return int(tx.read(statement).scalar_one())


def of_case(tx: Transaction, case_id: int) -> int | None:
    """The notice that a case answers."""
    key = ("answers", case_id)
    if key not in tx.seen:
        rows = tx.rows(_OF_CASE, {"of": case_id})
        tx.seen[key] = int(rows[0][0]) if rows else None
    found: int | None = tx.seen[key]
    return found


def has_message(tx: Transaction, notice_id: int, person: int) -> bool:
    statement = select(delivery.c.id).where(delivery.c.notice == notice_id, delivery.c.person == person)
    return tx.read(statement).scalar_one_or_none() is not None


def unsettled_of(tx: Transaction, person: int) -> list[tuple[int, int]]:
    """(outbox row, notice) of what somebody has not got yet."""
    statement = select(delivery.c.id, delivery.c.notice).where(
        delivery.c.person == person, delivery.c.state.in_([state.value for state in UNSETTLED])
    )
    return [(row.id, row.notice) for row in tx.read(statement)]


def note(tx: Transaction, rows: Sequence[int]) -> None:
    """Writes down what became of these messages; for the sender, in the transaction that records it."""
    connection = tx.flushed()
    statement = (
        select(outbox.c.id, outbox.c.state, outbox.c.cause, outbox.c.tries, address.c.reachable)
        .outerjoin(address, address.c.id == outbox.c.address)
        .where(outbox.c.id.in_(rows))
    )
    found = [{"row": row.id, "now_state": _arrival(row), "now": tx.now} for row in connection.execute(statement)]
    _NOTE.run_many(connection, found)


def note_stopped(tx: Transaction, id_: int) -> None:
    """After `cancel_all`: what was taken back there is stopped here; what is on its way runs out."""
    cancelled = select(outbox.c.id).where(outbox.c.subject == id_, outbox.c.state == OutboxState.CANCELLED)
    statement = update(delivery).where(
        delivery.c.notice == id_, delivery.c.state.in_(UNSETTLED), delivery.c.id.in_(cancelled)
    )
    tx.flushed().execute(statement.values(state=Arrival.STOPPED, at=tx.now))


def stop_running(tx: Transaction) -> int:
    """After a restore: what was under way, or due by now, may have gone on since; how many that was. What is held of
    it is not released any more."""
    stopped = 0
    for row in tx.read(select(notice.c.id, notice.c.status).where(notice.c.status.in_(RUNNING))).all():
        start = armed_for(tx, f"notice:{row.id}:start")
        if row.status == Status.APPROVED and start is not None and start > tx.now:
            continue  # its moment is still to come
        ended = update(notice).where(notice.c.id == row.id)
        tx.write(ended.values(status=Status.STOPPED, ended_at=tx.now, revision=notice.c.revision + 1))
        disarm(tx, f"notice:{row.id}:start")
        withdrawal.cancel_all(tx, row.id)
        stopped += 1
    return stopped


def note_left_over(tx: Transaction, of: Notice) -> None:
    """Messages that something else took back (a role, an erasure): they are not on their way any more."""
    statement = (
        select(delivery.c.id)
        .join(outbox, outbox.c.id == delivery.c.id)
        .where(delivery.c.notice == of.id, delivery.c.state.in_(UNDER_WAY))
        .where(outbox.c.state.not_in((OutboxState.QUEUED, OutboxState.SENDING)))
        .limit(500)
    )
    if rows := list(tx.flushed().execute(statement).scalars()):
        note(tx, rows)


def _arrival(row: Any) -> Arrival:
    state = OutboxState(row.state)
    if state is OutboxState.FAILED and not row.reachable:
        return Arrival.GONE
    if state is OutboxState.QUEUED and row.cause == CLOSED:
        return Arrival.PAGE
    return _ARRIVALS[state]
