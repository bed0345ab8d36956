"""Complaints that protect who complains: kept from those they are about, and registered without a trace of the sender.

An anonymous case has ids by chance, days instead of moments, no party and no channel. It is read and added to by
whoever holds its number and code. What is told of it waits for one of two fixed hours, so that nobody can tell by a
telephone that rings who was at the counter a minute ago.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any

import msgspec

from bot.errors import Invalid, NotFound, NotPermitted
from bot.office.cases.acts import LATEST_CONFIRM
from bot.office.cases.model import LIMITS, Case, Kind, Privacy, Said, Status
from bot.office.cases.number import lookup_code
from bot.office.cases.records import Entry
from bot.office.cases.scope import MACHINE
from bot.office.cases.service import JOB, Cases, Matter, placed
from bot.office.people.model import Person, Role
from bot.store import blanking, queues, withdrawal
from bot.telling import Lane, Telling

SLOTS = (time(9, 0), time(14, 0))
AFTERWARDS = timedelta(minutes=1)
NO_CHANNEL = "none"
_TOLD = frozenset((Said.PROGRESS, Said.ANSWER))


@dataclass(frozen=True, slots=True)
class Reading:
    """What whoever holds number and code may read."""

    case: Case
    question: str  # the open one; empty: none
    told: tuple[Entry, ...]  # progress and answers, oldest first
    missing: int  # files that did not come through


class SealedCases(Cases):
    """All services of cases, with those that protect."""

    # --- anonymous: without a party, without moments ---

    def register_unknown(self, matter: Matter, *, said_at: datetime) -> tuple[Case, str]:
        """A case of nobody's, and its look-up code: shown once, and only its hash is kept."""
        day = self._day_of(min(self._now, max(said_at, self._now - LATEST_CONFIRM)))
        limit = LIMITS[Kind.REPORT] if matter.about_staff else LIMITS[matter.kind]
        plain = (limit.days, limit.working)
        new = replace(self._new_case(matter, day, limit), id=self._chance(), privacy=Privacy.ANONYMOUS)
        code = lookup_code(self._means.random)
        self._records.add(new, limit=plain, channel=NO_CHANNEL, area=None)
        self._records.add_round(new, id=self._chance(), limit=plain)
        self._records.set_code(new, self._hash(code, new.number))
        self._enter_unknown(new, Said.WORDS, matter.words, matter.files)
        event = self._note_unknown(new, "register", after=new.status, detail=new.kind)
        self._arm_reminders(new)
        self._tell_in_time("case.new", new, event, self._responsible(new))
        return new, code

    def read(self, number: str, code: str) -> Reading:
        """Where it stands, by number and code; raises NotFound in the same words for every miss."""
        found = self._by_code(number, code)
        entries = self._records.entries(found.id, viewer=MACHINE)
        asked = [entry for entry in entries if entry.kind is Said.QUESTION]
        question = asked[-1].words if asked and found.status is Status.WAITING else ""
        files = self._records.attachments(found.id, viewer=MACHINE)
        missing = sum(file.state in ("refused", "lost") for file in files)
        return Reading(found, question, tuple(entry for entry in entries if entry.kind in _TOLD), missing)

    def add_unknown(self, number: str, code: str, words: str, files: Sequence[Mapping[str, Any]]) -> Case:
        """An answer to the open question, or something to add; the account is kept no more than before."""
        old = self._anonymous(number, code)
        is_reply = old.status is Status.WAITING
        kind = Said.REPLY if is_reply else Said.ADDITION
        self._check_has_room(old)
        self._enter_unknown(old, kind, words, files)
        new = self._records.save(old, old.move(Status.IN_PROGRESS) if is_reply else old)
        event = self._note_unknown(new, kind.value, before=old.status, after=new.status)
        self._tell_in_time("case.added", new, event, self._responsible(new))
        return new

    def harassed_unknown(self, number: str, code: str, words: str) -> Case:
        """Somebody makes it hard for whoever brought it: to the supervisors, at once."""
        found = self._anonymous(number, code)
        self._enter_unknown(found, Said.HARASSED, words, ())
        self._alarm(found, self._note_unknown(found, Said.HARASSED.value))
        return found

    def file_settled(self, attachment_id: int, result: Mapping[str, Any]) -> Case | None:
        """Of an anonymous case nothing of the fetching stays: neither the job nor its result, nor the moment."""
        found = self._records.attachment_case(attachment_id, viewer=MACHINE)
        if found is None or found.privacy is not Privacy.ANONYMOUS:
            return super().file_settled(attachment_id, result)
        blanking.forget_job(self._tx, f"file:{attachment_id}")
        state = self._records.settle_attachment(attachment_id, result)
        event = self._note_unknown(found, f"file.{state}", detail=str(attachment_id))
        files = self._records.attachments(found.id, viewer=MACHINE)
        if any(file.state == "stored" for file in files) and all(file.state != "pending" for file in files):
            self._tell_in_time("case.files", found, event, self._responsible(found))
        return found

    # --- whoever is complained about, and whoever steps back ---

    def harassed(self, number: str, words: str, *, by: Person) -> Case:
        """The same of a case that this very person brought."""
        found = self._brought(number, by)
        self._records.add_entry(found, id=self._entry_id(found), kind=Said.HARASSED, words=words, author=by.id,
                                source=None, happened_at=self._now)  # fmt: skip
        self._alarm(found, self._records.log(found, Said.HARASSED.value, id=self._id(), actor=None))
        return found

    def raise_alarm(self, case: Case) -> bool:
        """Somebody may be in danger and agreed that a person hears of it: now, whatever the hour; False: nobody."""
        return self._alarm(case, self._records.log(case, "alarm", id=self._id(), actor=None))

    def name_subject(self, number: str, person: int, *, by: Person) -> Case:
        """A supervisor says who is complained about; from now on the case does not exist for that person."""
        found = self._watched(number, by)
        if person == by.id:
            raise NotPermitted("sealed.yourself")
        if self._people.find([person]).get(person) is None:
            raise NotFound("sealed.person")
        return self._kept_from(found, person, "subject", by)

    def recuse(self, number: str, words: str, *, by: Person) -> tuple[Case, bool]:
        """A supervisor steps back (回避); another one takes over. Without another, `words` tell the complainant where
        else to turn, and those who bind supervisors hear that one is needed. True: somebody takes over."""
        found = self._watched(number, by)
        new = self._kept_from(found, by.id, "recused", by)
        others = self.guardians(new)
        event = self._records.log(new, "handed_on", id=self._id(), actor=by.id)
        if others:
            self._tell_officials("sealed.recused", new, f"case-event:{event}", others)
            return new, True
        self._records.add_entry(new, id=self._entry_id(new), kind=Said.PROGRESS, words=words, author=None, source=None,
                                happened_at=self._now)  # fmt: skip
        self._tell_parties("case.progress", new, event)
        self._call_administrators(new, event)
        return new, False

    def guardians(self, case: Case | None = None) -> list[Person]:
        """The supervisors who may read this complaint, or any."""
        kept_out = self._records.kept_out(case.id) if case is not None else frozenset()
        return [one for one in self._people.with_role(Role.SUPERVISOR, None) if one.id not in kept_out]

    def _kept_from(self, old: Case, person: int, part: str, by: Person) -> Case:
        if person in self._records.kept_out(old.id):
            return old
        self._records.add_party(old, id=self._id(), person=person, part=part, address=None)
        new = self._records.save(old, replace(old, owner=None) if old.owner == person else old)
        if old.owner == person:
            self._records.close_assignments(old, parts=("lead", "offer"))
        self._records.log(new, part, id=self._id(), actor=by.id, detail=str(person))
        withdrawal.cancel_for(self._tx, new.id, person)
        return new

    def _watched(self, number: str, by: Person) -> Case:
        """A sealed case that this supervisor may read."""
        found = self.at_work(number, by)
        if not (found.sealed and by.supervises):
            raise NotPermitted("sealed.only")
        return found

    def _alarm(self, case: Case, event: int) -> bool:
        """An alarm waits for no morning and no working day; of a sealed case to those who may read it alone."""
        self._records.hurry(case)
        hearers = self.guardians(case)
        if not case.sealed:
            hearers = hearers or self._people.with_role(Role.HEAD, case.department) or self._responsible(case)
        if not hearers:
            self._call_administrators(case, event)
        for one in hearers:
            self._tell(Telling(kind="case.alarm", subject=case.id, recipient=one.id, address=one.address,
                               key=f"case-event:{event}", lane=Lane.DEADLINE,
                               timeless=case.privacy is Privacy.ANONYMOUS))  # fmt: skip
        return bool(hearers)

    def _call_administrators(self, case: Case, event: int) -> None:
        """Nobody may read a complaint: that one is needed, and not a word of which."""
        kept_out = self._records.kept_out(case.id)
        for one in self._people.all_with(Role.ADMINISTRATOR):
            if one.id not in kept_out:
                self._tell(Telling(kind="sealed.nobody", subject=0, recipient=one.id, address=one.address,
                                   key=f"nobody:{event}", lane=Lane.DEADLINE))  # fmt: skip

    # --- how nothing is told of the moment ---

    def _by_code(self, number: str, code: str) -> Case:
        found = self.check(number, code)
        if found is None:
            raise NotFound("check")
        return found

    def _anonymous(self, number: str, code: str) -> Case:
        found = self._by_code(number, code)
        if found.privacy is not Privacy.ANONYMOUS:
            raise NotFound("check")
        return found

    def _chance(self) -> int:
        return self._means.ids.untimed()

    def _day_of(self, moment: datetime) -> datetime:
        """The beginning of the moment's day here: all that is kept of when an anonymous case was brought."""
        zone = self._means.calendar.zone
        return datetime.combine(moment.astimezone(zone).date(), time(), zone)

    def _enter_unknown(self, of: Case, kind: Said, words: str, files: Sequence[Mapping[str, Any]]) -> None:
        if not words and not files:
            raise Invalid("words.empty")
        day = self._day_of(self._now)
        entry = self._records.add_entry(of, id=self._entry_id(of), kind=kind, words=words, author=None, source=None,
                                        happened_at=day, entered_at=day)  # fmt: skip
        if files:
            self._attach_unknown(of, entry, files, day)

    def _attach_unknown(self, of: Case, entry: Entry, files: Sequence[Mapping[str, Any]], day: datetime) -> None:
        """The platform's handle and the name stand in the job alone, sealed, until the file is fetched."""
        places = self._places(of)
        rows = [
            {"id": self._chance(), "entry": entry.id, "kind": file["kind"], "mime": None, "size": None,
             "seconds": None, "name": None, **placed(number < places)}
            for number, file in enumerate(files)
        ]  # fmt: skip
        self._records.add_attachments(of, rows, at=day)
        for row, file in zip(rows[:places], files[:places], strict=True):
            data = msgspec.json.encode({**file, "dated": day.timestamp()})
            queues.start_job(self._tx, id=self._chance(), key=f"file:{row['id']}", kind="file.fetch",
                             subject=row["id"], data=self._means.content.seal(data, JOB), not_before=day)  # fmt: skip

    def _note_unknown(
        self, of: Case, code: str, *, before: Status | None = None, after: Status | None = None, detail: str = ""
    ) -> int:
        return self._records.log(of, code, id=self._chance(), actor=None, before=before, after=after, detail=detail,
                                 at=self._day_of(self._now))  # fmt: skip

    def _tell_in_time(self, kind: str, case: Case, event: int, people: Iterable[Person]) -> None:
        """At the next slot; the case itself comes a minute before what belongs to it, since ids give no order."""
        moment = self._next_slot() + (timedelta() if kind == "case.new" else AFTERWARDS)
        for one in people:
            self._tell(
                Telling(
                    kind=kind,
                    subject=case.id,
                    recipient=one.id,
                    address=one.address,
                    key=f"case-event:{event}",
                    lane=Lane.DEADLINE,
                    not_before=moment,
                    timeless=True,
                )
            )

    def _next_slot(self) -> datetime:
        """The next of the fixed hours of a working day."""
        calendar = self._means.calendar
        day = self._now.astimezone(calendar.zone).date()
        while True:
            for hour in SLOTS if calendar.is_working_day(day) else ():
                if (moment := datetime.combine(day, hour, calendar.zone)) > self._now:
                    return moment
            day += timedelta(days=1)
