"""Taking what waits to be handled: heads of the inbox, due timers. It never looks inside them."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Select, Table, bindparam, func, select, update

from bot.store.prepared import Prepared
from bot.store.queues import (
    InboxState,
    TimerState,
    conversation,
    inbox,
    inserting_new,
    timer,
)
from bot.store.transaction import Row, Transaction

WINDOW = 300
WINDOWS = 8
FLOOD = "flood"  # the mark of an update that was over the limit of its chat


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


@dataclass(slots=True)
class Look:
    """What a look into the inbox found beside the heads that it took."""

    passed: set[int] = field(default_factory=set)  # lanes in another writer's hands
    behind: bool = False  # more waits: behind a head, or beyond what was read
    timers: bool = False  # one is due, but comes behind what was said before its moment


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
# An expression, so that no plan goes through the index of the channels: it leads past everything that ever came.
_IS_HERE = (inbox.c.channel + "").in_(bindparam("channels", expanding=True))
_HEADS = Prepared(
    select(inbox.c.id, inbox.c.lane)
    .where(
        inbox.c.state == "new",
        _IS_HERE,
        inbox.c.lane.not_in(bindparam("seen", expanding=True)),
    )
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
    tx: Transaction, at_most: int, channels: Collection[str], skipping: Iterable[int] = (), look: Look | None = None
) -> list[Head]:
    """The oldest update of each waiting lane, oldest first. One flooded lane cannot hide the others.

    What came from other channels than these waits for a process that can read it.
    On a server each lane is locked before its update is read; those in another writer's hands are passed over. `look`
    takes down what else there is.
    """
    look = look if look is not None else Look()
    connection = tx.flushed()
    seen = set(skipping)
    found: dict[int, int] = {}
    first: dict[int, int] = {}
    window = min(WINDOW, 2 * at_most)  # with room for some lanes where more than one waits
    for _window in range(WINDOWS):
        rows = _HEADS.rows(
            connection, {"channels": channels, "seen": list(seen | found.keys()) or [0], "at_most": window}
        )
        for id_, lane in rows:
            look.behind |= lane in found
            found.setdefault(lane, id_)
        while (room := at_most - len(first)) and (untried := [lane for lane in found if lane not in seen][:room]):
            seen.update(untried)
            mine = _lock_lanes(tx, untried) if tx.is_postgresql else untried
            first |= {lane: found[lane] for lane in untried if lane in mine}
            look.passed.update(lane for lane in untried if lane not in mine)
        if len(rows) < window or len(first) >= at_most:
            break
    look.behind |= len(rows) == window or len(found) > len(first) + len(look.passed)
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


def set_strangers_aside(tx: Transaction, channels: Collection[str], before: datetime) -> int:
    """What has waited since `before` for a channel that is not there any more; how many updates that were."""
    statement = update(inbox).where(
        inbox.c.state == "new", inbox.c.channel.not_in(channels), inbox.c.received_at < before
    )
    return tx.flushed().execute(statement.values(state=InboxState.SET_ASIDE, error="no channel")).rowcount


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
    .where(
        inbox.c.state == "new",
        _IS_HERE,
        inbox.c.lane.in_(bindparam("lanes", expanding=True)),
    )
    .group_by(inbox.c.lane)
)


def due_timers(tx: Transaction, at_most: int, channels: Collection[str], look: Look | None = None) -> list[DueTimer]:
    """Armed timers whose moment has come, oldest first; those in another writer's hands are left out.

    A timer about a conversation comes behind what had arrived there before its moment: after an outage it else would
    conclude that nothing more was said. What waits from other channels than these holds back none.
    """
    statement = _DUE_UNLOCKED if tx.is_postgresql else _DUE_HERE
    rows = statement.rows(tx.flushed(), {"now": tx.now, "at_most": at_most})
    tx.touched.clear()
    due = [DueTimer(*row) for row in rows]
    if tx.is_postgresql and any(found.lane is not None for found in due):
        mine = _lock_lanes(tx, {found.lane for found in due if found.lane is not None})
        due = [found for found in due if found.lane is None or found.lane in mine]
    if lanes := [found.lane for found in due if found.lane is not None]:
        waiting = _WAITING_SINCE.rows(tx.flushed(), {"channels": channels, "lanes": lanes})
        since = {row.lane: row.since for row in waiting}
        ready = [found for found in due if found.lane not in since or found.due_at <= since[found.lane]]
        if look is not None:
            look.timers = len(ready) < len(due)
        due = ready
    return due


def one_a_lane(due: Sequence[DueTimer]) -> list[DueTimer]:
    """The first of each conversation: a second one would not see what the first changed there."""
    lanes: set[int] = set()
    found = []
    for one in due:
        if one.lane is None or one.lane not in lanes:
            found.append(one)
        if one.lane is not None:
            lanes.add(one.lane)
    return found


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
