"""K11: days of absence, clocks that are put on and back, holidays that change: everything once, nobody in a storm."""

import random
import shutil
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from bot.config import CONTENT, Settings
from bot.office.calendar import Calendar
from bot.office.people.model import Role
from bot.store.queues import timer
from bot.upkeep import next_night
from tests.proof.figure import Figure, at_least, at_most, exactly
from tests.rig import SHANGHAI, Someone, Town

ZONES = (
    "Europe/Athens", "Europe/Berlin", "Europe/Lisbon", "Atlantic/Azores", "America/New_York", "America/St_Johns",
    "America/Santiago", "Africa/Cairo", "Asia/Beirut", "Australia/Lord_Howe", "Pacific/Auckland", "Asia/Shanghai",
)  # fmt: skip
YEARS = range(2024, 2036)
OPENINGS = (time(0, 30), time(1, 30), time(2, 30), time(3, 10), time(8, 30))  # all but the last in some zone's gap
AROUND = 3  # days before and after a change
TUESDAY = datetime(2026, 9, 15, 9, 12, tzinfo=SHANGHAI)


class Elsewhere(Town):
    """An office with content of its own, for holidays to be edited in."""

    content = CONTENT

    @property
    def settings(self) -> Settings:
        known = super().settings
        return known.model_copy(update={"content": known.content.model_copy(update={"folder": self.content})})


async def prove_absence(folder: Path, *, cases: int, days: int = 3) -> list[Figure]:
    """Nobody is there for some days in which every date of every case goes by."""
    town = await Town(folder, f"sqlite:///{folder}/huiyin.db").open()
    zhou, chen = await _officials(town)
    for number in range(cases):
        await _registers(town, f"r{number}")
    await town.becomes(datetime(2026, 9, 18, 12, 0, tzinfo=SHANGHAI))  # they are due on the 21st
    await town.close()
    for official in (zhou, chen):
        official.news()
    town.clock.advance(days=days + 1)
    await town.open()
    await town.settle()
    due = await town.store.writer.submit(
        lambda tx: tx.flushed().execute(
            select(func.count()).select_from(timer).where(timer.c.state == "armed", timer.c.due_at <= tx.now)
        ).scalar_one()
    )  # fmt: skip
    at_once = {official.chat: official.news() for official in (zhou, chen)}
    back = town.clock.now()
    await town.becomes(back + timedelta(hours=4))
    later = {official.chat: official.news() for official in (zhou, chen)}
    await town.close()
    told = [text for texts in at_once.values() for text in texts]
    minutes = Counter(
        (official.chat, (heard.at - back) // timedelta(minutes=1))
        for official in (zhou, chen) for heard in official.heard if heard.at >= back
    )  # fmt: skip
    return [
        exactly("K11", "timers left undone after an absence", due, 0),
        at_most("K11", "messages to one official at the return", max(map(len, at_once.values())), 1),
        at_most("K11", "messages to one official within a minute", max(minutes.values()), 1),
        exactly("K11", "officials not told that something is late", sum("超期" not in text for text in told), 0),
        at_least("K11", "officials told at the return", len(told), 2),
        exactly("K11", "messages about the same again that day", sum(map(len, later.values())), 0),
    ]


async def prove_jumps(folder: Path, *, days: int, seed: int = 1) -> list[Figure]:
    """The clock is put on and back by an hour again and again; each working morning is told once."""
    chance = random.Random(seed)
    town = await Town(folder, f"sqlite:///{folder}/huiyin.db").open()
    zhou, _chen = await _officials(town)
    await _registers(town, "r0")
    for _day in range(days):
        for _jump in range(4):
            town.clock.advance(hours=chance.choice((-1, 1)))
            await town.settle()
            await town.becomes(town.clock.now() + timedelta(hours=6))
    mornings = Counter(
        heard.outgoing.id for heard in zhou.heard if "您手上" in heard.text
    )  # fmt: skip
    first, last = TUESDAY.date() + timedelta(days=1), town.clock.now().astimezone(SHANGHAI).date()
    calendar = town.house.calendar
    working = sum(
        calendar.is_working_day(first + timedelta(days=number)) for number in range((last - first).days + 1)
    )  # fmt: skip
    is_early = town.clock.now().astimezone(SHANGHAI).time() < calendar.opens
    expected = working - (is_early and calendar.is_working_day(last))
    await town.close()
    return [
        exactly("K11", "mornings told otherwise than once", abs(len(mornings) - expected), 0),
        exactly("K11", "messages that came twice", sum(times - 1 for times in mornings.values()), 0),
    ]


def prove_zones() -> list[Figure]:
    """Around every change of the clocks of twelve zones in twelve years: one morning and one night for each day."""
    changes = wrong_mornings = wrong_nights = 0
    for name in ZONES:
        zone = ZoneInfo(name)
        for change in _changes(zone):
            changes += 1
            wrong_nights += not _once_a_day(zone, change)
            wrong_mornings += sum(not _once_a_morning(zone, change, opens) for opens in OPENINGS)
    return [
        at_least("K11", "changes of clocks", changes, 200),
        exactly("K11", "changes with a morning left out or twice", wrong_mornings, 0),
        exactly("K11", "changes with a night left out or twice", wrong_nights, 0),
    ]


async def prove_all_zones(_folder: Path) -> list[Figure]:
    return prove_zones()


async def prove_holidays(folder: Path) -> list[Figure]:
    """A day is made free after the morning's message was armed for it; the promises of before stand."""
    town = Elsewhere(folder, f"sqlite:///{folder}/huiyin.db")
    town.content = folder / "content"
    shutil.copytree(CONTENT, town.content)
    await town.open()
    zhou, _chen = await _officials(town)
    person = await _registers(town, "r0")
    promised = person.last.text
    await town.close()
    calendar = town.content / "calendar" / "2026.toml"
    calendar.write_text(calendar.read_text("utf-8").replace("off = [", "off = [2026-09-16, ", 1), "utf-8")
    await town.open()
    zhou.news()
    await town.becomes(datetime(2026, 9, 16, 20, 0, tzinfo=SHANGHAI))
    on_the_day = zhou.news()
    await town.becomes(datetime(2026, 9, 17, 20, 0, tzinfo=SHANGHAI))
    after_it = zhou.news()
    await person.says("我的事")
    stands = promised.partition("最晚")[2][:8] in person.last.text
    await town.close()
    return [
        exactly("K11", "messages on a day that was made free", len(on_the_day), 0),
        exactly("K11", "messages on the working day after it", len(after_it), 1),
        exactly("K11", "promised dates that were moved", int(not stands), 0),
    ]


async def _officials(town: Town) -> tuple[Someone, Someone]:
    return await town.official("zhou", Role.HANDLER, "xingfuli"), await town.official("chen", Role.HEAD, "xingfuli")


async def _registers(town: Town, chat: str) -> Someone:
    person = town.resident(chat)
    await person.opens()
    await person.says("好")
    await person.says("/request 幸福里3号楼2单元的灯坏了")
    await person.presses("登记")
    return person


def _changes(zone: ZoneInfo) -> Sequence[date]:
    """The local days within which the clock is put on or back."""
    found = []
    day = datetime(YEARS[0], 1, 1, tzinfo=UTC)
    while day.year in YEARS:
        after = day + timedelta(days=1)
        if day.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset():
            found.append(day.astimezone(zone).date())
        day = after
    return found or [date(YEARS[0], 3, 31)]  # a zone without changes has its ordinary days


def _once_a_morning(zone: ZoneInfo, change: date, opens: time) -> bool:
    calendar = Calendar(zone, opens, time(17, 30), {})
    start = datetime.combine(change - timedelta(days=AROUND), time(12), zone).astimezone(UTC)
    end = start + timedelta(days=2 * AROUND)
    return _days(start, end, calendar.next_morning, zone) == [
        day for number in range(1, 2 * AROUND + 1)
        if calendar.is_working_day(day := change - timedelta(days=AROUND) + timedelta(days=number))
    ]  # fmt: skip


def _once_a_day(zone: ZoneInfo, change: date) -> bool:
    house: Any = SimpleNamespace(zone=zone)
    start = datetime.combine(change - timedelta(days=AROUND), time(12), zone).astimezone(UTC)
    end = start + timedelta(days=2 * AROUND)
    expected = [change - timedelta(days=AROUND) + timedelta(days=number) for number in range(1, 2 * AROUND + 1)]
    return _days(start, end, lambda after: next_night(after, house), zone) == expected


def _days(start: datetime, end: datetime, following: Any, zone: ZoneInfo) -> list[date]:
    """The local days of every moment that a recurring timer is armed for, one after another."""
    found: list[date] = []
    moment = start
    while start <= (later := following(moment)) <= end and len(found) < 10 * AROUND:  # one that stands still ends too
        found.append(later.astimezone(zone).date())
        moment = later
    return found
