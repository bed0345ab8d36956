"""How many cases stand where, within one viewer's sight. Counts of cases, never of what a person did."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, true

from bot.office.cases.acts import Acts
from bot.office.cases.model import Case, Status
from bot.office.cases.records import is_open
from bot.office.cases.scope import sight_of, workable
from bot.office.cases.tables import case
from bot.office.people.model import Person

FILTERS = ("all", "mine", "department", "unowned", "overdue")


@dataclass(frozen=True, kw_only=True)
class Month:
    """What was registered in a month, and what became of what fell due in it."""

    registered: int
    due: int
    on_time: int
    late: int
    undone: int  # due, and still open

    @property
    def on_time_share(self) -> float | None:
        """Of everything due; none where nothing was due."""
        return self.on_time / self.due if self.due else None


class Figures(Acts):
    """Lists and counts for those who work here."""

    def queue(self, by: Person, *, only: str = "all", first: int = 0, at_most: int = 10) -> tuple[list[Case], int]:
        """The open cases that this official may work on, overdue and due first, and how many there are in all."""
        chosen = self._open_to(by) & self._filter(only, by)
        there = self._records.listed(chosen, viewer=by, at_most=first + at_most)
        return there[first:], self._records.count(chosen, viewer=by)

    def counts(self, by: Person) -> dict[str, int]:
        """How many are open, overdue, due today, waiting for the resident, unowned, this official's own and their
        departments'."""
        mine = self._open_to(by)
        closing = self._means.calendar.closing_of(self._now)
        conditions: dict[str, ColumnElement[bool]] = {
            "open": true(),
            "overdue": case.c.due_at < self._now,
            "today": (case.c.due_at >= self._now) & (case.c.due_at <= closing),
            "waiting": case.c.status == Status.WAITING,
            "unowned": self._filter("unowned", by),
            "mine": self._filter("mine", by),
            "department": self._filter("department", by),
        }
        return {name: self._records.count(mine & condition, viewer=by) for name, condition in conditions.items()}

    def month(self, by: Person, begins: datetime, ends: datetime) -> Month:
        """Figures of a month from its cases alone: `begins <= moment < ends`. What is taken back is left out."""
        sight = workable(sight_of(by)) & (case.c.status != Status.WITHDRAWN)
        due = sight & (case.c.due_at >= begins) & (case.c.due_at < min(ends, self._now))
        closed_in_time = case.c.closed_at.is_not(None) & (case.c.closed_at <= case.c.due_at)

        def count(condition: ColumnElement[bool]) -> int:
            return self._records.count(condition, viewer=by)

        return Month(
            registered=count(sight & (case.c.received_at >= begins) & (case.c.received_at < ends)),
            due=count(due),
            on_time=count(due & closed_in_time),
            late=count(due & (case.c.closed_at > case.c.due_at)),
            undone=count(due & case.c.closed_at.is_(None)),
        )

    def _open_to(self, by: Person) -> ColumnElement[bool]:
        return workable(sight_of(by)) & is_open

    def _filter(self, only: str, by: Person) -> ColumnElement[bool]:
        if only == "mine":
            return case.c.owner == by.id
        if only == "department":
            return case.c.department.in_(sorted(by.departments))
        if only == "unowned":
            return case.c.owner.is_(None)
        return case.c.due_at < self._now if only == "overdue" else true()
