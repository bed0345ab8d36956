"""What officials do with a case: take, tell, ask, note, answer, close, redo. One method is one act."""

from dataclasses import replace
from itertools import pairwise

from bot.errors import Invalid, MoveNotAllowed, NotPermitted
from bot.office.cases.figures import Figures
from bot.office.cases.model import FIRST_CONTACTS, UNDER_WAY, Case, Kind, Outcome, Said, Status
from bot.office.cases.passing import Passing
from bot.office.cases.records import Attachment, Entry, is_open
from bot.office.cases.scope import MACHINE, readable, sight_of, workable
from bot.office.cases.tables import case
from bot.office.people.model import Person, Role
from bot.store import queues

LONGEST_ANSWER = 3000
_TAKING = {Status.ACCEPTED: "accept", Status.DISPATCHED: "dispatch", Status.IN_PROGRESS: "sign"}


def _comes_after(status: Status, start: Status) -> bool:
    """Whether taking a case that stands at `start` passes through `status`."""
    order = [Status.RECEIVED, *_TAKING]
    return start not in order or order.index(status) > order.index(start)


class Work(Figures, Passing):
    """The acts of officials."""

    def due_for(self, by: Person) -> list[Case]:
        """This official's open cases that are overdue or due by the end of the next working day."""
        calendar = self._means.calendar
        tomorrow = calendar.closing_of(calendar.next_opening(calendar.closing_of(self._now)))
        soon = workable(sight_of(by)) & is_open & (case.c.due_at <= tomorrow)
        return self._records.listed(soon & (case.c.owner.is_(None) | (case.c.owner == by.id)), viewer=by, at_most=30)

    def overdue_for(self, by: Person) -> list[Case]:
        """The overdue cases in this official's sight, the longest overdue first."""
        return self._records.listed(
            workable(sight_of(by)) & is_open & (case.c.due_at < self._now), viewer=by, at_most=30
        )

    def undelivered(self, case_id: int, row: int) -> None:
        """A message about this case did not arrive: whoever is responsible hears of it."""
        found = self._records.by_id(case_id, viewer=MACHINE)
        if found is not None:
            self._tell_officials("case.lost", found, f"lost:{row}", self._responsible(found))

    def remind(self, case_id: int, kind: str) -> None:
        """Whoever is responsible hears what falls due, in one message a slot; an overdue case reaches the head too."""
        found = self._records.by_id(case_id, viewer=MACHINE)
        if found is None or not found.is_open:
            return
        hearers = {person.id: person for person in self._responsible(found)}
        if kind == "cases.over" and not found.sealed:
            heads = self._people.with_role(Role.HEAD, found.department)
            hearers |= {person.id: person for person in heads}
        slot = self._now.astimezone(self._means.calendar.zone).strftime("%Y%m%d%H")
        for person in hearers.values():
            self._tell_officials(kind, found, f"slot:{person.id}:{kind}:{slot}", [person])

    def work_on(self, number: str, by: Person) -> tuple[Case, list[Entry], list[Attachment]]:
        """A case with everything said and attached, for an official."""
        return self.with_papers(self._workable(number, by), by)

    def with_papers(self, of: Case, by: Person) -> tuple[Case, list[Entry], list[Attachment]]:
        """The same for a case that was just read or changed."""
        return of, self._records.entries(of.id, viewer=by), self._records.attachments(of.id, viewer=by)

    def take(self, number: str, *, by: Person) -> Case:
        """Accepted, dispatched and signed for, as three events of one act."""
        old = self._workable(number, by)
        if old.owner == by.id and old.status is Status.IN_PROGRESS:
            return old
        if old.owner is not None:
            offered = self.offered_to(old, by)
            if offered is None:
                raise MoveNotAllowed("case.owned", number=number)
            return self._accept(old, offered, by)
        department = old.department or (None if old.sealed else next(iter(sorted(by.departments)), None))
        new = self._records.save(old, old.taken_by(by.id, department))
        self._records.assign(new, id=self._id(), official=by.id)
        path = [old.status, *(status for status in _TAKING if _comes_after(status, old.status))]
        steps = [(self._id(), _TAKING[after], before, after) for before, after in pairwise(path)]
        if old.status in UNDER_WAY:  # its owner has left
            steps = [(self._id(), "take", old.status, new.status)]
        self._records.log_all(new, steps, actor=by.id)
        self._tell_parties("case.taken", new, steps[-1][0])
        return new

    def tell(self, number: str, words: str, *, by: Person) -> Case:
        """Progress for the resident; the case stays open and still owes an answer."""
        return self._speak(number, words, by, Said.PROGRESS, "case.progress")

    def note(self, number: str, words: str, *, by: Person) -> Case:
        """For officials only."""
        old = self._workable(number, by)
        self._enter(old, Said.NOTE, words, by)
        self._records.log(old, "note", id=self._id(), actor=by.id)
        return old

    def contacted(self, number: str, words: str, *, by: Person) -> Case:
        """A call or visit, on record."""
        old = self._owned(number, by)
        new = self._records.save(old, old.contacted(self._now))
        self._enter(new, Said.CONTACTED, words or "-", by)
        self._records.log(new, "contact", id=self._id(), actor=by.id)
        return new

    def ask(self, number: str, words: str, *, by: Person) -> Case:
        """A question to the resident."""
        old = self._owned(number, by)
        if old.status is Status.WAITING:
            new = old.contacted(self._now)
        else:
            new = old.contacted(self._now).move(Status.WAITING)
        new = self._records.save(old, new)
        entry = self._enter(new, Said.QUESTION, words, by)
        event = self._records.log(
            new, "ask", id=self._id(), actor=by.id, before=old.status, after=new.status, detail=str(entry.id)
        )
        self._tell_parties("case.question", new, event, entry=entry.id)
        return new

    def answer(self, number: str, words: str, *, by: Person, outcome: Outcome | None = None) -> Case:
        """The answer; it closes the case with an outcome, and asks whether it was solved."""
        old = self._owned(number, by)
        self._check_words(words)
        new = self._records.save(old, old.closed(outcome or old.default_outcome, self._now))
        entry = self._enter(new, Said.ANSWER, words, by)
        self._records.close_round(new, answer=entry.id)
        event = self._records.log(new, "answer", id=self._id(), actor=by.id, before=old.status, after=new.status,
                                  detail=f"{new.outcome}:{entry.id}")  # fmt: skip
        self._disarm_reminders(new)
        self._tell_parties("case.answered", new, event, entry=entry.id)
        return new

    def redo(self, number: str, *, by: Person) -> Case:
        """Reopened because the resident says it is not solved; both rounds stay on record (M33)."""
        old = self._decidable(number, by)
        limit = self._limit(old)
        due = self._due(limit, self._now)
        new = old.redone(due.at, due.provisional).move(Status.IN_PROGRESS)
        owner = self._people.find([new.owner]).get(new.owner) if new.owner is not None else None
        if owner is None or self._records.workable(number, viewer=owner) is None:
            new = replace(new, owner=None)  # whoever had it cannot work on it any more
        new = self._records.save(old, new)
        self._records.add_round(new, id=self._id(), limit=(limit.days, limit.working))
        event = self._records.log(new, "redo", id=self._id(), actor=by.id, before=old.status, after=new.status)
        self._arm_reminders(new)
        queues.disarm(self._tx, f"case:{new.id}:verdict")
        self._tell_parties("case.redo", new, event)
        self._tell_officials("case.reopened", new, f"case-event:{event}", self._responsible(new))
        return new

    def keep(self, number: str, words: str, *, by: Person) -> Case:
        """Not done again although the resident is not satisfied: told with the reason, on record."""
        found = self._decidable(number, by)
        if found.status is not Status.CLOSED:
            raise MoveNotAllowed("case.not_closed", number=number)
        self._check_words(words)
        entry = self._enter(found, Said.ANSWER, words, by)
        event = self._records.log(found, "keep", id=self._id(), actor=by.id, detail=str(entry.id))
        queues.disarm(self._tx, f"case:{found.id}:verdict")
        self._tell_parties("case.kept", found, event, entry=entry.id)
        return found

    def remind_verdict(self, case_id: int, round_: int) -> None:
        """The day has come on which the resident was to hear whether it is done again: deciders and heads hear so."""
        found = self._records.by_id(case_id, viewer=MACHINE)
        if found is None or found.status is not Status.CLOSED or found.round != round_:
            return
        hearers = {one.id: one for one in self._deciders(found)}
        if not found.sealed:
            hearers |= {one.id: one for one in self._people.with_role(Role.HEAD, found.department)}
        self._tell_officials("case.unsolved", found, f"verdict:{case_id}:{round_}", hearers.values())

    def _decidable(self, number: str, by: Person) -> Case:
        found = self._workable(number, by)
        if not (by.may(Role.SUPERVISOR, found.department) or by.may(Role.HEAD, found.department)):
            raise NotPermitted("case.redo")
        return found

    def entry(self, entry_id: int, of: Case, by: Person) -> Entry | None:
        """One entry of a case that this person may read."""
        found = self._records.entries(of.id, viewer=by)
        return next((item for item in found if item.id == entry_id), None)

    def readable(self, case_id: int, by: Person) -> Case | None:
        """A case by its id, for whoever may read it."""
        return self._records.by_id(case_id, viewer=by)

    def of_kind(self, kind: Kind, by: Person) -> list[Case]:
        return self._records.listed((case.c.kind == kind) & readable(sight_of(by)), viewer=by)

    def _speak(self, number: str, words: str, by: Person, kind: Said, telling: str) -> Case:
        old = self._owned(number, by)
        self._check_words(words)
        new = old.contacted(self._now) if kind in FIRST_CONTACTS else old
        new = self._records.save(old, new)
        entry = self._enter(new, kind, words, by)
        event = self._records.log(new, kind.value, id=self._id(), actor=by.id, detail=str(entry.id))
        self._tell_parties(telling, new, event, entry=entry.id)
        return new

    def _owned(self, number: str, by: Person) -> Case:
        """An open case of this official's own; an unowned one is taken by the way."""
        found = self._workable(number, by)
        if not found.is_open:
            raise MoveNotAllowed("case.over", number=number)
        if found.owner is None:
            return self.take(number, by=by)
        if found.owner != by.id:
            raise NotPermitted("case.not_yours", number=number)
        return found

    def _enter(self, of: Case, kind: Said, words: str, by: Person) -> Entry:
        return self._records.add_entry(
            of, id=self._entry_id(of), kind=kind, words=words, author=by.id, source=None, happened_at=self._now
        )  # fmt: skip

    def _check_words(self, words: str) -> None:
        if not words.strip():
            raise Invalid("answer.empty")
        if len(words) > LONGEST_ANSWER:
            raise Invalid("answer.long", at_most=LONGEST_ANSWER)
