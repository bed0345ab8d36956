"""An official's day: what is in hand, what is urgent, and the one message that tells of it in the morning (M38)."""

from dataclasses import dataclass
from datetime import datetime, time

from sqlalchemy import ColumnElement, and_, or_

from bot.office.cases.figures import Figures
from bot.office.cases.model import Case, Status
from bot.office.cases.scope import MACHINE
from bot.office.cases.tables import case
from bot.office.people.model import CASE_ROLES, Person, Role
from bot.telling import Lane, Telling

LATEST = time(12, 0)  # an office that was away in the morning does not say good morning in the afternoon
MOST_URGENT = 20


@dataclass(frozen=True, kw_only=True)
class Load:
    """What somebody has in hand: their own cases and those of their queue that nobody has. Each counts once."""

    total: int
    overdue: int
    today: int
    tomorrow: int  # due on the next working day
    waiting: int  # for the resident, and not due by then
    unowned: int  # of all these
    in_sight: int  # overdue cases that a head answers for, with colleagues or not; none for others

    @property
    def urgent(self) -> int:
        return self.overdue + self.today

    @property
    def rest(self) -> int:
        return self.total - self.urgent - self.tomorrow - self.waiting


class Day(Figures):
    """What is told in the morning, and walked through."""

    def load(self, by: Person) -> Load:
        closing, tomorrow = self._ends()
        due, later = case.c.due_at, case.c.due_at > tomorrow

        def count(*conditions: ColumnElement[bool]) -> int:
            return self._records.count(and_(self._in_hand(by), *conditions), viewer=by)

        is_head = Role.HEAD in by.roles
        return Load(
            total=count(),
            overdue=count(due < self._now),
            today=count(due >= self._now, due <= closing),
            tomorrow=count(due > closing, due >= self._now, due <= tomorrow),
            waiting=count(later, case.c.status == Status.WAITING),
            unowned=count(case.c.owner.is_(None)),
            in_sight=self._records.count(self._open_to(by) & (due < self._now), viewer=by) if is_head else 0,
        )

    def urgent(self, by: Person) -> list[Case]:
        """In hand, and overdue or due today; the longest overdue first."""
        closing, _tomorrow = self._ends()
        soon = self._in_hand(by) & (case.c.due_at <= max(closing, self._now))
        return self._records.listed(soon, viewer=by, at_most=MOST_URGENT)

    def tell_day(self) -> None:
        """To everybody who works on cases; whoever has nothing in hand is left out when it is rendered."""
        calendar = self._means.calendar
        here = self._now.astimezone(calendar.zone).time()
        if calendar.is_open(self._now) and here < LATEST:
            for person in self._people.all_with(*sorted(CASE_ROLES)):
                self._tell_day_to(person)

    def remind(self, case_id: int, *, over: bool) -> None:
        """A date is near or gone: whoever is responsible hears of the day now, if they have not this morning.

        An overdue case reaches the head too.
        """
        found = self._records.by_id(case_id, viewer=MACHINE)
        if found is None or not found.is_open:
            return
        hearers = {person.id: person for person in self._responsible(found)}
        if over and not found.sealed:
            heads = self._people.with_role(Role.HEAD, found.department)
            hearers |= {person.id: person for person in heads}
        if not hearers:
            day = self._now.astimezone(self._means.calendar.zone).date()
            self._tell_nobody_there(found, f"nobody:{day:%Y%m%d}")
        for person in hearers.values():
            self._tell_day_to(person)

    def _tell_day_to(self, person: Person) -> None:
        """Once a day, whoever asks for it: its key is the day's."""
        opening = self._means.calendar.opening_for(self._now)
        day = opening.astimezone(self._means.calendar.zone).date()
        self._tell(Telling(kind="day", subject=0, recipient=person.id, address=person.address,
                           key=f"day:{day:%Y%m%d}:{person.id}", lane=Lane.DEADLINE, not_before=opening))  # fmt: skip

    def _in_hand(self, by: Person) -> ColumnElement[bool]:
        """Who only supervises hears of what nobody has when it is nearly too late."""
        free: ColumnElement[bool] = case.c.owner.is_(None)
        if by.roles & CASE_ROLES == {Role.SUPERVISOR}:
            free = and_(free, case.c.due_at <= self._ends()[1])
        return and_(self._open_to(by), or_(case.c.owner == by.id, free))

    def _ends(self) -> tuple[datetime, datetime]:
        """Closing time of today, and of the next working day."""
        calendar = self._means.calendar
        closing = calendar.closing_of(self._now)
        return closing, calendar.closing_of(calendar.next_opening(closing))
