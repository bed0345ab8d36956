"""Passing a case on: offered with a reason, owned by the giver until it is accepted, at most twice (M15, M18)."""

from collections.abc import Iterable
from dataclasses import replace

from bot.errors import Invalid, MoveNotAllowed, NotFound, NotPermitted
from bot.office.cases.acts import Acts
from bot.office.cases.model import Case, Said
from bot.office.cases.records import is_open
from bot.office.cases.scope import MACHINE
from bot.office.cases.tables import case
from bot.office.people.model import Person, Role
from bot.store import withdrawal

MOST_MOVES = 2  # after that the head or a dispatcher decides, and nobody returns it


class Passing(Acts):
    """What keeps a matter from being passed around."""

    def offerable(self, number: str, *, by: Person, to: str | None = None) -> Case:
        """A case that this official may pass on; raises why not, before anybody writes a reason."""
        found = self.at_work(number, by)
        self._check_offerable(found, by)
        if to is not None:
            self._check_department(found, to, by)
        return found

    def offer(self, number: str, department: str, reason: str, *, by: Person) -> Case:
        """To another department. What nobody owns yet moves at once; what is owned stays so until accepted."""
        old = self.at_work(number, by)
        self._check_offer(old, department, reason, by)
        self._note(old, reason, by)
        self._records.close_assignments(old, parts=("offer",))
        moved = replace(old, transfers=old.transfers + 1)
        if old.owner is None:
            new = self._records.save(old, replace(moved, department=department))
            self._take_back(new, self._people.concerned(old.department))
        else:
            new = self._records.save(old, moved)
            self._records.assign(new, id=self._id(), official=None, part="offer", department=department)
        event = self._records.log(new, "offer", id=self._id(), actor=by.id, detail=f"{old.department}:{department}")
        there = [person for person in self._people.concerned(department) if self._may_take(new, person, department)]
        self._tell_officials("case.offered", new, f"case-event:{event}", [one for one in there if one.id != by.id])
        if not there:
            self._tell_nobody_there(replace(new, department=department), f"case-event:{event}")
        return new

    def offered_to(self, case: Case, by: Person) -> str | None:
        """The department of this official that the case is offered to; none: it is not."""
        if case.owner == by.id:
            return None
        offered = self._records.offer(case)
        if offered is None:
            return None
        reaches = offered in by.departments or (by.sees_whole_office and case.owner is not None)
        return offered if reaches else None

    def decline(self, number: str, reason: str, *, by: Person) -> Case:
        """Back to whoever owns it, who is told why."""
        found = self.at_work(number, by)
        if self.offered_to(found, by) is None:
            raise NotFound("case.offer", number=number)
        if not reason.strip():
            raise Invalid("transfer.reason")
        self._note(found, reason, by)
        self._records.close_assignments(found, parts=("offer",))
        event = self._records.log(found, "decline", id=self._id(), actor=by.id)
        self._tell_responsible("case.declined", found, f"case-event:{event}")
        return found

    def cut_off(self, official: Person, *, by: Person) -> None:
        """After a role has ended: what its holder cannot work on any more goes back, and what they may not read any
        more does not reach them, not even what is on its way and would be tried again."""
        owned = self._records.listed((case.c.owner == official.id) & is_open, viewer=MACHINE, at_most=1000)
        for old in sorted(owned, key=lambda found: found.id):  # in one order: two such acts never wait in a circle
            if not self._may_work(old, official):
                self._release(old, by=by)
        for subject in withdrawal.subjects_owed(self._tx, self._people.addresses(official.id)):
            if self.may_still_read(subject, official):
                continue
            withdrawal.cancel_for(self._tx, subject, official.id)

    def may_still_read(self, subject: int | None, official: Person) -> bool:
        """Whether a message about this is for somebody who has lost a role."""
        if subject is not None and self._records.by_id(subject, viewer=official) is not None:
            return True
        is_case = subject is not None and self._records.by_id(subject, viewer=MACHINE) is not None
        return official.is_official and not is_case  # what is no case belongs to the roles that stand

    def _accept(self, old: Case, department: str, by: Person) -> Case:
        """From now on it is theirs; the one who gave it hears so, the resident only that the date stands."""
        giver, concerned = self._owner(old), self._responsible(old)
        new = self._records.save(old, replace(old, owner=by.id, department=department))
        self._records.close_assignments(old, parts=("offer", "lead"))
        self._records.assign(new, id=self._id(), official=by.id)
        event = self._records.log(new, "accept_offer", id=self._id(), actor=by.id, detail=str(old.owner))
        self._tell_officials(
            "case.passed", new, f"case-event:{event}", [giver] if giver is not None else [], number=new.number
        )
        self._take_back(new, concerned)
        self._tell_parties("case.moved", new, event)
        return new

    def _may_take(self, case: Case, person: Person, department: str) -> bool:
        """Whether this official could have it once it is the department's."""
        return (person.sees_whole_office or department in person.departments) and self._may_work(case, person)

    def _take_back(self, case: Case, hearers: Iterable[Person]) -> None:
        """Cards that wait for the morning do not reach those who may not read the case any more."""
        for person in hearers:
            if self._records.by_id(case.id, viewer=person) is None:
                withdrawal.cancel_for(self._tx, case.id, person.id)

    def _check_offer(self, old: Case, department: str, reason: str, by: Person) -> None:
        self._check_offerable(old, by)
        self._check_department(old, department, by)
        if not reason.strip():
            raise Invalid("transfer.reason")

    def _check_department(self, old: Case, department: str, by: Person) -> None:
        """A second press is no second time of being passed on: that would count against whoever brought it."""
        if department == old.department:
            raise Invalid("transfer.same")
        if department == self._records.offer(old):
            raise Invalid("transfer.offered", number=old.number)

    def _check_offerable(self, old: Case, by: Person) -> None:
        decides = any(by.may(role, old.department) for role in (Role.HEAD, Role.DISPATCHER))
        if not old.is_open:
            raise MoveNotAllowed("case.over", number=old.number)
        if old.owner not in (None, by.id) and not decides:
            raise NotPermitted("case.not_yours", number=old.number)
        if old.sealed:
            raise NotPermitted("case.sealed")
        if old.transfers >= MOST_MOVES and not decides:
            raise NotPermitted("case.moved_enough", at_most=MOST_MOVES)

    def _note(self, of: Case, words: str, by: Person) -> None:
        self._records.add_entry(of, id=self._entry_id(of), kind=Said.NOTE, words=words, author=by.id, source=None,
                                happened_at=self._now)  # fmt: skip
