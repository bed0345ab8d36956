"""What officials do with a case: take, tell, ask, note, answer, close, redo. One method is one act."""

from dataclasses import replace
from itertools import pairwise

from bot.errors import Invalid, MoveNotAllowed, NotPermitted
from bot.office.cases.day import Day
from bot.office.cases.model import FIRST_CONTACTS, UNDER_WAY, Case, Outcome, Said, Status
from bot.office.cases.passing import Passing
from bot.office.cases.records import Attachment, Entry
from bot.office.cases.scope import MACHINE
from bot.office.people.model import Person, Role
from bot.store import queues

LONGEST_ANSWER = 3000
_TAKING = {Status.ACCEPTED: "accept", Status.DISPATCHED: "dispatch", Status.IN_PROGRESS: "sign"}


def _comes_after(status: Status, start: Status) -> bool:
    """Whether taking a case that stands at `start` passes through `status`."""
    order = [Status.RECEIVED, *_TAKING]
    return start not in order or order.index(status) > order.index(start)


class Work(Day, Passing):
    """The acts of officials."""

    def undelivered(self, case_id: int, row: int) -> None:
        """A message about this case did not arrive: whoever is responsible hears of it."""
        found = self._records.by_id(case_id, viewer=MACHINE)
        if found is not None:
            self._tell_responsible("case.lost", found, f"lost:{row}")

    def work_on(self, number: str, by: Person) -> tuple[Case, list[Entry], list[Attachment]]:
        """A case with everything said and attached, for an official."""
        return self.with_papers(self.at_work(number, by), by)

    def workable(self, case_id: int, by: Person) -> Case | None:
        """A case as this official's work, by its id."""
        return self._records.workable_by_id(case_id, viewer=by)

    def with_papers(self, of: Case, by: Person) -> tuple[Case, list[Entry], list[Attachment]]:
        """The same for a case that was just read or changed."""
        return of, self._records.entries(of.id, viewer=by), self._records.attachments(of.id, viewer=by)

    def take(self, number: str, *, by: Person) -> Case:
        """Accepted, dispatched and signed for, as three events of one act; those who brought it hear who is on it."""
        return self._taken(number, by, is_told=True)

    def _taken(self, number: str, by: Person, *, is_told: bool) -> Case:
        old = self.at_work(number, by)
        if old.owner == by.id and old.status is Status.IN_PROGRESS:
            return old
        offered = self.offered_to(old, by)
        if offered is not None:
            return self._accept(old, offered, by)
        if old.owner is not None:
            if self._owner(old) is not None:
                raise self._owned_already(old)
            old = self._release(old, by=by)
        department = old.department or (None if old.sealed else next(iter(sorted(by.departments)), None))
        new = self._records.save(old, old.taken_by(by.id, department))
        self._records.assign(new, id=self._id(), official=by.id)
        path = [old.status, *(status for status in _TAKING if _comes_after(status, old.status))]
        steps = [(self._id(), _TAKING[after], before, after) for before, after in pairwise(path)]
        if old.status in UNDER_WAY:  # its owner has left
            steps = [(self._id(), "take", old.status, new.status)]
        self._records.log_all(new, steps, actor=by.id)
        if is_told:
            self._tell_parties("case.taken", new, steps[-1][0])
        return new

    def _owned_already(self, found: Case) -> MoveNotAllowed:
        """Somebody was faster: told with the name that colleagues know them by."""
        who = self._people.name_of(found.owner) if found.owner is not None else ""
        if who:
            return MoveNotAllowed("case.owned_by", number=found.number, who=who)
        return MoveNotAllowed("case.owned", number=found.number)

    def tell(self, number: str, words: str, *, by: Person) -> Case:
        """Progress for the resident; the case stays open and still owes an answer."""
        return self._speak(number, words, by, Said.PROGRESS, "case.progress")

    def note(self, number: str, words: str, *, by: Person) -> Case:
        """For officials only."""
        old = self.at_work(number, by)
        self._enter(old, Said.NOTE, words, by)
        self._records.log(old, "note", id=self._id(), actor=by.id)
        return old

    def contacted(self, number: str, words: str, *, by: Person) -> Case:
        """A call or visit, on record."""
        old = self._owned(number, by, speaks=False)
        new = self._records.save(old, old.contacted(self._now))
        self._enter(new, Said.CONTACTED, words, by)
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
        if self._owner(old) is None:
            new = replace(new, owner=None)  # whoever had it cannot work on it any more
        new = self._records.save(old, new)
        self._records.add_round(new, id=self._id(), limit=(limit.days, limit.working))
        event = self._records.log(new, "redo", id=self._id(), actor=by.id, before=old.status, after=new.status)
        self._arm_reminders(new)
        queues.disarm(self._tx, f"case:{new.id}:verdict")
        self._tell_parties("case.redo", new, event)
        self._tell_responsible("case.reopened", new, f"case-event:{event}")
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
        if not hearers:
            self._tell_nobody_there(found, f"verdict:{case_id}:{round_}")

    def _decidable(self, number: str, by: Person) -> Case:
        found = self.at_work(number, by)
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

    def _speak(self, number: str, words: str, by: Person, kind: Said, telling: str) -> Case:
        old = self._owned(number, by)
        self._check_words(words)
        new = old.contacted(self._now) if kind in FIRST_CONTACTS else old
        new = self._records.save(old, new)
        entry = self._enter(new, kind, words, by)
        event = self._records.log(new, kind.value, id=self._id(), actor=by.id, detail=str(entry.id))
        self._tell_parties(telling, new, event, entry=entry.id)
        return new

    def _owned(self, number: str, by: Person, *, speaks: bool = True) -> Case:
        """An open case of this official's own; an unowned one is taken by the way.

        Where the act itself speaks to the resident, its words are the news: that it was taken is not told besides.
        """
        found = self.at_work(number, by)
        if not found.is_open:
            raise MoveNotAllowed("case.over", number=number)
        if found.owner is None:
            return self._taken(number, by, is_told=not speaks)
        if found.owner != by.id:
            raise NotPermitted("case.not_yours", number=number)
        return found

    def _enter(self, of: Case, kind: Said, words: str, by: Person) -> Entry:
        return self._records.add_entry(
            of, id=self._entry_id(of), kind=kind, words=words, author=by.id, source=None, happened_at=self._now
        )

    def _check_words(self, words: str) -> None:
        if not words.strip():
            raise Invalid("answer.empty")
        if len(words) > LONGEST_ANSWER:
            raise Invalid("answer.long", at_most=LONGEST_ANSWER)
