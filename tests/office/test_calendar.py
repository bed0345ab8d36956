"""Limits end when the talks say they do, in every zone, and say when they rest on days not yet announced (M17)."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import ConfigError
from bot.office.calendar import Calendar, Due, Year, load_calendar

CONTENT = Path(__file__).parents[2] / "content" / "calendar"
SHANGHAI = ZoneInfo("Asia/Shanghai")
OPENS, CLOSES = time(8, 30), time(17, 30)
CALENDAR = load_calendar(CONTENT, SHANGHAI, OPENS, CLOSES)
ZONES = ("Asia/Shanghai", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "America/Havana", "UTC")

moments = st.datetimes(datetime(2025, 11, 1), datetime(2028, 3, 1), timezones=st.just(UTC))
calendars = st.sampled_from([load_calendar(CONTENT, ZoneInfo(zone), OPENS, CLOSES) for zone in ZONES])


def shanghai(month: int, day: int, hour: int = 0, minute: int = 0, *, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=SHANGHAI)


def utc(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def closing(month: int, day: int, *, year: int = 2026, provisional: bool = False) -> Due:
    return Due(shanghai(month, day, 17, 30, year=year).astimezone(UTC), provisional)


def test_a_limit_over_the_national_holiday() -> None:
    """1 to 7 October are off, Saturday the 10th is worked (M17)."""
    assert CALENDAR.due_after_working_days(shanghai(9, 30, 17, 50), 5) == closing(10, 13)


def test_the_dates_of_the_talks() -> None:
    tuesday = shanghai(9, 15, 9, 12)
    assert CALENDAR.due_after_working_days(tuesday, 5) == closing(9, 21)  # Sunday the 20th is worked
    assert CALENDAR.due_after_working_days(tuesday, 3) == closing(9, 18)
    assert CALENDAR.due_after_working_days(shanghai(9, 17, 9), 1) == closing(9, 18)
    assert CALENDAR.due_after_calendar_days(shanghai(9, 16, 21, 6), 15) == closing(10, 8)  # from the holiday on
    assert CALENDAR.due_after_calendar_days(tuesday, 5) == closing(9, 20)


@pytest.mark.parametrize("received", [shanghai(9, 15), shanghai(9, 15, 23, 59), utc(9, 14, 17), utc(9, 15, 15)])
def test_the_day_of_receipt_is_the_offices_day_at_any_hour(received: datetime) -> None:
    assert CALENDAR.due_after_working_days(received, 3) == closing(9, 18)


def test_a_receipt_on_a_day_off_is_day_0_too() -> None:
    assert CALENDAR.due_after_working_days(shanghai(10, 3, 12), 1) == closing(10, 8)


def test_a_date_in_a_year_not_announced_is_provisional() -> None:
    assert not CALENDAR.due_after_working_days(shanghai(12, 30, 9), 1).provisional
    assert CALENDAR.due_after_working_days(shanghai(12, 31, 9), 1) == closing(1, 4, year=2027, provisional=True)
    assert CALENDAR.due_after_calendar_days(shanghai(11, 23, 9), 60).provisional


def test_only_the_days_that_were_counted_matter() -> None:
    """2025 has no table, but no day of it was needed."""
    received = shanghai(12, 31, 9, year=2025)
    assert CALENDAR.due_after_working_days(received, 1) == closing(1, 4)
    assert CALENDAR.due_after_calendar_days(received, 5) == closing(1, 5)


@pytest.mark.parametrize("year", [1999, 2028, 2040, 2199])
def test_a_year_without_a_table_has_weekends_and_fixed_days(year: int) -> None:
    off = [date(year, 1, 1), date(year, 5, 1), date(year, 5, 2), *(date(year, 10, day) for day in (1, 2, 3))]
    assert not any(CALENDAR.is_working_day(day) for day in off)
    others = (date(year, 3, 1) + timedelta(days=count) for count in range(60))
    assert all(CALENDAR.is_working_day(day) == (day.weekday() < 5) for day in others)
    assert CALENDAR.due_after_working_days(shanghai(6, 1, year=year), 5).provisional


def test_no_table_at_all(tmp_path: Path) -> None:
    calendar = load_calendar(tmp_path / "none", SHANGHAI, OPENS, CLOSES)
    assert calendar.due_after_working_days(shanghai(9, 15), 3) == closing(9, 18, provisional=True)


def test_the_tables_of_this_repository() -> None:
    worked = {date(2026, *day) for day in ((1, 4), (2, 14), (2, 28), (5, 9), (9, 20), (10, 10))}
    days = [date(2026, 1, 1) + timedelta(days=count) for count in range(365)]
    assert {day for day in days if day.weekday() > 4 and CALENDAR.is_working_day(day)} == worked
    assert sum(map(CALENDAR.is_working_day, days)) == 248
    assert CALENDAR.years[2027].provisional
    assert len(CALENDAR.years[2027].off) == 13  # as many as the law gives


def test_open_and_closed() -> None:
    assert CALENDAR.is_open(shanghai(9, 15, 8, 30))
    assert not CALENDAR.is_open(shanghai(9, 15, 17, 30))
    assert CALENDAR.is_open(shanghai(10, 10, 10))  # a Saturday that is worked (M12)
    assert not CALENDAR.is_open(shanghai(10, 5, 10))


@pytest.mark.parametrize(
    ("calendar", "moment", "opening"),
    [
        (CALENDAR, shanghai(9, 15, 7), shanghai(9, 15, 8, 30)),
        (CALENDAR, shanghai(9, 15, 8, 30), shanghai(9, 15, 8, 30)),
        (CALENDAR, shanghai(9, 15, 8, 31), shanghai(9, 16, 8, 30)),
        (CALENDAR, shanghai(9, 30, 18), shanghai(10, 8, 8, 30)),
    ],
)
def test_next_opening(calendar: Calendar, moment: datetime, opening: datetime) -> None:
    assert calendar.next_opening(moment) == opening


def test_neighbouring_working_days() -> None:
    assert CALENDAR.next_working_day(date(2026, 9, 30)) == date(2026, 10, 8)
    assert CALENDAR.working_day_before(date(2026, 10, 8)) == date(2026, 9, 30)
    assert CALENDAR.working_days_after(date(2026, 9, 30), 3) == date(2026, 10, 10)
    assert CALENDAR.closing_of(shanghai(10, 3, 12)) == shanghai(10, 3, 17, 30)


def test_quiet_hours() -> None:
    assert CALENDAR.quiet_until(shanghai(9, 15, 21, 29)) is None
    assert CALENDAR.quiet_until(shanghai(9, 15, 21, 30)) == shanghai(9, 16, 8)
    assert CALENDAR.quiet_until(shanghai(9, 16, 7, 59)) == shanghai(9, 16, 8)
    assert CALENDAR.quiet_until(shanghai(9, 16, 8)) is None


def in_berlin(opens: time, closes: time) -> Calendar:
    sundays = frozenset((date(2026, 3, 29), date(2026, 10, 25)))  # clocks change on Sundays
    return Calendar(ZoneInfo("Europe/Berlin"), opens, closes, {2026: Year(frozenset(), sundays, False)})


def test_hours_that_are_skipped() -> None:
    assert in_berlin(time(2, 30), time(9)).next_opening(utc(3, 28, 20)) == utc(3, 29, 1, 30)
    gone = in_berlin(time(2, 30), time(3, 15))  # opens after it closes, on that one day
    assert not gone.is_open(utc(3, 29, 1, 20))


def test_hours_that_come_twice() -> None:
    """Until a doubled hour means until its first time, from one means from its first time on."""
    first, second = utc(10, 25, 0, 10), utc(10, 25, 1, 10)  # 2:10 for the first and for the second time
    assert in_berlin(time(1), time(2, 30)).open_until(first) == utc(10, 25, 0, 30)
    assert not in_berlin(time(1), time(2, 30)).is_open(second)
    assert in_berlin(time(2, 30), time(9)).is_open(second)


def naive_last(calendar: Calendar, day: date, count: int) -> date:
    """Counts on fingers."""
    known = {year: (found.off, found.swapped) for year, found in calendar.years.items()}
    fixed = {"01-01", "05-01", "05-02", "10-01", "10-02", "10-03"}
    while count > 0:
        day = date.fromordinal(day.toordinal() + 1)
        off, swapped = known.get(day.year, (frozenset(), frozenset()))
        if day.year not in known and day.isoformat()[5:] in fixed:
            continue
        if day in swapped or (day.isoweekday() not in (6, 7) and day not in off):
            count -= 1
    return day


@given(calendars, moments, st.integers(1, 80))
def test_due_agrees_with_counting(calendar: Calendar, moment: datetime, count: int) -> None:
    due = calendar.due_after_working_days(moment, count)
    received = moment.astimezone(calendar.zone).date()
    last = naive_last(calendar, received, count)
    assert due.at.astimezone(calendar.zone).replace(tzinfo=None) == datetime.combine(last, CLOSES)
    needed = range((received + timedelta(days=1)).year, last.year + 1)
    assert due.provisional == any(year != 2026 for year in needed)


@given(calendars, moments, st.integers(1, 80))
def test_a_calendar_limit_ends_on_a_working_day(calendar: Calendar, moment: datetime, count: int) -> None:
    due = calendar.due_after_calendar_days(moment, count)
    end = moment.astimezone(calendar.zone).date() + timedelta(days=count)
    last = due.at.astimezone(calendar.zone)
    assert last.time() == CLOSES
    assert last.date() == (end if calendar.is_working_day(end) else naive_last(calendar, end, 1))
    assert due.provisional == (end.year != 2026 or last.year != 2026)


LIMITS: list[Callable[[Calendar, datetime, int], Due]] = [
    Calendar.due_after_working_days,
    Calendar.due_after_calendar_days,
]


@pytest.mark.parametrize("limit", LIMITS)
@given(calendar=calendars, moment=moments, count=st.integers(1, 40), later=st.integers(0, 20 * 24 * 60))
def test_more_time_or_a_later_receipt_never_ends_earlier(
    limit: Callable[[Calendar, datetime, int], Due], *, calendar: Calendar, moment: datetime, count: int, later: int
) -> None:
    due = limit(calendar, moment, count)
    assert due.at > moment
    assert due.at.tzinfo is UTC
    assert limit(calendar, moment, count + 1).at >= due.at
    assert limit(calendar, moment + timedelta(minutes=later), count).at >= due.at


@given(calendars, moments)
def test_an_opening_opens(calendar: Calendar, moment: datetime) -> None:
    opening = calendar.next_opening(moment)
    assert opening >= moment
    assert calendar.is_open(opening)
    assert not calendar.is_open(opening - timedelta(microseconds=1))


@given(calendars, moments)
def test_quiet_hours_end(calendar: Calendar, moment: datetime) -> None:
    until = calendar.quiet_until(moment)
    hour = moment.astimezone(calendar.zone).time()
    assert (until is None) == (time(8) <= hour < time(21, 30))
    if until is not None:
        assert until > moment
        assert calendar.quiet_until(until) is None


@pytest.mark.parametrize(
    "ask",
    [
        Calendar.is_open, Calendar.next_opening, Calendar.closing_of, Calendar.quiet_until,
        lambda calendar, moment: calendar.due_after_working_days(moment, 1),
        lambda calendar, moment: calendar.due_after_calendar_days(moment, 1),
    ],
)  # fmt: skip
def test_naive_moments_are_refused(ask: Callable[[Calendar, datetime], object]) -> None:
    with pytest.raises(ValueError, match="zone"):
        ask(CALENDAR, shanghai(9, 15).replace(tzinfo=None))


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("count", [0, -1])
def test_limits_without_length_are_refused(limit: Callable[[Calendar, datetime, int], Due], count: int) -> None:
    with pytest.raises(ValueError, match="limit"):
        limit(CALENDAR, shanghai(9, 15), count)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"off = [", "Invalid"),
        (b"\xff", "utf-8"),
        (b"swapped = []", "off must be a list"),
        (b"off = 3\nswapped = []", "off must be a list"),
        (b"off = ['2030-01-01']\nswapped = []", "not a date"),
        (b"off = [2030-01-01T08:00:00]\nswapped = []", "not a date"),
        (b"off = [2029-01-01]\nswapped = []", "another year"),
        (b"off = [2030-01-05]\nswapped = [2030-01-05]", "both"),
        (b"off = []\nswapped = [2030-01-04]", "no Saturday"),
        (b"off = []\nswapped = []\nprovisional = 'no'", "provisional"),
        (b"off = []\nswapped = []\nholiday = []", "unknown key holiday"),
    ],
)
def test_a_fault_names_its_file(tmp_path: Path, content: bytes, fault: str) -> None:
    path = tmp_path / "2030.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as raised:
        load_calendar(tmp_path, SHANGHAI, OPENS, CLOSES)
    assert str(raised.value).startswith(f"{path}: ")
    assert fault in str(raised.value)


@pytest.mark.parametrize(("name", "fault"), [("copy of 2030.toml", "must be a year"), ("2030.toml/x", "directory")])
def test_a_name_that_is_no_table(tmp_path: Path, name: str, fault: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("off = []\nswapped = []")
    with pytest.raises(ConfigError, match=fault):
        load_calendar(tmp_path, SHANGHAI, OPENS, CLOSES)


def test_a_table_saved_on_windows(tmp_path: Path) -> None:
    (tmp_path / "2030.toml").write_bytes(b"\xef\xbb\xbfoff = [2030-01-02]\r\nswapped = []\r\n")
    calendar = load_calendar(tmp_path, SHANGHAI, OPENS, CLOSES)
    assert not calendar.is_working_day(date(2030, 1, 2))


@pytest.mark.parametrize("closes", [OPENS, time(8)])
def test_hours_must_follow_each_other(closes: time) -> None:
    with pytest.raises(ConfigError, match="office hours"):
        load_calendar(CONTENT, SHANGHAI, OPENS, closes)
