"""The working calendar: which days count, when the office is open, when a limit ends. It reads no clock."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.errors import ConfigError

QUIET_FROM, QUIET_UNTIL = time(21, 30), time(8, 0)
STATUTORY = ((1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3))  # of years without a table


@dataclass(frozen=True, slots=True)
class Due:
    """When a limit ends, in UTC; provisional while the holidays of a year it needed are not announced."""

    at: datetime
    provisional: bool


@dataclass(frozen=True)
class Year:
    off: frozenset[date]
    swapped: frozenset[date]
    provisional: bool


@dataclass(frozen=True)
class Calendar:
    zone: ZoneInfo
    opens: time
    closes: time
    years: Mapping[int, Year] = field(default_factory=dict)

    def is_working_day(self, day: date) -> bool:
        year = self._year(day.year)
        if day in year.swapped:
            return True
        return day.weekday() < 5 and day not in year.off

    def is_open(self, moment: datetime) -> bool:
        local = self._local(moment)
        return self.is_working_day(local.date()) and self.opens <= local.time() < self.closes

    def next_opening(self, moment: datetime) -> datetime:
        """The first opening at or after the moment."""
        local = self._local(moment)
        if self.is_working_day(local.date()) and local.time() <= self.opens:
            return self._at(local.date(), self.opens)
        return self._at(self.next_working_day(local.date()), self.opens)

    def closing_of(self, moment: datetime) -> datetime:
        """Closing time of the moment's day."""
        return self._at(self._local(moment).date(), self.closes)

    def next_working_day(self, day: date) -> date:
        return self.working_days_after(day, 1)

    def working_day_before(self, day: date) -> date:
        day -= timedelta(days=1)
        while not self.is_working_day(day):
            day -= timedelta(days=1)
        return day

    def working_days_after(self, day: date, count: int) -> date:
        for _ in range(count):
            day += timedelta(days=1)
            while not self.is_working_day(day):
                day += timedelta(days=1)
        return day

    def due_after_working_days(self, moment: datetime, count: int) -> Due:
        """The day of receipt is day 0, whatever the hour; ends at closing time of the last day (M17)."""
        first = self._local(moment).date()
        return self._due(first, self.working_days_after(first, count))

    def due_after_calendar_days(self, moment: datetime, count: int) -> Due:
        """A limit that would end on a day off ends on the next working day."""
        first = self._local(moment).date()
        last = first + timedelta(days=count)
        return self._due(first, last if self.is_working_day(last) else self.next_working_day(last))

    def quiet_until(self, moment: datetime) -> datetime | None:
        """The end of the quiet hours that the moment lies in; None outside them."""
        local = self._local(moment)
        if local.time() >= QUIET_FROM:
            return self._at(local.date() + timedelta(days=1), QUIET_UNTIL)
        return self._at(local.date(), QUIET_UNTIL) if local.time() < QUIET_UNTIL else None

    def _due(self, first: date, last: date) -> Due:
        provisional = any(self._year(year).provisional for year in range(first.year, last.year + 1))
        return Due(self._at(last, self.closes), provisional)

    def _at(self, day: date, hour: time) -> datetime:
        return datetime.combine(day, hour, self.zone).astimezone(UTC)

    def _local(self, moment: datetime) -> datetime:
        if moment.tzinfo is None:
            raise ValueError("a moment without a time zone")
        return moment.astimezone(self.zone)

    def _year(self, number: int) -> Year:
        known = self.years.get(number)
        if known is not None:
            return known
        return Year(frozenset(date(number, month, day) for month, day in STATUTORY), frozenset(), provisional=True)


def load_calendar(folder: Path, zone: ZoneInfo, opens: time, closes: time) -> Calendar:
    """Every `<year>.toml` in the folder."""
    years = {}
    for path in sorted(folder.glob("*.toml")):
        try:
            stored = tomllib.loads(path.read_text("utf-8"))
            years[int(path.stem)] = Year(frozenset(stored["off"]), frozenset(stored["swapped"]),
                                         bool(stored.get("provisional")))  # fmt: skip
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"{path}: {error}") from None
    return Calendar(zone, opens, closes, years)
