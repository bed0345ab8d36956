"""What all acts on cases share: who hears of them, and which dates they arm. Each runs in the caller's transaction."""

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any, Protocol

from bot.errors import NotFound
from bot.ids import Ids, Randomness
from bot.office.calendar import Calendar, Due
from bot.office.cases.model import LIMITS, Case, Kind, Limit, Privacy
from bot.office.cases.records import Records
from bot.office.cases.scope import MACHINE
from bot.office.people.model import Person, Role
from bot.office.people.service import People
from bot.sealing import Lookup, Sealer
from bot.store import queues
from bot.store.transaction import Transaction
from bot.telling import Lane, Telling

REMINDED_AT = time(9, 0)
ANONYMOUS_BITS = 61  # of the first entry's id; room for millions behind it in 63
LATEST_CONFIRM = timedelta(hours=24)
RECENTLY = timedelta(minutes=15)
DISCREET = "case.reply"  # says that there is news, and not a word more


class Directory(Protocol):
    """Which department a matter goes to first; a proposal that a person confirms."""

    def department_for(
        self, category: str | None, place: str, *, but_not: Container[str] = frozenset()
    ) -> str | None: ...

    def spoken_of(self, words: str) -> frozenset[str]: ...


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much one person may bring before something else is said than usual; no matter is ever refused."""

    matters_a_day: int
    files_a_case: int
    additions_a_case: int


@dataclass(frozen=True, slots=True)
class Means:
    """What acts need besides the transaction."""

    ids: Ids
    random: Randomness
    content: Sealer
    lookup: Lookup
    calendar: Calendar
    directory: Directory
    bounds: Bounds


class Acts:
    """The base of the services of cases."""

    def __init__(self, tx: Transaction, means: Means, people: People, tell: Callable[[Telling], None]) -> None:
        self._tx = tx
        self._means = means
        self._people = people
        self._tell = tell
        self._records = Records(tx, means.content)

    def logged(self) -> list[tuple[int, str]]:
        """(case, code) of every link of a chain that was written since the last call."""
        logged, self._records.logged = self._records.logged, []
        return logged

    def at_work(self, number: str, by: Person) -> Case:
        """A case as this official's work; raises NotFound: absent and excluded are one and the same."""
        found = self._records.workable(number, viewer=by) if by.is_official else None
        if found is None:
            raise NotFound("case", number=number)
        return found

    @property
    def _now(self) -> datetime:
        return self._tx.now

    def _id(self) -> int:
        return self._means.ids()

    def _entry_id(self, of: Case) -> int:
        """Entries are read in the order of their ids; those of an anonymous case tell no moment by them."""
        if of.privacy is not Privacy.ANONYMOUS:
            return self._id()
        last = self._records.last_entry(of) or self._means.random.getrandbits(ANONYMOUS_BITS)
        return last + 1 + self._means.random.getrandbits(24)

    def _due(self, limit: Limit, since: datetime) -> Due:
        calendar = self._means.calendar
        if limit.working:
            return calendar.due_after_working_days(since, limit.days)
        return calendar.due_after_calendar_days(since, limit.days)

    def _limit(self, case: Case) -> Limit:
        return LIMITS[Kind.REPORT] if case.sealed else LIMITS[case.kind]

    def _tell_parties(self, kind: str, case: Case, event: int, **data: Any) -> None:
        """Everybody who brought or follows the case, at the address they wrote from."""
        is_quiet = self._means.calendar.quiet_until(self._now) is not None
        if case.privacy is Privacy.CONFIDENTIAL:
            kind, data = DISCREET, {}  # whoever looks at their telephone learns nothing
        for person, address in self._records.parties(case.id, viewer=MACHINE):
            silent = is_quiet and not self._people.wrote_since(address, self._now - RECENTLY)
            self._tell(Telling(kind=kind, subject=case.id, recipient=person, address=address,
                               key=f"case-event:{event}", data=data, silent=silent))  # fmt: skip

    def _tell_officials(self, kind: str, case: Case, key: str, people: Iterable[Person], **data: Any) -> None:
        """Officials hear of things in working hours only."""
        calendar = self._means.calendar
        opening = None if calendar.is_open(self._now) else calendar.next_opening(self._now)
        kept_out = self._records.kept_out(case.id) if case.sealed else ()
        for person in people:
            if person.id not in kept_out:
                self._tell(Telling(kind=kind, subject=case.id, recipient=person.id, address=person.address, key=key,
                                   lane=Lane.DEADLINE, data=data, not_before=opening))  # fmt: skip

    def _may_work(self, case: Case, person: Person) -> bool:
        """Whether the case can be this person's work now: their roles reach it, and it is not a matter of their own."""
        return person.works_on_cases and self._records.workable_by_id(case.id, viewer=person) is not None

    def _owner(self, case: Case) -> Person | None:
        """Whoever owns it and can still work on it."""
        owner = self._people.find([case.owner]).get(case.owner) if case.owner is not None else None
        return owner if owner is not None and self._may_work(case, owner) else None

    def _responsible(self, case: Case) -> list[Person]:
        """The owner; where nobody owns it yet, all whose queue it stands in and who can take it."""
        owner = self._owner(case)
        if owner is not None:
            return [owner]
        concerned = self._people.concerned(case.department, sealed=case.sealed)
        return [person for person in concerned if self._may_work(case, person)]

    def _deciders(self, case: Case) -> list[Person]:
        """Who decides whether a case is done again: supervisors, else heads, else whoever is responsible (M33)."""
        for role in (Role.SUPERVISOR, Role.HEAD):
            able = [one for one in self._people.with_role(role, case.department) if self._may_work(case, one)]
            if able:
                return able
        return self._responsible(case)

    def _tell_responsible(self, kind: str, case: Case, key: str, besides: Iterable[Person] = ()) -> None:
        """Whoever is responsible hears of it, and `besides`; where that is nobody, the administrators hear so."""
        hearers = {person.id: person for person in (*self._responsible(case), *besides)}
        self._tell_officials(kind, case, key, hearers.values())
        if not hearers:
            self._tell_nobody_there(case, key)

    def _tell_nobody_there(self, case: Case, key: str) -> None:
        """A case that nobody can work on. Of a sealed one administrators are not to know: they could be its subject."""
        if not case.sealed:
            administrators = self._people.all_with(Role.ADMINISTRATOR)
            self._tell_officials("case.nobody", case, key, administrators, department=case.department)

    def _release(self, old: Case, *, by: Person) -> Case:
        """Back to the queue, because its owner cannot work on it any more; the heads hear of it."""
        new = self._records.save(old, replace(old, owner=None))
        self._records.close_assignments(old, parts=("lead",))
        event = self._records.log(new, "release", id=self._id(), actor=by.id, detail=str(old.owner))
        heads = [] if new.sealed else self._people.with_role(Role.HEAD, new.department)
        able = [head for head in heads if self._may_work(new, head)]
        self._tell_responsible("case.released", new, f"case-event:{event}", able)
        return new

    def _timer_id(self, of: Case) -> int:
        return self._means.ids.untimed() if of.privacy is Privacy.ANONYMOUS else self._id()

    def _arm_reminders(self, case: Case) -> None:
        """9:00 on the working day before, 9:00 on the day itself, and the next opening for the head (M38)."""
        calendar = self._means.calendar
        due_day = case.due_at.astimezone(calendar.zone).date()
        moments = {
            "before": datetime.combine(calendar.working_day_before(due_day), REMINDED_AT, calendar.zone),
            "due": datetime.combine(due_day, REMINDED_AT, calendar.zone),
            "over": calendar.next_opening(case.due_at),
        }
        for step, moment in moments.items():
            if moment > self._now:
                queues.arm(self._tx, id=self._timer_id(case), key=f"case:{case.id}:{step}", kind=f"case.{step}",
                           due_at=moment, subject=case.id, data={"round": case.round})  # fmt: skip

    def _disarm_reminders(self, case: Case) -> None:
        for step in ("before", "due", "over"):
            queues.disarm(self._tx, f"case:{case.id}:{step}")
