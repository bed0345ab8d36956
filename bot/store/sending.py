"""Taking what waits to be sent, and what becomes of it: rows of the outbox. It never looks inside them."""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

from sqlalchemy import bindparam, case, func, select, update

from bot.store.claims import WINDOW, WINDOWS
from bot.store.prepared import Prepared
from bot.store.queues import IS_LATER, IS_NEXT, OutboxState, Policy, outbox
from bot.store.transaction import Transaction
from bot.telling import Lane

RESEND_AFTER = timedelta(seconds=60)
MAX_REPEATS = 2
MOST_TRIES = 32_767  # as far as they are counted: they are kept as small integers
LONGEST_CHAIN = 50  # messages that took the place of each other before the first of them arrived
LONGEST_PARTS = 600  # characters
CLOSED = "closed"  # the cause of waiting for a page that is not open: it holds up nothing else


@dataclass(frozen=True, slots=True)
class Sendable:
    """A claimed outbox row."""

    id: int
    address: int
    lane: int
    policy: str
    body: bytes
    subject: int | None
    edits: str | None
    answers: str | None
    replaces: int | None
    repeats: int
    created_at: datetime
    audience: str | None


class _Waiting(Protocol):
    """What is looked at before a row is chosen: all of it stands in one index."""

    id: int
    address: int
    lane: int


_COME_DUE = Prepared(
    update(outbox)
    .where(outbox.c.channel == bindparam("of"), IS_LATER, outbox.c.not_before <= bindparam("now"))
    .values(later=False)
)
_WAITING = Prepared(
    select(outbox.c.id, outbox.c.address, outbox.c.lane)
    .where(
        outbox.c.channel == bindparam("channel"),
        IS_NEXT,
        outbox.c.lane <= bindparam("last_lane"),
        outbox.c.not_before <= bindparam("now"),
        outbox.c.address.not_in(bindparam("busy", expanding=True)),
    )
    .order_by(outbox.c.lane, outbox.c.id)
    .limit(bindparam("at_most"))
)
_LOCK_QUEUED = Prepared(
    select(outbox.c.id)
    .where(outbox.c.id.in_(bindparam("ids", expanding=True)), outbox.c.state == "queued")
    .order_by(outbox.c.id)
    .with_for_update()
)
_CLAIM = Prepared(
    update(outbox)
    .where(outbox.c.id.in_(bindparam("ids", expanding=True)))
    .values(
        state=OutboxState.SENDING, epoch=bindparam("epoch_now"), sending_at=bindparam("now"),
        tries=case((outbox.c.tries < MOST_TRIES, outbox.c.tries + 1), else_=outbox.c.tries),
    )
    .returning(*(outbox.c[name] for name in Sendable.__slots__))
)  # fmt: skip


class Left(NamedTuple):
    """What else is due than was claimed."""

    busy: frozenset[int]  # addresses that were in use, or are now, and for which it is due
    more: bool  # it is due for others, or may be: not everything was read
    again: bool = False  # what stood in its way is gone already: it may be claimed at once


def claim_sendable(
    tx: Transaction, channel: str, epoch: int, at_most: int, busy: Container[int], *, bulk: int | None = None,
    check: Callable[[Transaction], None] = lambda _tx: None,
) -> tuple[list[Sendable], Left]:  # fmt: skip
    """The next row of each idle address, urgent lanes first, marked as being sent by this run; and what is left.

    `check` raises where this run may not send any more; it is asked only if there is something to send.
    Of notices to many at most `bulk`: what is left of `at_most` stays free for answers.
    """
    connection = tx.flushed()
    _COME_DUE.run(connection, {"of": channel, "now": tx.now})
    first: dict[int, _Waiting] = {}
    waiting: set[int] = set()  # the busy for whom something is due: they are few, the busy may be many
    window = min(WINDOW, 2 * at_most)
    last = Lane.NOTICE if bulk is None or bulk > 0 else Lane.DEADLINE
    more = last < Lane.NOTICE
    for _window in range(WINDOWS):
        seen = list(first.keys() | waiting) or [0]
        params = {"channel": channel, "now": tx.now, "busy": seen, "at_most": window, "last_lane": last}
        rows = _WAITING.rows(connection, params)
        for row in rows:
            if row.address in busy or row.address in first:
                waiting.add(row.address)
            else:
                first[row.address] = row
        more |= len(rows) == window
        if len(rows) < window or len(first) >= at_most:
            break
    chosen = _within(first.values(), at_most, at_most if bulk is None else bulk)
    if chosen:
        check(tx)
    claimed = _claimed(tx, chosen, epoch) if chosen else []
    more |= len(claimed) < len(first)
    return claimed, Left(frozenset(waiting), more, again=len(claimed) < len(chosen))


def give_back(tx: Transaction, channel: str, epoch: int, in_hand: Iterable[int]) -> None:
    """Rows that this run claimed and never began to send wait again: the answer to that commit was lost."""
    is_open = outbox.c.state.in_(("sending", "uncertain"))  # said as the index says it, or SQLite reads every row
    ours = is_open & (outbox.c.state == "sending") & (outbox.c.channel == channel) & (outbox.c.epoch == epoch)
    waits = case((outbox.c.body.is_(None), OutboxState.CANCELLED), else_=OutboxState.QUEUED)  # taken back meanwhile
    tx.flushed().execute(update(outbox).where(ours, outbox.c.id.not_in(list(in_hand) or [0])).values(state=waits))


def _claimed(tx: Transaction, chosen: list[int], epoch: int) -> list[Sendable]:
    """Marks these rows as being sent, and reads them."""
    queued = _still_queued(tx, chosen)
    if not queued:
        return []
    rows = _CLAIM.rows(tx.flushed(), {"ids": queued, "epoch_now": epoch, "now": tx.now})
    claimed = {row.id: Sendable(*row) for row in rows}
    return [claimed[id_] for id_ in queued]


def _still_queued(tx: Transaction, chosen: list[int]) -> list[int]:
    """On a server other writers may have taken some back since they were read; what is left is locked now."""
    if not tx.is_postgresql:
        return chosen
    queued = {row.id for row in _LOCK_QUEUED.rows(tx.flushed(), {"ids": chosen})}
    return [id_ for id_ in chosen if id_ in queued]


def _within(rows: Iterable[_Waiting], at_most: int, bulk: int) -> list[int]:
    found = list(rows)
    urgent = [row.id for row in found if row.lane < Lane.NOTICE][:at_most]
    notices = [row.id for row in found if row.lane == Lane.NOTICE][: max(0, min(bulk, at_most - len(urgent)))]
    return urgent + notices


def replaced(tx: Transaction, ids: Sequence[int]) -> Mapping[int, tuple[str, str | None]]:
    """State and platform message of earlier rows that others replace; those still queued are superseded now.

    If the replaced row never arrived, its own `replaces` is followed.
    """
    connection = tx.flushed()
    connection.execute(
        update(outbox)
        .where(outbox.c.id.in_(ids), outbox.c.state == OutboxState.QUEUED)
        .values(state=OutboxState.SUPERSEDED, body=None, settled_at=tx.now)
    )
    found: dict[int, tuple[str, str | None]] = {}
    heirs = {id_: id_ for id_ in ids}  # an earlier row: the one whose place is asked for
    for _step in range(LONGEST_CHAIN):
        if not heirs:
            break
        columns = (outbox.c.id, outbox.c.state, outbox.c.message, outbox.c.replaces)
        rows = connection.execute(select(*columns).where(outbox.c.id.in_(list(heirs)))).all()
        for row in rows:
            state, message = found.get(heirs[row.id], (row.state, None))
            found[heirs[row.id]] = (state, message or row.message)
        heirs = {row.replaces: heirs[row.id] for row in rows if row.message is None and row.replaces is not None}
    return found


def settle(tx: Transaction, id_: int, state: OutboxState, *, cause: str = "") -> None:
    """The end of a row, recorded once; its body goes."""
    tx.flushed().execute(
        update(outbox)
        .where(outbox.c.id == id_, outbox.c.state.in_((OutboxState.SENDING, OutboxState.UNCERTAIN)))
        .values(state=state, message=None, cause=cause[:200] or None, body=None, settled_at=tx.now)
    )


_SETTLE_SENT = Prepared(
    update(outbox)
    .where(outbox.c.id == bindparam("row"), outbox.c.state == OutboxState.SENDING)
    .values(
        state=OutboxState.SENT, message=bindparam("at"), parts=bindparam("before"), cause=None, body=None,
        settled_at=bindparam("now"),
    )
)  # fmt: skip


def settle_sent(tx: Transaction, messages: Mapping[int, Sequence[str]]) -> None:
    """Many rows that arrived, with the platform's message ids; a reply finds the last one, with the buttons."""
    rows = [
        {"row": id_, "at": next(reversed(ids), None), "before": _listed(ids[:-1]), "now": tx.now}
        for id_, ids in sorted(messages.items())
    ]
    _SETTLE_SENT.run_many(tx.flushed(), rows)


def _listed(ids: Sequence[str]) -> str | None:
    """As many of the ids as there is room for."""
    listed = ""
    for id_ in ids:
        longer = f"{listed} {id_}".strip()
        if len(longer) > LONGEST_PARTS:
            break
        listed = longer
    return listed or None


def postpone(tx: Transaction, row: Sendable, until: datetime, cause: str) -> None:
    """Not sent: it waits, and so does whatever stands behind it for the same address."""
    connection = tx.flushed()
    statement = update(outbox).where(outbox.c.id == row.id, outbox.c.state == OutboxState.SENDING)
    waits = case((outbox.c.body.is_(None), OutboxState.CANCELLED), else_=OutboxState.QUEUED)  # taken back meanwhile
    connection.execute(statement.values(state=waits, not_before=until, later=True, cause=cause[:200]))
    behind = update(outbox).where(outbox.c.address == row.address, outbox.c.state == OutboxState.QUEUED)
    connection.execute(
        behind.where(outbox.c.not_before < until).values(not_before=until, later=True, cause=cause[:200])
    )


def held_addresses(tx: Transaction, channel: str) -> dict[int, datetime]:
    """Until when nothing may go to these addresses: a row that could not be sent stands before all that came later."""
    statement = select(outbox.c.address, func.max(outbox.c.not_before)).where(
        outbox.c.channel == channel, outbox.c.state == "queued", outbox.c.not_before > tx.now,
        outbox.c.cause.is_not(None), outbox.c.cause != CLOSED,
    )  # fmt: skip
    rows = tx.flushed().execute(statement.group_by(outbox.c.address))
    return {row[0]: row[1] for row in rows}


def wake_address(tx: Transaction, address: int, cause: str) -> int:
    """What waits for this address because of `cause` is due now; what was meant for later stays."""
    statement = update(outbox).where(outbox.c.address == address, outbox.c.state == OutboxState.QUEUED)
    return (
        tx.flushed()
        .execute(statement.where(outbox.c.cause == cause).values(not_before=tx.now, later=False, cause=None))
        .rowcount
    )


def after_uncertain(tx: Transaction, row: Sendable, *, idempotent: bool) -> OutboxState:
    """What becomes of a row that may have arrived, by its policy; returns its new state."""
    policy = Policy(row.policy)
    values: dict[str, Any]
    connection = tx.flushed()
    if connection.execute(select(outbox.c.body).where(outbox.c.id == row.id)).scalar_one_or_none() is None:
        values = {"state": OutboxState.UNCERTAIN, "settled_at": tx.now, "cause": "uncertain"}  # taken back meanwhile
    elif idempotent or policy in (Policy.FREE, Policy.PROMPT):
        values = {"state": OutboxState.QUEUED, "not_before": tx.now + timedelta(seconds=2), "later": True}
    elif policy is Policy.RESEND and row.repeats < MAX_REPEATS:
        values = {
            "state": OutboxState.QUEUED,
            "not_before": tx.now + RESEND_AFTER,
            "later": True,
            "repeats": row.repeats + 1,
        }
    else:
        values = {"state": OutboxState.UNCERTAIN, "settled_at": tx.now, "cause": "uncertain"}
    connection.execute(update(outbox).where(outbox.c.id == row.id).values(**values))
    return OutboxState(values["state"])


def subject_of(tx: Transaction, address: int, message: str) -> int | None:
    """The case that a sent message spoke of."""
    statement = select(outbox.c.subject).where(outbox.c.address == address, outbox.c.message == message)
    return tx.flushed().execute(statement.order_by(outbox.c.id.desc()).limit(1)).scalar_one_or_none()


def last_subject(tx: Transaction, address: int) -> int | None:
    """The case that the newest message to this address spoke of, of those that spoke of one."""
    statement = select(outbox.c.subject).where(
        outbox.c.address == address, outbox.c.subject > 0, outbox.c.message.is_not(None)
    )
    return tx.flushed().execute(statement.order_by(outbox.c.id.desc()).limit(1)).scalar_one_or_none()


def orphans(tx: Transaction, epoch: int) -> list[tuple[str, Sendable]]:
    """Rows that an earlier run was sending when it ended, with their channels."""
    columns = [outbox.c[name] for name in Sendable.__slots__]
    is_open = outbox.c.state.in_(("sending", "uncertain"))  # said as the index says it, or SQLite reads every row
    statement = select(outbox.c.channel, *columns).where(is_open, outbox.c.state == "sending", outbox.c.epoch < epoch)
    return [(row[0], Sendable(*row[1:])) for row in tx.flushed().execute(statement)]
