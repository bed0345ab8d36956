"""What stands over its limit: facts in, lines out. It reads no clock and no database."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal

from msgspec import Struct

from bot.office.cases.totals import Totals
from bot.store.standing import Pile, Room, Standing

LIMITS: Mapping[str, float] = {  # seconds that the oldest may wait
    "inbox": 30,
    "outbox": 60,
    "outbox.sending": 300,
    "timers": 10,
    "jobs": 600,
    "writer": 30,
    "receive": 30,
}
LEAST_FREE = 200 * 2**20  # bytes
MOST_LOG = 512 * 2**20  # bytes; the file keeps its size until the last connection closes
RIVAL = 120.0  # seconds: two at one token take turns, each of their calls ends the other's
TRIED = 120.0  # seconds: what could not be stored is handed over again sooner, unless nobody wants it stored any more
NEWS = 3600.0  # seconds: what was set aside is told, but does not turn the office red
ALWAYS = ("inbox", "inbox.set_aside", "outbox", "outbox.uncertain", "outbox.failed", "timers", "timers.set_aside")


class Line(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is watched. `of`: which channel and lane, or which loops. `limit` is in the unit of its figure."""

    name: str
    of: str = ""
    count: int | None = None
    seconds: float | None = None
    bytes: int | None = None
    limit: float | None = None
    over: bool = False
    news: bool = False  # nothing is stuck, but somebody should look

    @property
    def is_told(self) -> bool:
        return self.over or self.news


class Report(Struct, frozen=True, kw_only=True):
    """All of it. `source`: the running office, or only its database."""

    source: Literal["office", "database"]
    at: datetime
    ok: bool
    lines: tuple[Line, ...]
    revision: str = ""
    epoch: int = 0
    uptime: float | None = None  # seconds; none where nothing runs
    stopped_cleanly: bool | None = None  # the last run; none while one is at work
    processes: int = 0  # that share the work on a server

    @property
    def over(self) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if line.over)

    @property
    def names(self) -> list[str]:
        """What is over its limit, each once."""
        return list(dict.fromkeys(line.name for line in self.over))


class Silence(Struct, frozen=True):
    """How long a platform has not been heard, and how long it may not be, in seconds."""

    seconds: float
    limit: float


class Machine(Struct, frozen=True, kw_only=True):
    """What only the running office knows of itself."""

    uptime: float
    writer_seconds: float
    writer_waiting: int
    loops: tuple[str, ...]  # the failing ones
    heard: Mapping[str, Silence]  # by channel
    takes_files: bool = True  # there is room for them on the disk
    takes_messages: bool = True
    dropped: Mapping[str, int]  # channel: updates over the limit of their chat
    unstored: Mapping[str, float] = {}  # channel: for how many seconds nothing of it could be stored
    rivals: Mapping[str, float] = {}  # channel: seconds since somebody else took its updates away


def report(
    at: datetime, standing: Standing | None, figures: Totals | None, room: Room, machine: Machine | None
) -> Report:
    """The lines with their limits. `standing` None: the database could not be read."""
    lines = [*_queues(at, standing), *_cases(figures), *(_machine(machine) if machine else ()), *_room(room)]
    if standing is None:
        lines.append(Line(name="database", over=True))
    elif machine is None and not standing.stopped_cleanly:
        lines.append(Line(name="office", over=True))
    return Report(
        source="office" if machine else "database",
        at=at,
        ok=not any(line.over for line in lines),
        lines=tuple(lines),
        revision=standing.revision if standing else "",
        epoch=standing.epoch if standing else 0,
        uptime=machine.uptime if machine else None,
        stopped_cleanly=standing.stopped_cleanly if standing and machine is None else None,
        processes=standing.processes if standing else 0,
    )


def worst(lines: Iterable[Line]) -> dict[str, Line]:
    """One line for each name of which somebody is to be told: all rows together, the longest wait."""
    found: dict[str, Line] = {}
    for line in lines:
        if not line.is_told:
            continue
        other = found.get(line.name)
        if other is None:
            found[line.name] = line
            continue
        older = max(line, other, key=lambda one: one.seconds or 0.0)
        count = (line.count or 0) + (other.count or 0)
        found[line.name] = Line(name=line.name, of=older.of, count=count, seconds=older.seconds, limit=line.limit,
                                bytes=older.bytes, over=line.over or other.over, news=line.news)  # fmt: skip
    return found


def _queues(at: datetime, standing: Standing | None) -> list[Line]:
    if standing is None:
        return []
    piles = [_pile(at, pile) for pile in standing.piles]
    missing = [name for name in ALWAYS if not any(line.name == name for line in piles)]
    empty = [Line(name=name, count=0, limit=LIMITS.get(name)) for name in missing]
    return sorted(piles + empty, key=lambda line: line.name)


def _pile(at: datetime, pile: Pile) -> Line:
    limit = LIMITS.get(pile.name)
    seconds = max(0.0, (at - pile.since).total_seconds()) if pile.since is not None else None
    of = " ".join(filter(None, (pile.channel, pile.lane.name.lower() if pile.lane is not None else "")))
    return Line(
        name=pile.name,
        of=of,
        count=pile.count,
        seconds=seconds,
        limit=limit,
        over=limit is not None and seconds is not None and seconds > limit,
        news=pile.name.endswith(".set_aside") and seconds is not None and seconds < NEWS,
    )


def _cases(figures: Totals | None) -> list[Line]:
    if figures is None:
        return []
    return [
        Line(name="cases.open", count=figures.open),
        Line(name="cases.overdue", count=figures.overdue),
        Line(name="cases.unowned", count=figures.unowned),
    ]


def _machine(machine: Machine) -> list[Line]:
    writer = LIMITS["writer"]
    return [
        *(
            Line(name="poll", of=channel, seconds=silence.seconds, limit=silence.limit,
                 over=silence.seconds > silence.limit)
            for channel, silence in machine.heard.items()
        ),
        *(Line(name="rival", of=channel, seconds=seconds, over=True)
          for channel, seconds in machine.rivals.items() if seconds <= RIVAL),
        *(Line(name="receive", of=channel, seconds=seconds, limit=LIMITS["receive"], over=seconds > LIMITS["receive"])
          for channel, seconds in machine.unstored.items()),
        *(Line(name="flood", of=channel, count=count) for channel, count in machine.dropped.items()),
        Line(name="writer", count=machine.writer_waiting, seconds=machine.writer_seconds, limit=writer,
             over=machine.writer_seconds > writer),
        Line(name="disk.files", over=not machine.takes_files),
        Line(name="disk.messages", over=not machine.takes_messages),
        Line(name="loops", of=", ".join(machine.loops), count=len(machine.loops), limit=0, over=bool(machine.loops)),
    ]  # fmt: skip


def _room(room: Room) -> list[Line]:
    lines = []
    if room.free is not None:
        lines.append(Line(name="disk", bytes=room.free, limit=LEAST_FREE, over=room.free < LEAST_FREE))
    if room.wal is not None:
        lines.append(Line(name="wal", bytes=room.wal, limit=MOST_LOG, over=room.wal > MOST_LOG))
    return lines
