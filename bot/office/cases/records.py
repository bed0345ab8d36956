"""Statements of cases. Every read of words names its viewer; every change is compare-and-swap on the revision."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Select, bindparam, func, insert, select, update

from bot.errors import Changed
from bot.office.cases import tables
from bot.office.cases.chain import Chain
from bot.office.cases.model import OPEN, Case, Kind, Outcome, Privacy, Said, Status
from bot.office.cases.scope import (
    KEPT_OUT,
    MACHINE,
    Sight,
    Viewer,
    facts_of,
    owned_by_resident,
    readable,
    sight_of,
    workable,
)
from bot.office.cases.tables import assignment, attachment, case, case_link, case_party, case_round, entry
from bot.sealing import Sealer
from bot.store.prepared import Prepared, first
from bot.store.transaction import Transaction

TITLE, PLACE, ENTRY, NAME = b"title", b"place", b"entry", b"file name"


@dataclass(frozen=True, slots=True)
class Entry:
    """Something said in a case."""

    id: int
    case: int
    kind: Said
    words: str
    author: int | None
    happened_at: datetime
    revises: int | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    id: int
    case: int
    entry: int
    kind: str  # as it was sent; once it is stored, as its bytes are
    state: str
    reason: str | None
    digest: str | None
    mime: str | None
    seconds: float | None
    may_identify: bool
    name: str = ""


class Records:
    """The rows of cases in one open transaction."""

    def __init__(self, tx: Transaction, content: Sealer) -> None:
        self._tx = tx
        self._content = content
        self._chain = Chain(tx)
        self.logged: list[tuple[int, str]] = []  # (case, code) of the links written in this transaction

    # --- reads, each with its viewer ---

    def by_number(self, number: str, *, viewer: Viewer) -> Case | None:
        return self._one("by_number", viewer, wanted=number)

    def by_id(self, id_: int, *, viewer: Viewer) -> Case | None:
        return self._one("by_id", viewer, wanted=id_)

    def workable(self, number: str, *, viewer: Viewer) -> Case | None:
        """A case as an official's work."""
        return self._one("workable", viewer, wanted=number)

    def workable_by_id(self, id_: int, *, viewer: Viewer) -> Case | None:
        """The same by its id."""
        return self._one("workable_by_id", viewer, wanted=id_)

    def by_code(self, number: str, code: bytes) -> Case | None:
        """A look-up by number and code: whoever holds both may read it, so the pair is the viewer."""
        row = self._tx.read(_CASE.where(case.c.number == number, case.c.lookup_code == code)).one_or_none()
        return self._case(row) if row else None

    def listed(
        self, condition: ColumnElement[bool], *, viewer: Viewer, at_most: int = 20, newest_first: bool = False
    ) -> list[Case]:
        """Cases in the order of their dates, or the newest first."""
        order = case.c.received_at.desc() if newest_first else case.c.due_at
        statement = _CASE.where(condition, readable(sight_of(viewer))).order_by(order, case.c.id).limit(at_most)
        return [self._case(row) for row in self._tx.read(statement, facts_of(viewer))]

    def of_resident(self, *, viewer: Viewer, at_most: int, only_open: bool = False) -> list[Case]:
        """What this person brought or follows, the newest first."""
        query = "open_of_resident" if only_open else "of_resident"
        return [self._case(row) for row in self._read(query, viewer, at_most=at_most)]

    def count(self, condition: ColumnElement[bool], *, viewer: Viewer) -> int:
        statement = select(func.count()).select_from(case).where(condition, readable(sight_of(viewer)))
        return int(self._tx.read(statement, facts_of(viewer)).scalar_one())

    def entries(self, case_id: int, *, viewer: Viewer, kinds: Iterable[Said] | None = None) -> list[Entry]:
        """What was said, oldest first; a resident's view leaves out notes."""
        wanted = frozenset(kinds) if kinds is not None else None
        rows = self._read("entries", viewer, wanted=case_id)
        return [self._entry(row) for row in rows if wanted is None or row.kind in wanted]

    def count_entries(self, case_id: int, kinds: Sequence[Said]) -> int:
        """How often something of these kinds was said."""
        return int(self._tx.rows(_COUNT_ENTRIES, {"case": case_id, "kinds": kinds})[0][0])

    def entry_of_source(self, source: str, *, viewer: Viewer) -> Entry | None:
        """The entry that came by a certain message."""
        row = first(self._read("entry_of_source", viewer, wanted=source))
        return self._entry(row) if row else None

    def attachments(self, case_id: int, *, viewer: Viewer) -> list[Attachment]:
        return [
            Attachment(**dict(zip(_ATTACHED, row, strict=False)), name=self._open(row.name, NAME) if row.name else "")
            for row in self._read("attachments", viewer, wanted=case_id)
        ]

    def attachment_case(self, attachment_id: int, *, viewer: Viewer) -> Case | None:
        return self._one("attachment_case", viewer, wanted=attachment_id)

    def parties(self, case_id: int, *, viewer: Viewer) -> list[tuple[int, int]]:
        """(person, reply address) of those who are told: the requester first, then followers."""
        rows = self._read("parties", viewer, wanted=case_id)
        return [(row.person, row.address) for row in rows if row.address is not None]

    def kept_out(self, case_id: int) -> frozenset[int]:
        """Those who are complained about or have stepped back: it does not exist for them."""
        statement = select(case_party.c.person).where(case_party.c.case == case_id, case_party.c.part.in_(KEPT_OUT))
        return frozenset(self._tx.read(statement).scalars())

    def part(self, case_id: int, *, viewer: Viewer) -> str | None:
        """Requester or follower; none for whoever is neither."""
        row = first(self._read("part", viewer, wanted=case_id))
        return row.part if row else None

    def solved(self, found: Case, *, viewer: Viewer) -> bool | None:
        """What the resident said of the current round; None: nothing."""
        row = first(self._read("solved", viewer, wanted=found.id, round=found.round))
        return row.solved if row else None

    # --- writes ---

    def add(self, new: Case, *, limit: tuple[int, bool], channel: str, area: str | None) -> None:
        values = {name: getattr(new, name) for name in _PLAIN} | {
            "title": self._seal(new.title, TITLE), "place": self._seal(new.place, PLACE) if new.place else None,
            "limit_days": limit[0], "limit_working": limit[1], "channel": channel, "area": area,
            "urgency": "normal", "paused_ms": 0, "objections": 0, "extensions": 0,
        }  # fmt: skip
        self._tx.change(_ADD_CASE, values)
        self._chain.begin(new.id)

    def add_round(self, of: Case, *, id: int, limit: tuple[int, bool]) -> None:
        row = {"id": id, "case": of.id, "round": of.round, "limit_days": limit[0], "limit_working": limit[1]}
        self._tx.change(_ADD_ROUND, row | {"due_at": of.due_at})

    def save(self, old: Case, new: Case) -> Case:
        """Compare-and-swap; raises Changed where somebody was faster."""
        values = {f"new_{name}": getattr(new, name) for name in _CHANGING}
        keys = {"id_now": old.id, "revision_now": old.revision, "new_revision": old.revision + 1}
        if self._tx.change(_SAVE, values | keys) != 1:
            raise Changed("case.changed", number=old.number)
        return replace(new, revision=old.revision + 1)

    def close_round(self, of: Case, *, answer: int) -> None:
        statement = update(case_round).where(case_round.c.case == of.id, case_round.c.round == of.round)
        self._tx.write(statement.values(answer=answer, outcome=of.outcome, closed_at=of.closed_at))

    def hurry(self, of: Case) -> None:
        """From now on it is marked as urgent."""
        self._tx.write(update(case).where(case.c.id == of.id).values(urgency="urgent"))

    def evaluate(self, of: Case, *, solved: bool) -> None:
        statement = update(case_round).where(case_round.c.case == of.id, case_round.c.round == of.round)
        self._tx.write(statement.values(solved=solved, evaluated_at=self._tx.now))

    def set_code(self, of: Case, code: bytes) -> None:
        self._tx.write(update(case).where(case.c.id == of.id).values(lookup_code=code))

    def add_party(self, of: Case, *, id: int, person: int, part: str, address: int | None) -> None:
        row = {"id": id, "case": of.id, "person": person, "part": part, "address": address, "since": self._tx.now}
        self._tx.change(_ADD_PARTY, row)

    def link(self, of: Case, *, id: int, other: int, kind: str) -> None:
        self._tx.write(insert(case_link), {"id": id, "case": of.id, "other": other, "kind": kind})

    def offer(self, of: Case) -> str | None:
        """The department that a case is offered to and that has not answered yet; whoever holds the case may know."""
        row = first(self._read("offer", MACHINE, wanted=of.id))
        return row.department if row else None

    def close_assignments(self, of: Case, *, parts: Sequence[str]) -> None:
        self._tx.change(_CLOSE_ASSIGNMENTS, {"of": of.id, "parts": parts, "now": self._tx.now})

    def assign(
        self, of: Case, *, id: int, official: int | None, part: str = "lead", department: str | None = None
    ) -> None:
        """A lead, or an offer to a department that may become it."""
        where = department or of.department
        row = {"id": id, "case": of.id, "department": where, "official": official, "part": part}
        self._tx.change(_ADD_ASSIGNMENT, row | {"round": of.round, "since": self._tx.now})

    def add_entry(
        self, of: Case, *, id: int, kind: Said, words: str, author: int | None, source: str | None,
        happened_at: datetime, revises: int | None = None, entered_at: datetime | None = None,
    ) -> Entry:  # fmt: skip
        row = {"id": id, "case": of.id, "kind": kind.value, "words": self._seal(words, ENTRY), "author": author}
        moments = {"happened_at": happened_at, "entered_at": entered_at or self._tx.now}
        self._tx.change(_ADD_ENTRY, row | moments | {"source": source, "revises": revises})
        return Entry(id, of.id, kind, words, author, happened_at, revises)

    def last_entry(self, of: Case) -> int:
        """The id of the last entry, for the act that adds the next."""
        return int(first(self._tx.rows(_LAST_ENTRY, {"wanted": of.id})).last or 0)

    def add_attachments(
        self, of: Case, rows: Sequence[Mapping[str, Any]], *, at: datetime | None = None
    ) -> None:  # fmt: skip
        shared = {"case": of.id, "state": "pending", "may_identify": False, "added_at": at or self._tx.now}
        self._tx.write(insert(attachment), [
            shared | tables.fitting(row) | {"name": self._seal(str(row["name"]), NAME) if row.get("name") else None}
            for row in rows
        ])  # fmt: skip

    def settle_attachment(self, id_: int, result: Mapping[str, Any]) -> str:
        """What came of fetching it; returns its state from now on."""
        reason = result.get("failed")
        state = "stored" if reason is None else "lost" if reason == "gone" else "refused"
        values = {name: result[name] for name in ("kind", "digest", "mime", "size", "may_identify") if name in result}
        values = tables.fitting(values | {"state": state, "reason": reason})
        self._tx.write(update(attachment).where(attachment.c.id == id_).values(values))
        return state

    def log(
        self, of: Case, code: str, *, id: int, actor: int | None, before: Status | None = None,
        after: Status | None = None, detail: str = "", at: datetime | None = None,
    ) -> int:  # fmt: skip
        """A link of the case's chain; returns its id, from which keys of messages come."""
        self.log_all(of, [(id, code, before, after)], actor=actor, detail=detail, at=at)
        return id

    def log_all(
        self, of: Case, steps: Sequence[tuple[int, str, Status | None, Status | None]], *, actor: int | None,
        detail: str = "", at: datetime | None = None,
    ) -> None:  # fmt: skip
        """Several links at once: (id, code, before, after)."""
        shared = {"actor": actor, "role": None, "detail": detail, "at": at or self._tx.now}
        links = [{"id": id_, "code": code, "before": before, "after": after} for id_, code, before, after in steps]
        self._chain.add(of.id, [link | shared for link in links])
        self.logged += [(of.id, code) for _id, code, _before, _after in steps]

    def _read(self, query: str, viewer: Viewer, **facts: Any) -> list[Any]:
        """One of the prepared statements, with this viewer's condition in it; the same one need not run twice."""
        key = (query, viewer, *facts.values())
        rows: list[Any] | None = self._tx.seen.get(key)
        if rows is None:
            rows = self._tx.rows(_statement(query, sight_of(viewer)), facts_of(viewer) | facts)
            self._tx.seen[key] = rows
        return rows

    def _one(self, query: str, viewer: Viewer, **facts: Any) -> Case | None:
        row = first(self._read(query, viewer, **facts))
        return self._case(row) if row else None

    def _case(self, row: Any) -> Case:
        facts = dict(zip(_PLAIN, row, strict=False))
        facts |= {
            "kind": Kind(row.kind), "status": Status(row.status), "privacy": Privacy(row.privacy),
            "outcome": Outcome(row.outcome) if row.outcome else None,
            "title": self._open(row.title, TITLE), "place": self._open(row.place, PLACE) if row.place else "",
        }  # fmt: skip
        return Case(**facts)

    def _entry(self, row: Any) -> Entry:
        words = self._open(row.words, ENTRY)
        return Entry(row.id, row.case, Said(row.kind), words, row.author, row.happened_at, row.revises)

    def _seal(self, words: str, purpose: bytes) -> bytes:
        return self._content.seal(words.encode("utf-8", "replace"), purpose)

    def _open(self, sealed: bytes, purpose: bytes) -> str:
        return self._content.open(sealed, purpose).decode()


_PLAIN = tuple(name for name in Case.__slots__ if name not in ("title", "place"))
_FIXED = frozenset(("id", "number", "kind", "privacy", "sealed", "received_at", "revision"))
_CHANGING = tuple(name for name in _PLAIN if name not in _FIXED)
_CASE = select(*(case.c[name] for name in _PLAIN), case.c.title, case.c.place)
_ENTRY = [entry.c[name] for name in ("id", "case", "kind", "words", "author", "happened_at", "revises")]
_ATTACHED = [name for name in Attachment.__slots__ if name != "name"]
_ATTACHMENT = [attachment.c[name] for name in _ATTACHED]

_SAVE = Prepared(
    update(case)
    .where(case.c.id == bindparam("id_now"), case.c.revision == bindparam("revision_now"))
    .values({name: bindparam(f"new_{name}") for name in (*_CHANGING, "revision")})
)
_COUNT_ENTRIES = Prepared(
    select(func.count()).where(entry.c.case == bindparam("case"), entry.c.kind.in_(bindparam("kinds", expanding=True)))
)
_LAST_ENTRY = Prepared(select(func.max(entry.c.id).label("last")).where(entry.c.case == bindparam("wanted")))

_ADD_CASE = Prepared(
    insert(case),
    [*_PLAIN, "title", "place", "limit_days", "limit_working", "channel", "area", "urgency", "paused_ms",
     "objections", "extensions"],
)  # fmt: skip
_ADD_ROUND = Prepared(insert(case_round), ["id", "case", "round", "limit_days", "limit_working", "due_at"])
_ADD_PARTY = Prepared(insert(case_party), ["id", "case", "person", "part", "address", "since"])
_ADD_ASSIGNMENT = Prepared(insert(assignment), ["id", "case", "department", "official", "part", "round", "since"])
_CLOSE_ASSIGNMENTS = Prepared(
    update(assignment)
    .where(
        assignment.c.case == bindparam("of"),
        assignment.c.part.in_(bindparam("parts", expanding=True)),
        assignment.c.until.is_(None),
    )
    .values(until=bindparam("now"))
)
_ADD_ENTRY = Prepared(insert(entry), [column.name for column in entry.c])
_wanted: BindParameter[Any] = bindparam("wanted")
_offer = assignment.alias("offered")  # a name of its own: the viewer's condition asks for assignments too
_told = case_party.c.part.in_(("requester", "follower"))
is_open: ColumnElement[bool] = case.c.status.in_([status.value for status in OPEN])


def _of_resident(_sight: Sight) -> Select[Any]:
    """Whatever else they may read: what somebody brought or follows is readable for them."""
    newest_first = _CASE.order_by(case.c.received_at.desc(), case.c.id).limit(bindparam("at_most"))
    return newest_first.where(owned_by_resident())


_QUERIES: Mapping[str, Callable[[Sight], Select[Any]]] = {
    "by_number": lambda sight: _CASE.where(case.c.number == _wanted, readable(sight)),
    "by_id": lambda sight: _CASE.where(case.c.id == _wanted, readable(sight)),
    "workable": lambda sight: _CASE.where(case.c.number == _wanted, workable(sight)),
    "workable_by_id": lambda sight: _CASE.where(case.c.id == _wanted, workable(sight)),
    "of_resident": _of_resident,
    "open_of_resident": lambda sight: _of_resident(sight).where(is_open),
    "entries": lambda sight: (
        select(*_ENTRY)
        .join(case, case.c.id == entry.c.case)
        .where(entry.c.case == _wanted, readable(sight))
        .order_by(entry.c.id)
    ),
    "entry_of_source": lambda sight: (
        select(*_ENTRY)
        .join(case, case.c.id == entry.c.case)
        .where(entry.c.source == _wanted, readable(sight))
        .order_by(entry.c.id)
        .limit(1)
    ),
    "attachments": lambda sight: (
        select(*_ATTACHMENT, attachment.c.name)
        .join(case, case.c.id == attachment.c.case)
        .where(attachment.c.case == _wanted, readable(sight))
        .order_by(attachment.c.id)
    ),
    "attachment_case": lambda sight: _CASE.join(attachment, attachment.c.case == case.c.id).where(
        attachment.c.id == _wanted, readable(sight)
    ),
    "parties": lambda sight: (
        select(case_party.c.person, case_party.c.address)
        .join(case, case.c.id == case_party.c.case)
        .where(case_party.c.case == _wanted, _told, readable(sight))
        .order_by(case_party.c.part.desc(), case_party.c.id)
    ),
    "offer": lambda sight: (
        select(_offer.c.department)
        .join(case, case.c.id == _offer.c.case)
        .where(_offer.c.case == _wanted, _offer.c.part == "offer", _offer.c.until.is_(None), readable(sight))
    ),
    "part": lambda _sight: (
        select(case_party.c.part)
        .where(case_party.c.case == _wanted, case_party.c.person == bindparam("viewer"), _told)
        .order_by(case_party.c.part.desc())
        .limit(1)
    ),
    "solved": lambda sight: (
        select(case_round.c.solved)
        .join(case, case.c.id == case_round.c.case)
        .where(case_round.c.case == _wanted, case_round.c.round == bindparam("round"), readable(sight))
    ),
}


@cache
def _statement(query: str, sight: Sight) -> Prepared:
    return Prepared(_QUERIES[query](sight))
