"""The working calendar: which days count, when the office is open, when a limit ends. It reads no clock."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from bot.errors import ConfigError

QUIET_FROM, QUIET_UNTIL = time(21, 30), time(8, 0)
# Off in every year (全国年节及纪念日放假办法 §2); the lunar ones stand in the table of their year.
STATUTORY = ((1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3))
_DAY = timedelta(days=1)
_KEYS = frozenset(("off", "swapped", "provisional"))


@dataclass(frozen=True, slots=True)
class Due:
    """When a limit ends, in UTC; provisional while the days off of a year it needed are not announced."""

    at: datetime
    provisional: bool


@dataclass(frozen=True, slots=True)
class Year:
    """Days off, and weekend days that are worked instead (调休)."""

    off: frozenset[date]
    swapped: frozenset[date]
    provisional: bool


@dataclass(frozen=True, slots=True)
class Calendar:
    """An office's days and hours in its zone. Moments must be aware, else ValueError; answers are in UTC."""

    zone: ZoneInfo
    opens: time
    closes: time
    years: Mapping[int, Year] = field(default_factory=dict)

    def is_working_day(self, day: date) -> bool:
        year = self._year(day.year)
        return day in year.swapped or (day.weekday() < 5 and day not in year.off)

    def is_open(self, moment: datetime) -> bool:
        """Whether people are served now; at closing time itself no more."""
        return self.open_until(moment) is not None

    def open_until(self, moment: datetime) -> datetime | None:
        """When people stop being served today; None while the office is closed."""
        day = self._day(moment)
        opens, closes = self._at(day, self.opens), self._at(day, self.closes)
        return closes if self.is_working_day(day) and opens <= moment < closes else None

    def is_swapped(self, moment: datetime) -> bool:
        """Whether the moment's day is a Saturday or Sunday that is worked (M12)."""
        day = self._day(moment)
        return day in self._year(day.year).swapped

    def is_provisional(self, moment: datetime) -> bool:
        """Whether the days off of the moment's year are not announced yet."""
        return self._year(self._day(moment).year).provisional

    def next_opening(self, moment: datetime) -> datetime:
        """The first opening at or after the moment, also while the office is open."""
        day = self._day(moment)
        while not (self.is_working_day(day) and moment <= self._at(day, self.opens) < self._at(day, self.closes)):
            day += _DAY  # a skipped hour can have it open after it closes
        return self._at(day, self.opens)

    def opening_for(self, moment: datetime) -> datetime:
        """From when on officials may be told what happens at the moment: at once while the office is open."""
        return moment if self.is_open(moment) else self.next_opening(moment)

    def next_morning(self, moment: datetime) -> datetime:
        """The first opening of a working day after the moment."""
        day = self._day(moment)
        if not self.is_working_day(day) or self._at(day, self.opens) <= moment:
            day = self.next_working_day(day)
        return self._at(day, self.opens)

    def closing_of(self, moment: datetime) -> datetime:
        """Closing time of the moment's day."""
        return self._at(self._day(moment), self.closes)

    def next_working_day(self, day: date) -> date:
        return self.working_days_after(day, 1)

    def working_day_before(self, day: date) -> date:
        day -= _DAY
        while not self.is_working_day(day):
            day -= _DAY
        return day

    def days_off_before(self, day: date) -> list[date]:
        """The days off right before a day, the last one first."""
        off: list[date] = []
        while not self.is_working_day(day - (len(off) + 1) * _DAY):
            off.append(day - (len(off) + 1) * _DAY)
        return off

    def working_days_after(self, day: date, count: int) -> date:
        """The last of so many working days, counted from the day after."""
        for _ in range(count):
            day += _DAY
            while not self.is_working_day(day):
                day += _DAY
        return day

    def due_after_working_days(self, moment: datetime, count: int) -> Due:
        """The day of receipt is day 0, whatever the hour; ends at closing time of the last day (M17)."""
        first = self._day(moment)
        last = self.working_days_after(first, _at_least_one(count))
        return self._due(first + _DAY, last, self._at(last, self.closes))

    def due_after_calendar_days(self, moment: datetime, count: int) -> Due:
        """As above in calendar days; a limit that would end on a day off ends on the next working day."""
        end = self._day(moment) + _at_least_one(count) * _DAY
        last = end if self.is_working_day(end) else self.next_working_day(end)
        return self._due(end, last, self._at(last, self.closes))

    def quiet_until(self, moment: datetime) -> datetime | None:
        """The end of the quiet hours that the moment lies in; None outside them. They pass midnight."""
        today = self._day(moment)
        for day in (today - _DAY, today):
            until = self._at(day + _DAY, QUIET_UNTIL)
            if self._at(day, QUIET_FROM) <= moment < until:
                return until
        return None

    def _due(self, first: date, last: date, at: datetime) -> Due:
        """`first` and `last` are the days that had to be looked at."""
        return Due(at, any(self._year(number).provisional for number in range(first.year, last.year + 1)))

    def _at(self, day: date, hour: time) -> datetime:
        """A local hour in UTC: of a doubled hour the first, a skipped one as much later as the clock was put on."""
        return datetime.combine(day, hour, self.zone).astimezone(UTC)

    def _day(self, moment: datetime) -> date:
        if moment.utcoffset() is None:
            raise ValueError("a moment without a time zone")
        return moment.astimezone(self.zone).date()

    def _year(self, number: int) -> Year:
        return self.years.get(number) or _unannounced(number)


def load_calendar(folder: Path, zone: ZoneInfo, opens: time, closes: time) -> Calendar:
    """Reads every `<year>.toml` in the folder; raises ConfigError. Years without a file are provisional."""
    if opens >= closes:
        raise ConfigError(f"office hours: {opens:%H:%M}, {closes:%H:%M} do not follow each other")
    years = dict(_read(path) for path in sorted(folder.glob("*.toml")))
    return Calendar(zone, opens, closes, years)


def _read(path: Path) -> tuple[int, Year]:
    try:
        stored = tomllib.loads(path.read_text("utf-8-sig"))  # Windows editors put a mark in front
        if not (path.stem.isascii() and path.stem.isdigit() and len(path.stem) == 4):
            raise ConfigError("the name of the file must be a year, such as 2026.toml")
        return int(path.stem), _year_of(int(path.stem), stored)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except (ConfigError, ValueError) as error:  # ValueError: a fault in TOML or UTF-8
        raise ConfigError(f"{path}: {error}") from None


def _year_of(number: int, stored: Mapping[str, Any]) -> Year:
    """A table's content; raises ConfigError with what is wrong in it."""
    if unknown := sorted(stored.keys() - _KEYS):
        raise ConfigError(f"unknown key {unknown[0]}; known are {', '.join(sorted(_KEYS))}")
    provisional = stored.get("provisional", False)
    if not isinstance(provisional, bool):
        raise ConfigError("provisional must be true or false")
    off, swapped = _days(number, stored, "off"), _days(number, stored, "swapped")
    if both := sorted(off & swapped):
        raise ConfigError(f"{both[0]} is both off and swapped")
    if weekdays := sorted(day for day in swapped if day.weekday() < 5):
        raise ConfigError(f"swapped: {weekdays[0]} is no Saturday or Sunday")
    return Year(off, swapped, provisional)


def _days(number: int, stored: Mapping[str, Any], key: str) -> frozenset[date]:
    days = stored.get(key)
    if not isinstance(days, list):
        raise ConfigError(f"{key} must be a list of dates")
    for day in days:
        if not isinstance(day, date) or isinstance(day, datetime):
            raise ConfigError(f"{key}: {day} is not a date such as {number}-01-31, without quotes or hours")
        if day.year != number:
            raise ConfigError(f"{key}: {day} is in another year")
    return frozenset(days)


def _unannounced(number: int) -> Year:
    return Year(frozenset(date(number, month, day) for month, day in STATUTORY), frozenset(), provisional=True)


def _at_least_one(count: int) -> int:
    if count < 1:
        raise ValueError("a limit is at least one day")
    return count
