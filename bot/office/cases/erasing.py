"""A case without the person who brought it: their words go, and number, dates, chain and answer stay (M29).

Nothing here knows who the person is; it is given their id.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select, update

from bot.office.cases.acts import Acts
from bot.office.cases.model import OPEN, OVER, Case, Said, Status
from bot.office.cases.records import ENTRY, TITLE, is_open
from bot.office.cases.scope import MACHINE
from bot.office.cases.tables import attachment, case, case_event, case_party, entry
from bot.office.people.model import Person
from bot.office.people.records import address
from bot.store.expiring import expire
from bot.store.traces import Going, Traces

RESIDENTS_WORDS = frozenset((Said.WORDS, Said.ADDITION, Said.VERSION, Said.REPLY, Said.UNSOLVED, Said.HARASSED))
ABOUT_THEM = frozenset((Said.NOTE, Said.CONTACTED))  # what officials wrote down of the person, for officials only
LONG_RUN = 8  # characters that somebody repeats of another's words are a quotation
AT_ONCE = 20  # cases in one transaction
_NUMBER = re.compile(r"\d{7,}")


class Erasing(Acts):
    """What becomes of cases when their person is forgotten, or their term is over."""

    def open_brought(self, by: Person) -> list[Case]:
        """The open cases that somebody brought themself: with the person they are taken back."""
        mine = select(case_party.c.case).where(case_party.c.person == by.id, case_party.c.part == "requester")
        return self._records.listed(case.c.id.in_(mine) & is_open, viewer=by, at_most=50, newest_first=True)

    def forget_person(self, person: int, mark: str, traces: Traces, upto: int, *, works_here: bool) -> Going:
        """The person's next cases without them; `mark` stands where their words stood. Open ones are taken back.

        Who works here stays excluded from cases that complain about them.
        """
        parts = ("requester", "follower") if works_here else ("requester", "follower", "subject")
        statement = select(case_party.c.id, case_party.c.case, case_party.c.part).where(
            case_party.c.person == person, case_party.c.part.in_(parts)
        )
        rows = self._tx.read(statement.order_by(case_party.c.case).limit(AT_ONCE)).all()
        going = Going(more=len(rows) == AT_ONCE)
        for row in rows:
            found = self._records.by_id(row.case, viewer=MACHINE)
            if found is not None and row.part != "subject":
                whose = entry.c.author == person
                jobs = self._without(found, whose, mark, traces, upto, is_whole=row.part == "requester", person=person)
                going.jobs += jobs
                going.cases.append(found.id)
            self._tx.write(delete(case_party).where(case_party.c.id == row.id))
        return going

    def forget_old(self, before: datetime, mark: str, traces: Traces, upto: int) -> Going:
        """The next cases that were over before this moment, without anybody's words."""
        last = select(func.max(case_event.c.at)).where(case_event.c.case == case.c.id).scalar_subquery()
        statement = select(case.c.id).where(
            case.c.erased_at.is_(None), case.c.received_at < before,
            case.c.status.in_([status.value for status in OVER]),
            func.coalesce(case.c.closed_at, last) < before,
        )  # fmt: skip
        ids = self._tx.read(statement.order_by(case.c.received_at).limit(AT_ONCE)).scalars().all()
        going = Going(cases=list(ids), more=len(ids) == AT_ONCE)
        for id_ in ids:
            found = self._records.by_id(id_, viewer=MACHINE)
            assert found is not None
            going.jobs += self._without(found, None, mark, traces, upto, is_whole=True, person=None)
            traces.drop_about(id_)
            self._tx.write(delete(case_party).where(case_party.c.case == id_, case_party.c.part != "subject"))
        return going

    def _without(
        self, found: Case, whose: ColumnElement[bool] | None, mark: str, traces: Traces, upto: int, *,
        is_whole: bool, person: int | None,
    ) -> list[str]:  # fmt: skip
        """One case without somebody's words, or (`whose` is None) anybody's; keys of its jobs that are in hand."""
        if found.status in OPEN and is_whole:
            found = self._taken_back(found, person)
        rows = self._tx.read(_ENTRIES.where(entry.c.case == found.id).order_by(entry.c.id)).all()
        theirs = [row for row in rows if row.kind in RESIDENTS_WORDS and (whose is None or row.author == person)]
        said = [self._content(row.words) for row in theirs]
        for row in theirs:
            self._overwrite(row, mark, traces, author=None)
        if is_whole:
            for row in rows:
                self._clear_official(row, said, mark, traces)
            self._clear_case(found, mark, traces)
        for lost in traces.silence(found.id, upto, person):
            self._tell_one(found, lost)
        traces.unshow(found.id)
        traces.numbers.add(found.number)
        traces.neighbours |= self._lanes(found, {row.author for row in rows if row not in theirs} - {person})
        return self._drop_files([row.id for row in theirs], traces)

    def _lanes(self, found: Case, authors: set[int | None]) -> set[int]:
        """The chats of those who follow the case, own it, or wrote in it."""
        followers = self._tx.read(select(case_party.c.person).where(case_party.c.case == found.id)).scalars()
        people = {found.owner, *authors, *followers} - {None}
        lanes = select(address.c.lane).where(address.c.person.in_(people))
        return set(self._tx.read(lanes).scalars()) if people else set()

    def _taken_back(self, old: Case, person: int | None) -> Case:
        new = self._records.save(old, old.move(Status.WITHDRAWN))
        event = self._records.log(new, "withdraw", id=self._id(), actor=None, before=old.status, after=new.status)
        self._disarm_reminders(new)
        hearers = [one for one in self._responsible(new) if one.id != person]
        self._tell_officials("case.withdrawn", new, f"case-event:{event}", hearers)
        return new

    def _clear_official(self, row: Any, said: Iterable[str], mark: str, traces: Traces) -> None:
        """Notes go; what the resident was told stays, but for what it repeats of the resident's words."""
        if row.kind in ABOUT_THEM:
            self._overwrite(row, mark, traces, author=row.author)
        elif row.kind not in RESIDENTS_WORDS:
            words = self._content(row.words)
            left = without(words, said, mark)
            if left != words:
                self._overwrite(row, left, traces, author=row.author)

    def _clear_case(self, found: Case, mark: str, traces: Traces) -> None:
        sealed = select(case.c.title, case.c.place, case.c.lookup_code).where(case.c.id == found.id)
        traces.went(self._tx.read(sealed).one())
        title = self._means.content.seal(mark.encode(), TITLE)
        gone = {"title": title, "place": None, "lookup_code": None, "erased_at": self._tx.now}
        self._tx.write(update(case).where(case.c.id == found.id).values(gone))
        self._records.log(found, "erased", id=self._id(), actor=None)

    def _overwrite(self, row: Any, words: str, traces: Traces, *, author: int | None) -> None:
        traces.went([row.words])
        new = {"words": self._means.content.seal(words.encode(), ENTRY), "author": author, "source": None}
        self._tx.write(update(entry).where(entry.c.id == row.id).values(new))

    def _drop_files(self, entries: Sequence[int], traces: Traces) -> list[str]:
        """The attachments of these entries, with their stored copies and the jobs that fetch them."""
        rows = self._tx.read(_ATTACHMENTS.where(attachment.c.entry.in_(entries))).all() if entries else []
        if not rows:
            return []
        traces.went([row.name for row in rows])
        self._tx.write(delete(attachment).where(attachment.c.id.in_([row.id for row in rows])))
        for row in rows:
            if row.digest:
                expire(self._tx, row.digest, self._now, timer=self._id())
        return traces.drop_jobs([f"file:{row.id}" for row in rows])

    def _tell_one(self, found: Case, person: int) -> None:
        """Somebody else whose message was taken back hears that the case stands without the person."""
        known = self._people.find([person]).get(person)
        if known is not None and self._records.by_id(found.id, viewer=known) is not None:
            self._tell_officials("case.erased", found, f"erased:{found.id}", [known])

    def _content(self, sealed: bytes) -> str:
        return self._means.content.open(sealed, ENTRY).decode()


def without(words: str, said: Iterable[str], mark: str) -> str:
    """An official's words without what they repeat of a resident's: long runs of characters, and long numbers."""
    runs = {text[start : start + LONG_RUN] for text in said for start in range(len(text) - LONG_RUN + 1)}
    numbers = {number for text in said for number in _NUMBER.findall(text)}
    taken = [False] * len(words)
    for start in range(len(words) - LONG_RUN + 1):
        if words[start : start + LONG_RUN] in runs:
            taken[start : start + LONG_RUN] = [True] * LONG_RUN
    for number in numbers:
        for found in re.finditer(re.escape(number), words):
            taken[found.start() : found.end()] = [True] * len(number)
    left, gap = "", False
    for char, is_taken in zip(words, taken, strict=True):
        left += "" if is_taken and gap else mark if is_taken else char
        gap = is_taken
    return left


_ENTRIES = select(entry.c.id, entry.c.kind, entry.c.words, entry.c.author)
_ATTACHMENTS = select(attachment.c.id, attachment.c.digest, attachment.c.name)
