"""How the queues stand: counts, and since when the oldest waits. It changes nothing and opens nothing that is sealed.

Every statement is answered by an index of the few rows that still wait or went wrong, however many are done.
"""

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Select, case, column, func, literal, or_, select, table

from bot.store import facts, leases
from bot.store.queues import InboxState, JobState, OutboxState, TimerState, inbox, job, outbox, timer
from bot.store.sending import CLOSED
from bot.store.transaction import Transaction
from bot.telling import Lane

FAILED_WITHIN = timedelta(hours=24)
OFTEN = 3  # tries: a row that was put off so often does not merely keep a platform's pace


@dataclass(frozen=True, kw_only=True, slots=True)
class Pile:
    """Rows of one kind. `since`: from when the oldest has waited; of what was set aside, when the newest came."""

    name: str
    count: int
    since: datetime | None = None
    channel: str = ""
    lane: Lane | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What the database says about itself."""

    revision: str
    epoch: int
    stopped_cleanly: bool  # or at work, as far as a server tells
    piles: tuple[Pile, ...]
    processes: int = 0  # that share the work on a server


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes: free where the database and the files lie, and in the write-ahead log. None where it cannot be known."""

    free: int | None
    wal: int | None


def read_standing(tx: Transaction) -> Standing:
    """Everything at once, each statement short enough to hold up nobody."""
    revision = tx.read(select(column("version_num")).select_from(table("alembic_version"))).scalar_one()
    piles = (_inbox(tx), _inbox_set_aside(tx), *_outbox(tx), *_timers(tx), *_jobs(tx))
    epoch, stopped = facts.get(tx, "epoch"), facts.get(tx, "stopped")
    runs = _runs(tx)
    at_work = [run for run in runs if run.is_at_work]
    is_well = stopped in (None, "cleanly") or (bool(runs) and len(at_work) == len(runs))  # none died without a word
    return Standing(revision, int(epoch or 0), is_well, piles, len(at_work))


def room(file: Path | None, folders: Iterable[Path]) -> Room:
    """Looks at the disks of these folders; the fullest counts."""
    there = [folder for folder in folders if folder.is_dir()]
    free = min((shutil.disk_usage(folder).free for folder in there), default=None)
    log = file.with_name(file.name + "-wal") if file is not None else None
    try:
        return Room(free, log.stat().st_size if log is not None else None)
    except OSError:
        return Room(free, 0)


def statements(now: datetime) -> dict[str, Select[Any]]:
    """By name, so that a test can ask the database how it answers them."""
    queued = _is(outbox.c.state, OutboxState.QUEUED)
    urgent = outbox.c.lane < Lane.NOTICE.value  # notices to many may take hours by themselves
    put_off = outbox.c.cause.is_not(None)
    return {
        "inbox": select(func.count()).where(_is(inbox.c.state, InboxState.NEW)),
        "inbox oldest": select(inbox.c.received_at)
        .where(_is(inbox.c.state, InboxState.NEW))
        .order_by(inbox.c.id)
        .limit(1),
        "inbox set aside": select(func.count(), func.max(inbox.c.received_at)).where(
            _is(inbox.c.state, InboxState.SET_ASIDE)
        ),
        "queued": _by_lane(func.count()).where(queued),
        # a row that was put off has lost its first moment; what keeps being put off counts from when it was owed
        "due": _by_lane(func.min(case((put_off, outbox.c.created_at), else_=outbox.c.not_before))).where(
            queued,
            urgent,
            or_(
                ~put_off & (outbox.c.not_before <= now),
                put_off & (outbox.c.cause != CLOSED) & (outbox.c.tries >= OFTEN),
            ),
        ),
        "open": _by_lane(func.count(), func.min(outbox.c.sending_at), outbox.c.state)
        .where(_is_one(outbox.c.state, OutboxState.SENDING, OutboxState.UNCERTAIN))
        .group_by(outbox.c.state),
        "failed": _by_lane(func.count()).where(
            _is(outbox.c.state, OutboxState.FAILED), outbox.c.settled_at > now - FAILED_WITHIN
        ),
        "timers": select(func.count(), func.min(timer.c.due_at)).where(
            _is(timer.c.state, TimerState.ARMED), timer.c.due_at <= now
        ),
        "timers set aside": select(func.count(), func.max(timer.c.due_at)).where(
            _is(timer.c.state, TimerState.SET_ASIDE)
        ),
        "jobs": select(job.c.state, func.count(), func.min(job.c.not_before))
        .where(_is_one(job.c.state, JobState.WAITING, JobState.LEASED))
        .group_by(job.c.state),
        "jobs failed": select(func.count()).where(_is(job.c.state, JobState.FAILED)),
    }


def _is(state: Column[str], value: StrEnum) -> Any:
    """Written out: SQLite looks for a partial index before it knows the values of parameters."""
    return state == literal(value.value, literal_execute=True)


def _is_one(state: Column[str], *values: StrEnum) -> Any:
    """In the very words of the index: SQLite does not see that one state of a list is in the list."""
    return state.in_(literal([value.value for value in values], literal_execute=True))


def _by_lane(*figures: Any) -> Select[Any]:
    return select(outbox.c.channel, outbox.c.lane, *figures).group_by(outbox.c.channel, outbox.c.lane)


def _rows(tx: Transaction, name: str) -> Sequence[Any]:
    return tx.read(statements(tx.now)[name]).all()


def _runs(tx: Transaction) -> list[leases.Standing]:
    """The processes that share the work on a server, those included that died without a word."""
    if not tx.is_postgresql:
        return []
    return [found for found in leases.standing(tx) if found.name.startswith(leases.RUN)]


def _inbox(tx: Transaction) -> Pile:
    oldest = next(iter(_rows(tx, "inbox oldest")), None)
    return Pile(name="inbox", count=_rows(tx, "inbox")[0][0], since=oldest[0] if oldest else None)


def _inbox_set_aside(tx: Transaction) -> Pile:
    count, newest = _rows(tx, "inbox set aside")[0]
    return Pile(name="inbox.set_aside", count=count, since=newest)


def _outbox(tx: Transaction) -> list[Pile]:
    due = {(channel, lane): since for channel, lane, since in _rows(tx, "due")}
    piles = [
        Pile(name="outbox", count=count, since=due.get((channel, lane)), channel=channel, lane=Lane(lane))
        for channel, lane, count in _rows(tx, "queued")
    ]
    for channel, lane, count, since, state in _rows(tx, "open"):
        sending = since if state == OutboxState.SENDING else None
        piles.append(Pile(name=f"outbox.{state}", count=count, since=sending, channel=channel, lane=Lane(lane)))
    piles += [
        Pile(name="outbox.failed", count=count, channel=channel, lane=Lane(lane))
        for channel, lane, count in _rows(tx, "failed")
    ]
    return piles


def _timers(tx: Transaction) -> tuple[Pile, Pile]:
    (due, since), (aside, newest) = _rows(tx, "timers")[0], _rows(tx, "timers set aside")[0]
    return Pile(name="timers", count=due, since=since), Pile(name="timers.set_aside", count=aside, since=newest)


def _jobs(tx: Transaction) -> tuple[Pile, Pile, Pile]:
    found = {state: (count, since) for state, count, since in _rows(tx, "jobs")}
    waiting, leased = (found.get(state, (0, None)) for state in (JobState.WAITING, JobState.LEASED))
    return (
        Pile(name="jobs", count=waiting[0], since=waiting[1]),
        Pile(name="jobs.leased", count=leased[0]),
        Pile(name="jobs.failed", count=_rows(tx, "jobs failed")[0][0]),
    )
