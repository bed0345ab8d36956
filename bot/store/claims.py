"""Taking what waits: heads of the inbox, due timers, sendable rows, open jobs. It never looks inside them."""

from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, Table, bindparam, case, func, select, update

from bot.store.prepared import Prepared
from bot.store.queues import (
    IS_LATER,
    IS_NEXT,
    InboxState,
    JobState,
    OutboxState,
    Policy,
    TimerState,
    conversation,
    inbox,
    inserting_new,
    job,
    outbox,
    timer,
)
from bot.store.transaction import Row, Transaction
from bot.telling import Lane

WINDOW = 300
WINDOWS = 8
SMALLEST_WINDOW = 16
JOB_LANES = 64
RESEND_AFTER = timedelta(seconds=60)
MAX_REPEATS = 2
LONGEST_CHAIN = 50  # messages that took the place of each other before the first of them arrived
FLOOD = "flood"  # the mark of an update that was over the limit of its chat
LONGEST_PARTS = 600  # characters
CLOSED = "closed"  # the cause of waiting for a page that is not open: it holds up nothing else


@dataclass(frozen=True, slots=True)
class Head:
    """The oldest unhandled update of one lane, with the lane's conversation."""

    id: int
    channel: str
    lane: int
    tries: int
    raw: bytes
    error: str | None  # FLOOD, or how the last try failed
    conversation: bytes | None


def take_in(tx: Transaction, rows: Sequence[Row]) -> int:
    """Stores raw updates with their lanes; a repeated key changes nothing. Returns how many were new."""
    lanes = [{"id": lane, "state": None, "changed_at": None} for lane in sorted({row["lane"] for row in rows})]
    connection = tx.flushed()
    _ADD_LANES.run_many(connection, lanes)
    fresh = [{"error": None} | row | {"state": InboxState.NEW, "tries": 0} for row in rows]
    return _TAKE_IN.run_many(connection, fresh)


def newest_id(tx: Transaction) -> int:
    """Of all updates that came in; 0 where none did."""
    return tx.flushed().execute(select(func.max(inbox.c.id))).scalar_one() or 0


def unknown(tx: Transaction, channel: str, keys: Iterable[str]) -> list[str]:
    """Those of the keys that this channel has not handed in yet, in their order."""
    wanted = list(keys)
    statement = select(inbox.c.key).where(inbox.c.channel == channel, inbox.c.key.in_(wanted))
    known = set(tx.flushed().execute(statement).scalars())
    return [key for key in wanted if key not in known]


_ADD_LANES = inserting_new(conversation, ["id", "state", "changed_at"], ["id"])
_TAKE_IN = inserting_new(
    inbox, ["id", "channel", "key", "lane", "raw", "received_at", "state", "tries", "error"], ["channel", "key"]
)
_HEADS = Prepared(
    select(inbox.c.id, inbox.c.lane)
    .where(inbox.c.state == "new", inbox.c.lane.not_in(bindparam("seen", expanding=True)))
    .order_by(inbox.c.id)
    .limit(bindparam("at_most"))
)
_RAW = Prepared(
    select(inbox.c.id, inbox.c.channel, inbox.c.lane, inbox.c.tries, inbox.c.raw, inbox.c.error, conversation.c.state)
    .join(conversation, conversation.c.id == inbox.c.lane)
    .where(inbox.c.id.in_(bindparam("ids", expanding=True)), inbox.c.state == "new")
    .order_by(inbox.c.id)
)


def heads(
    tx: Transaction, at_most: int, skipping: Iterable[int] = (), passed: set[int] | None = None
) -> list[Head]:  # fmt: skip
    """The oldest update of each waiting lane, oldest first. One flooded lane cannot hide the others.

    On a server each lane is locked before its update is read; those in another writer's hands are passed over, and
    noted in `passed`.
    """
    connection = tx.flushed()
    seen = set(skipping)
    found: dict[int, int] = {}
    first: dict[int, int] = {}
    window = min(WINDOW, 2 * at_most)  # with room for some lanes where more than one waits
    for _window in range(WINDOWS):
        rows = _HEADS.rows(connection, {"seen": list(seen | found.keys()) or [0], "at_most": window})
        for id_, lane in rows:
            found.setdefault(lane, id_)
        while (room := at_most - len(first)) and (untried := [lane for lane in found if lane not in seen][:room]):
            seen.update(untried)
            mine = _lock_lanes(tx, untried) if tx.is_postgresql else untried
            first |= {lane: found[lane] for lane in untried if lane in mine}
            if passed is not None:
                passed.update(lane for lane in untried if lane not in mine)
        if len(rows) < window or len(first) >= at_most:
            break
    if not first:
        return []
    return [Head(*row) for row in _RAW.rows(connection, {"ids": list(first.values())})]


def _lock_lanes(tx: Transaction, lanes: Iterable[int]) -> Collection[int]:
    """Locks conversations first: locking inbox rows would break the order of a chat. It never waits."""
    connection, wanted = tx.flushed(), list(lanes)
    mine = {row[0] for row in _LOCK_LANES.rows(connection, {"lanes": wanted})}
    if missing := set(wanted) - mine:  # in another writer's hands, or forgotten with its person meanwhile
        there = {row[0] for row in _KNOWN_LANES.rows(connection, {"lanes": list(missing)})}
        lost = sorted(missing - there)
        _ADD_LANES.run_many(connection, [{"id": lane, "state": None, "changed_at": None} for lane in lost])
    return mine


_KNOWN_LANES = Prepared(select(conversation.c.id).where(conversation.c.id.in_(bindparam("lanes", expanding=True))))
_LOCK_LANES = Prepared(
    select(conversation.c.id)
    .where(conversation.c.id.in_(bindparam("lanes", expanding=True)))
    .order_by(conversation.c.id)
    .with_for_update(skip_locked=True)
)


def newest(tx: Transaction, table: Table, upto: int) -> int:
    """The highest id in a queue that is not above `upto`: ids that tell nothing about when lie anywhere."""
    statement = select(table.c.id).where(table.c.id <= upto).order_by(table.c.id.desc()).limit(1)
    return tx.flushed().execute(statement).scalar_one_or_none() or 0


def count_try(tx: Transaction, id_: int, error: str, *, set_aside: bool) -> None:
    """Counts a failed try of an update; the last one sets it aside with what it was."""
    state = InboxState.SET_ASIDE if set_aside else InboxState.NEW
    statement = update(inbox).where(inbox.c.id == id_)
    tx.flushed().execute(statement.values(tries=inbox.c.tries + 1, state=state, error=error[:200]))


def state_of(tx: Transaction, lane: int) -> bytes | None:
    """A conversation's sealed state, locked on a database with several writers; none for an unknown lane."""
    statement: Select[Any] = select(conversation.c.state).where(conversation.c.id == lane)
    if tx.is_postgresql:
        statement = statement.with_for_update()
    return tx.flushed().execute(statement).scalar_one_or_none()


@dataclass(frozen=True, slots=True)
class DueTimer:
    id: int
    key: str
    kind: str
    subject: int
    lane: int | None
    data: bytes
    due_at: datetime
    tries: int


_DUE = (
    select(timer.c.id, timer.c.key, timer.c.kind, timer.c.subject, timer.c.lane, timer.c.data, timer.c.due_at,
           timer.c.tries)
    .where(timer.c.state == "armed", timer.c.due_at <= bindparam("now"))
    .order_by(timer.c.due_at, timer.c.id)
    .limit(bindparam("at_most"))
)  # fmt: skip


_DUE_HERE, _DUE_UNLOCKED = Prepared(_DUE), Prepared(_DUE.with_for_update(skip_locked=True))
_WAITING_SINCE = Prepared(
    select(inbox.c.lane, func.min(inbox.c.received_at).label("since"))
    .where(inbox.c.state == "new", inbox.c.lane.in_(bindparam("lanes", expanding=True)))
    .group_by(inbox.c.lane)
)


def due_timers(tx: Transaction, at_most: int) -> list[DueTimer]:
    """Armed timers whose moment has come, oldest first; those in another writer's hands are left out.

    A timer about a conversation comes behind what had arrived there before its moment: after an outage it else would
    conclude that nothing more was said.
    """
    statement = _DUE_UNLOCKED if tx.is_postgresql else _DUE_HERE
    rows = statement.rows(tx.flushed(), {"now": tx.now, "at_most": at_most})
    tx.touched.clear()
    due = [DueTimer(*row) for row in rows]
    if tx.is_postgresql and any(found.lane is not None for found in due):
        mine = _lock_lanes(tx, {found.lane for found in due if found.lane is not None})
        due = [found for found in due if found.lane is None or found.lane in mine]
    if lanes := [found.lane for found in due if found.lane is not None]:
        since = {row.lane: row.since for row in _WAITING_SINCE.rows(tx.flushed(), {"lanes": lanes})}
        due = [found for found in due if found.lane not in since or found.due_at <= since[found.lane]]
    return due


def count_timer_try(tx: Transaction, id_: int, *, set_aside: bool, next_at: datetime) -> None:
    """Counts a failed try; the next comes at `next_at`, the last one sets the occurrence aside."""
    state = TimerState.SET_ASIDE if set_aside else TimerState.ARMED
    statement = update(timer).where(timer.c.id == id_)
    tx.flushed().execute(statement.values(tries=timer.c.tries + 1, state=state, due_at=next_at))


def armed_for(tx: Transaction, key: str) -> datetime | None:
    """The moment of a waiting timer, due or not; none where none waits under this key."""
    statement = select(timer.c.due_at).where(timer.c.key == key, timer.c.state == TimerState.ARMED)
    return tx.flushed().execute(statement).scalar_one_or_none()


def next_due(tx: Transaction) -> datetime | None:
    """The moment of the next armed timer."""
    statement = select(func.min(timer.c.due_at)).where(timer.c.state == "armed")
    return tx.flushed().execute(statement).scalar_one_or_none()


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
    quotes: str | None
    replaces: int | None
    repeats: int
    created_at: datetime
    audience: str | None


_COME_DUE = Prepared(
    update(outbox)
    .where(outbox.c.channel == bindparam("of"), IS_LATER, outbox.c.not_before <= bindparam("now"))
    .values(later=False)
)
_WAITING = Prepared(
    select(*(outbox.c[name] for name in Sendable.__slots__))
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
_CLAIM = Prepared(
    update(outbox)
    .where(outbox.c.id.in_(bindparam("ids", expanding=True)))
    .values(
        state=OutboxState.SENDING, epoch=bindparam("epoch_now"), sending_at=bindparam("now"), tries=outbox.c.tries + 1
    )
)


_LOCK_QUEUED = Prepared(
    select(outbox.c.id)
    .where(outbox.c.id.in_(bindparam("ids", expanding=True)), outbox.c.state == "queued")
    .order_by(outbox.c.id)
    .with_for_update()
)


def claim_sendable(
    tx: Transaction, channel: str, epoch: int, at_most: int, busy: Container[int], *, bulk: int | None = None,
    check: Callable[[Transaction], None] = lambda _tx: None,
) -> tuple[list[Sendable], bool]:  # fmt: skip
    """The next row of each idle address, urgent lanes first, marked as being sent by this run.

    `check` raises where this run may not send any more; it is asked only if there is something to send.
    Beside them, whether anything else is due that waits for a busy address or for more room.
    Of notices to many at most `bulk`: what is left of `at_most` stays free for answers.
    """
    connection = tx.flushed()
    _COME_DUE.run(connection, {"of": channel, "now": tx.now})
    first: dict[int, Sendable] = {}
    waiting: set[int] = set()  # those of the busy for whom something is due: they are few, the busy may be many
    window, read = min(WINDOW, 2 * at_most), 0
    last = Lane.NOTICE if bulk is None or bulk > 0 else Lane.DEADLINE
    for _window in range(WINDOWS):
        seen = list(first.keys() | waiting) or [0]
        params = {"channel": channel, "now": tx.now, "busy": seen, "at_most": window, "last_lane": last}
        rows = _WAITING.rows(connection, params)
        read += len(rows)
        for row in rows:
            if row.address in busy:
                waiting.add(row.address)
            elif row.address not in first:
                first[row.address] = Sendable(*row)
        if len(rows) < window or len(first) >= at_most:
            break
    claimed = _within(first.values(), at_most, at_most if bulk is None else bulk)
    if claimed:
        check(tx)
        claimed = _still_queued(tx, claimed)
    if claimed:
        params = {"ids": [row.id for row in claimed], "epoch_now": epoch, "now": tx.now}
        _CLAIM.run(connection, params)
    return claimed, read > len(claimed) or len(rows) == window or last < Lane.NOTICE


def give_back(tx: Transaction, channel: str, epoch: int, in_hand: Iterable[int]) -> None:
    """Rows that this run claimed and never began to send wait again: the answer to that commit was lost."""
    is_open = outbox.c.state.in_(("sending", "uncertain"))  # said as the index says it, or SQLite reads every row
    ours = is_open & (outbox.c.state == "sending") & (outbox.c.channel == channel) & (outbox.c.epoch == epoch)
    waits = case((outbox.c.body.is_(None), OutboxState.CANCELLED), else_=OutboxState.QUEUED)  # taken back meanwhile
    tx.flushed().execute(update(outbox).where(ours, outbox.c.id.not_in(list(in_hand) or [0])).values(state=waits))


def _still_queued(tx: Transaction, rows: list[Sendable]) -> list[Sendable]:
    """On a server other writers may have taken some back since they were read; what is left is locked now."""
    if not tx.is_postgresql:
        return rows
    queued = {row[0] for row in _LOCK_QUEUED.rows(tx.flushed(), {"ids": [row.id for row in rows]})}
    return [row for row in rows if row.id in queued]


def _within(rows: Iterable[Sendable], at_most: int, bulk: int) -> list[Sendable]:
    found = list(rows)
    urgent = [row for row in found if row.lane < Lane.NOTICE][:at_most]
    notices = [row for row in found if row.lane == Lane.NOTICE][: max(0, min(bulk, at_most - len(urgent)))]
    return urgent + notices


def replaced(tx: Transaction, ids: Sequence[int]) -> Mapping[int, tuple[str, str | None]]:
    """State and platform message of earlier rows that others replace; those still queued are superseded now.

    A row that never arrived itself stands for the one that it was to replace.
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


def settle(tx: Transaction, id_: int, state: OutboxState, *, message: str | None = None, cause: str = "") -> None:
    """The end of a row, recorded once; its body goes."""
    tx.flushed().execute(
        update(outbox)
        .where(outbox.c.id == id_, outbox.c.state.in_((OutboxState.SENDING, OutboxState.UNCERTAIN)))
        .values(state=state, message=message, cause=cause[:200] or None, body=None, settled_at=tx.now)
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
