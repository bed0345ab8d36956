"""What residents do with a case: register, add, look up, withdraw, say whether it was solved. One method is one act."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec

from bot.errors import Invalid, MoveNotAllowed, NotFound, NotPermitted
from bot.office.cases import misses
from bot.office.cases.acts import LATEST_CONFIRM, REMINDED_AT
from bot.office.cases.erasing import RESIDENTS_WORDS, Erasing
from bot.office.cases.model import (
    LIMITS,
    SHOWN_TO_RESIDENT,
    Case,
    Kind,
    Limit,
    Privacy,
    Said,
    Status,
)
from bot.office.cases.number import hash_code, lookup_code, new_number
from bot.office.cases.records import Attachment, Entry
from bot.office.cases.scope import MACHINE, owned_by_resident
from bot.office.cases.tables import case
from bot.office.cases.work import Work
from bot.office.people.model import Person
from bot.store import queues
from bot.store.expiring import expire
from bot.text import clean, shorten

JOB = b"job"
REOPEN_TERM = timedelta(days=15)
TITLE_LENGTH = 60
FULL = "full"  # why a file found no place
ADDED = (Said.ADDITION, Said.REPLY, Said.VERSION, Said.UNSOLVED)  # that somebody makes it hard has always room
MOST_FOLLOWERS = 20  # beside whoever brought it: one event tells all of them
OVERSEEN = frozenset(
    ("village", "conduct")
)  # complaints about those below are looked into above (村民委员会组织法 §31)
TOLD = frozenset((Said.PROGRESS, Said.QUESTION, Said.ANSWER))  # what the office has said to whoever brought it


@dataclass(frozen=True, kw_only=True)
class Matter:
    """What a resident brings, confirmed by them on the review screen."""

    kind: Kind
    words: str
    place: str = ""
    files: Sequence[Mapping[str, Any]] = ()  # as plain data, each with its channel
    category: str | None = None  # proposed by machine
    department: str | None = None  # where the page stands that the question is about
    privacy: Privacy = Privacy.NAMED
    about_staff: bool = False
    phone: str = ""  # to be called under; it stands beside the words, in no title
    notice: int | None = None  # the notice that it answers
    sources: Sequence[str] = field(default_factory=tuple)  # channel and message of what was said


class Cases(Work, Erasing):
    """The services of cases in one open transaction."""

    def register(self, matter: Matter, *, by: Person, said_at: datetime) -> Case:
        """A new case with its number and its date; officials hear of it. Day 0 is when it was confirmed."""
        received = min(self._now, max(said_at, self._now - LATEST_CONFIRM))
        limit = LIMITS[Kind.REPORT] if matter.about_staff else LIMITS[matter.kind]
        new = self._new_case(matter, received, limit)
        plain = (limit.days, limit.working)
        self._records.add(new, limit=plain, channel=by.channel, area=None)
        self._records.add_round(new, id=self._id(), limit=plain)
        self._records.add_party(new, id=self._id(), person=by.id, part="requester", address=by.address)
        self._enter_words(new, Said.WORDS, matter.words, matter.files, by=by, happened_at=received,
                          source=next(iter(matter.sources), None))  # fmt: skip
        if matter.phone:
            self._enter_words(new, Said.ADDITION, matter.phone, (), by=by, happened_at=received, source=None)
        if matter.notice is not None and matter.privacy is Privacy.NAMED:  # few readers would say who it was
            self._records.link(new, id=self._id(), other=matter.notice, kind="bulletin")
        event = self._records.log(new, "register", id=self._id(), actor=None, after=new.status, detail=new.kind)
        self._arm_reminders(new)
        self._tell_responsible("case.new", new, f"case-event:{event}")
        return new

    def find(self, number: str, by: Person) -> Case:
        """A case that this person may read, by its number."""
        found = self._records.by_number(number, viewer=by)
        if found is None:
            raise NotFound("case", number=number)
        return found

    def mine(self, by: Person, *, at_most: int = 20) -> list[Case]:
        """What this person brought or follows, the newest first."""
        return self._records.of_resident(viewer=by, at_most=at_most)

    def open_of(self, by: Person) -> list[Case]:
        """This resident's open cases."""
        return self._records.of_resident(viewer=by, at_most=30, only_open=True)

    def awaiting_verdict(self, by: Person) -> Case | None:
        """The last closed case of this resident that nobody has said solved or unsolved of, within the term."""
        recent = (case.c.status == Status.CLOSED) & (case.c.closed_at > self._now - REOPEN_TERM)
        closed = self._records.listed(owned_by_resident() & recent, viewer=by, at_most=3, newest_first=True)
        return next((found for found in closed if self._records.solved(found, viewer=by) is None), None)

    def story(self, of: Case, by: Person) -> list[Entry]:
        """What a resident may read of it, oldest first."""
        return self._records.entries(of.id, viewer=by, kinds=SHOWN_TO_RESIDENT)

    def held_of(self, by: Person) -> list[tuple[Case, bool, list[Entry], list[Attachment]]]:
        """Everything in their cases that is this person's own: their words and files, and what they were told."""
        held = []
        for found in self._records.listed(owned_by_resident(), viewer=by, at_most=1000):
            is_own = self.brought_by(found, by)
            told = TOLD if is_own else frozenset[Said]()
            entries = [one for one in self._records.entries(found.id, viewer=by)
                       if (one.author == by.id and one.kind in RESIDENTS_WORDS) or one.kind in told]  # fmt: skip
            theirs = {one.id for one in entries}
            files = [file for file in self._records.attachments(found.id, viewer=by) if file.entry in theirs]
            held.append((found, is_own, entries, files))
        return held

    def add(
        self, number: str, words: str, files: Sequence[Mapping[str, Any]], *, by: Person, source: str | None,
        said_at: datetime,
    ) -> Case:  # fmt: skip
        """More words or files from the resident; they reach whoever handles it, also after the end."""
        found = self._own(number, by)
        self._check_has_room(found)
        kind = Said.REPLY if found.status is Status.WAITING else Said.ADDITION
        self._enter_words(found, kind, words, files, by=by, source=source, happened_at=said_at)
        new = found.move(Status.IN_PROGRESS) if found.status is Status.WAITING else found
        new = self._records.save(found, new)
        event = self._records.log(new, kind.value, id=self._id(), actor=None, before=found.status, after=new.status)
        self._tell_responsible("case.added", new, f"case-event:{event}")
        return new

    def of_source(self, source: str, by: Person) -> tuple[Case, str] | None:
        """The case in which a message of this person's stands, and its words as they were changed last."""
        first = self._records.entry_of_source(source, viewer=by)
        found = self._records.by_id(first.case, viewer=by) if first is not None else None
        return (found, self._newest(first, by).words) if first is not None and found is not None else None

    def add_version(self, source: str, words: str, *, by: Person, said_at: datetime) -> Case | None:
        """An edited message: kept as a further version, the earlier one stays. None: it stands in no case."""
        first = self._records.entry_of_source(source, viewer=by)
        if first is None:
            return None
        found = self._records.by_id(first.case, viewer=by)
        if found is None:
            return None
        if words == self._newest(first, by).words:
            return found
        self._check_has_room(found)
        self._records.add_entry(found, id=self._id(), kind=Said.VERSION, words=words, author=by.id, source=None,
                                happened_at=said_at, revises=first.id)  # fmt: skip
        event = self._records.log(found, "version", id=self._id(), actor=None, detail=str(first.id))
        self._tell_responsible("case.added", found, f"case-event:{event}")
        return found

    def _newest(self, first: Entry, by: Person) -> Entry:
        """The last version of an entry."""
        versions = [entry for entry in self._records.entries(first.case, viewer=by) if entry.revises == first.id]
        return versions[-1] if versions else first

    def withdraw(self, number: str, *, by: Person) -> Case:
        """Taken back by whoever brought it; nothing is deleted."""
        old = self._brought(number, by)
        if not old.is_open:
            raise MoveNotAllowed("case.over", number=number)
        new = self._records.save(old, old.move(Status.WITHDRAWN))
        event = self._records.log(new, "withdraw", id=self._id(), actor=None, before=old.status, after=new.status)
        self._disarm_reminders(new)
        self._tell_officials("case.withdrawn", new, f"case-event:{event}", self._responsible(new))
        return new

    def solved(self, number: str, *, by: Person) -> Case:
        """The resident says that it is solved."""
        found = self._closed(number, by)
        if self._records.solved(found, viewer=by):
            return found
        self._records.evaluate(found, solved=True)
        self._records.log(found, "solved", id=self._id(), actor=None)
        return found

    def unsolved(self, number: str, words: str, *, by: Person, said_at: datetime) -> tuple[Case, datetime]:
        """The resident says that it is not; a supervisor decides on another round, by the date returned (M33)."""
        found = self._closed(number, by)
        by_when = self._means.calendar.due_after_working_days(self._now, 1).at
        if not words and self._records.solved(found, viewer=by) is False:
            return found, by_when  # pressed twice: it is with those who decide already
        self._check_has_room(found)
        self._records.evaluate(found, solved=False)
        self._records.add_entry(found, id=self._id(), kind=Said.UNSOLVED, words=words, author=by.id, source=None,
                                happened_at=said_at)  # fmt: skip
        event = self._records.log(found, "unsolved", id=self._id(), actor=None)
        deciders = self._deciders(found)
        self._tell_officials("case.unsolved", found, f"case-event:{event}", deciders)
        if not deciders:
            self._tell_nobody_there(found, f"case-event:{event}")
        morning = datetime.combine(by_when.astimezone(self._means.calendar.zone).date(), REMINDED_AT,
                                   self._means.calendar.zone)  # fmt: skip
        queues.arm(self._tx, id=self._id(), key=f"case:{found.id}:verdict", kind="case.verdict",
                   due_at=max(morning, self._now), subject=found.id, data={"round": found.round})  # fmt: skip
        return found, by_when

    def share(self, number: str, *, by: Person) -> str:
        """A six-digit code with which family may look; only its hash is kept, and a new one ends the old."""
        found = self._brought(number, by)
        code = lookup_code(self._means.random)
        self._records.set_code(found, self._hash(code, found.number))
        self._records.log(found, "shared", id=self._id(), actor=None)
        return code

    def check(self, number: str, code: str) -> Case | None:
        """Whoever holds number and code may read where it stands. A miss is counted, so it is no error."""
        of = self._means.lookup.digest("misses", number)
        found = None
        if not misses.are_too_many(self._tx, of):
            found = self._records.by_code(number, self._hash(code, number))
        if found is None:
            misses.count(self._tx, of)
        return found

    def follow(self, found: Case, *, by: Person) -> Case:
        """Hears of it too from now on. Whoever works on it gives it back by that: nobody handles what concerns kin."""
        people = [person for person, _address in self._records.parties(found.id, viewer=MACHINE)]
        if by.id not in people:
            if len(people) > MOST_FOLLOWERS:
                raise NotPermitted("case.followed_enough", at_most=MOST_FOLLOWERS)
            self._records.add_party(found, id=self._id(), person=by.id, part="follower", address=by.address)
            self._records.log(found, "followed", id=self._id(), actor=None)
            if found.owner == by.id and found.is_open:
                return self._release(found, by=by)
        return found

    def file_settled(self, attachment_id: int, result: Mapping[str, Any]) -> Case | None:
        """A file was stored, refused or lost. Officials hear when all are there, the resident which are not.

        Files that were sent together are told of together: an album of ten must not bring ten messages.
        """
        found = self._records.attachment_case(attachment_id, viewer=MACHINE)
        if found is None:  # its person was forgotten meanwhile
            if "digest" in result:
                expire(self._tx, result["digest"], self._now, timer=self._id())
            return None
        state = self._records.settle_attachment(attachment_id, result)
        event = self._records.log(found, f"file.{state}", id=self._id(), actor=None, detail=str(attachment_id))
        files = self._records.attachments(found.id, viewer=MACHINE)
        entry = next(file.entry for file in files if file.id == attachment_id)
        together = [file for file in files if file.entry == entry]
        if all(file.state != "pending" for file in together):
            reasons = [file.reason for file in together if file.state in ("lost", "refused") and file.reason != FULL]
            if reasons:
                self._tell_parties("case.file_missing", found, event, lost=Counter(reasons))
        if all(file.state != "pending" for file in files) and any(file.state == "stored" for file in together):
            self._tell_responsible("case.files", found, f"case-event:{event}")
        return found

    def _new_case(self, matter: Matter, received: datetime, limit: Limit) -> Case:
        due = self._due(limit, received)
        return Case(
            id=self._id(), number=self._free_number(), kind=matter.kind, status=Status.RECEIVED,
            privacy=matter.privacy, sealed=matter.about_staff, category=matter.category,
            department=self._first_department(matter),
            owner=None, received_at=received, due_at=due.at, provisional=due.provisional, first_contact_at=None,
            closed_at=None, outcome=None, round=1, revision=1, title=shorten(clean(matter.words), TITLE_LENGTH),
            place=matter.place,
        )  # fmt: skip

    def _first_department(self, matter: Matter) -> str | None:
        """Where it goes first; never to those it complains about: then whoever sees the whole office dispatches it."""
        directory, accuses = self._means.directory, matter.kind in (Kind.COMPLAINT, Kind.REPORT)
        if matter.about_staff or (accuses and matter.category in OVERSEEN):
            return None
        but_not = directory.spoken_of(matter.words) if accuses else frozenset[str]()
        where = f"{matter.place} {matter.words}"
        return matter.department or directory.department_for(matter.category, where, but_not=but_not)

    def _free_number(self) -> str:
        while True:
            number = new_number(self._means.random)
            if self._records.by_number(number, viewer=MACHINE) is None:
                return number

    def _check_has_room(self, of: Case) -> None:
        """Whoever looks at a case opens all that was said: one that grew for ever would hold up everybody."""
        most = self._means.bounds.additions_a_case
        if self._records.count_entries(of.id, ADDED) >= most:
            raise Invalid("additions.full", most=most)

    def _enter_words(
        self, of: Case, kind: Said, words: str, files: Sequence[Mapping[str, Any]], *, by: Person,
        source: str | None, happened_at: datetime,
    ) -> Entry:  # fmt: skip
        if not words and not files:
            raise Invalid("words.empty")
        entry = self._records.add_entry(of, id=self._id(), kind=kind, words=words, author=by.id,
                                        source=source, happened_at=happened_at)  # fmt: skip
        if files:
            self._attach(of, entry, files)
        return entry

    def _attach(self, of: Case, entry: Entry, files: Sequence[Mapping[str, Any]]) -> None:
        places = self._places(of)
        rows = [
            {"id": self._id(), "entry": entry.id, "kind": file["kind"], "mime": file.get("mime"),
             "size": file.get("size"), "seconds": file.get("seconds"), "name": file.get("name"),
             **placed(number < places)}
            for number, file in enumerate(files)
        ]  # fmt: skip
        self._records.add_attachments(of, rows)
        if len(files) > places:
            self._tell_parties("case.file_missing", of, entry.id, lost={FULL: len(files) - places},
                               most=self._means.bounds.files_a_case)  # fmt: skip
        for row, file in zip(rows[:places], files[:places], strict=True):
            data = self._means.content.seal(msgspec.json.encode(dict(file)), JOB)
            queues.start_job(self._tx, id=self._id(), key=f"file:{row['id']}", kind="file.fetch",
                             subject=row["id"], data=data)  # fmt: skip

    def _places(self, of: Case) -> int:
        """How many more files the case holds; those that were refused or lost take no place."""
        files = self._records.attachments(of.id, viewer=MACHINE)
        there = sum(file.state in ("pending", "stored") for file in files)
        return max(0, self._means.bounds.files_a_case - there)

    def _own(self, number: str, by: Person) -> Case:
        """A case that this very person brought or follows."""
        found = self._records.listed(owned_by_resident() & (case.c.number == number), viewer=by, at_most=1)
        if not found:
            raise NotFound("case", number=number)
        return found[0]

    def brought_by(self, of: Case, by: Person) -> bool:
        """Whether it is this person's own: followers may read and add, but not decide."""
        return self._records.part(of.id, viewer=by) == "requester"

    def _brought(self, number: str, by: Person) -> Case:
        found = self._own(number, by)
        if not self.brought_by(found, by):
            raise NotPermitted("case.not_brought", number=number)
        return found

    def _closed(self, number: str, by: Person) -> Case:
        """An answered case of this resident, within the term in which they may object (15 days by default)."""
        found = self._brought(number, by)
        if found.status is not Status.CLOSED or found.closed_at is None:
            raise MoveNotAllowed("case.not_closed", number=number)
        if self._now - found.closed_at > REOPEN_TERM:
            raise MoveNotAllowed("case.term_over", number=number)
        return found

    def _hash(self, code: str, number: str) -> bytes:
        return hash_code(code, self._means.lookup.digest("codes"), number)


def placed(has_place: bool) -> dict[str, str | None]:
    """How an attachment begins: it is to be fetched, or there is no place for it."""
    return {"state": "pending", "reason": None} if has_place else {"state": "refused", "reason": FULL}
