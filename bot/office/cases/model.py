"""The rules of a case: what may follow what, and who decides. No clock, no SQL, no platform."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from bot.errors import MoveNotAllowed


class Kind(StrEnum):
    """What a resident wants (北京市接诉即办工作条例 §2)."""

    CONSULT = "consult"
    HELP = "help"
    COMPLAINT = "complaint"
    REPORT = "report"
    SUGGESTION = "suggestion"
    PRAISE = "praise"
    ERRAND = "errand"


class Status(StrEnum):
    """Where a case stands. Overdue is derived, never a status."""

    RECEIVED = "received"  # registered, nobody has read it
    ACCEPTED = "accepted"  # a person confirmed what it is
    RETURNED = "returned_to_resident"  # not ours: told why and where to go
    DISPATCHED = "dispatched"  # an office has it; its limit runs since receipt
    OBJECTED = "objected"
    IN_PROGRESS = "in_progress"  # signed for by a handler
    WAITING = "waiting_resident"  # a question is open
    EXTENDED = "extended"
    ANSWERED = "answered"  # answer written, waits for a check
    CLOSED = "closed"
    REDO = "redo"
    LINKED = "linked"
    WITHDRAWN = "withdrawn"
    ARCHIVED = "archived"


class Outcome(StrEnum):
    """How a closed case ended."""

    SOLVED = "solved"
    PARTLY_SOLVED = "partly_solved"
    EXPLAINED = "explained"
    ANSWERED = "answered"
    ADOPTED = "adopted"
    PARTLY_ADOPTED = "partly_adopted"
    NOT_ADOPTED = "not_adopted"
    TRANSFERRED = "transferred_out"


class Privacy(StrEnum):
    """What officials learn of who brought it."""

    NAMED = "named"
    CONFIDENTIAL = "confidential"  # a case, not a person; the bot relays
    ANONYMOUS = "anonymous"  # no trace of the sender at all


class Said(StrEnum):
    """What an entry of a case is."""

    WORDS = "words"  # the matter as it was brought
    ADDITION = "addition"
    VERSION = "version"  # a later edit of words; the earlier ones stay
    PROGRESS = "progress"
    CONTACTED = "contacted"  # a call or visit
    QUESTION = "question"
    REPLY = "reply"  # the resident's answer to a question
    ANSWER = "answer"
    NOTE = "note"  # for officials only
    UNSOLVED = "unsolved"  # the resident says it is not solved
    HARASSED = "harassed"  # somebody makes it hard for whoever brought it: urgent


SHOWN_TO_RESIDENT = frozenset(
    (Said.WORDS, Said.ADDITION, Said.VERSION, Said.PROGRESS, Said.QUESTION, Said.REPLY, Said.ANSWER, Said.UNSOLVED)
)
FIRST_CONTACTS = frozenset((Said.PROGRESS, Said.CONTACTED, Said.QUESTION, Said.ANSWER))

_WORKING = frozenset((Status.IN_PROGRESS, Status.WAITING, Status.CLOSED, Status.EXTENDED, Status.ANSWERED))

MOVES: Mapping[Status, frozenset[Status]] = {
    Status.RECEIVED: frozenset((Status.ACCEPTED, Status.RETURNED, Status.LINKED, Status.WITHDRAWN)),
    Status.ACCEPTED: frozenset((Status.DISPATCHED, Status.RETURNED, Status.LINKED, Status.WITHDRAWN)),
    Status.DISPATCHED: frozenset((Status.IN_PROGRESS, Status.OBJECTED, Status.WITHDRAWN)),
    Status.OBJECTED: frozenset((Status.DISPATCHED, Status.WITHDRAWN)),
    Status.IN_PROGRESS: _WORKING - {Status.IN_PROGRESS} | {Status.DISPATCHED, Status.WITHDRAWN},
    Status.WAITING: frozenset((Status.IN_PROGRESS, Status.CLOSED, Status.WITHDRAWN)),
    Status.EXTENDED: frozenset((Status.IN_PROGRESS, Status.WAITING, Status.ANSWERED, Status.CLOSED, Status.WITHDRAWN)),
    Status.ANSWERED: frozenset((Status.CLOSED, Status.IN_PROGRESS, Status.WITHDRAWN)),
    Status.CLOSED: frozenset((Status.REDO, Status.ARCHIVED)),
    Status.REDO: frozenset((Status.DISPATCHED, Status.IN_PROGRESS, Status.WITHDRAWN)),
    Status.RETURNED: frozenset((Status.ARCHIVED,)),
    Status.LINKED: frozenset((Status.ARCHIVED,)),
    Status.WITHDRAWN: frozenset((Status.ARCHIVED,)),
    Status.ARCHIVED: frozenset(),
}  # the only place that says what may follow what

OVER = frozenset((Status.CLOSED, Status.RETURNED, Status.LINKED, Status.WITHDRAWN, Status.ARCHIVED))
OPEN = frozenset(Status) - OVER
UNDER_WAY = frozenset((Status.IN_PROGRESS, Status.WAITING, Status.EXTENDED, Status.ANSWERED))


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit:
    """How long a kind may take: working days, or calendar days."""

    days: int
    working: bool = True


LIMITS: Mapping[Kind, Limit] = {
    Kind.CONSULT: Limit(days=3),
    Kind.HELP: Limit(days=5),
    Kind.COMPLAINT: Limit(days=5),
    Kind.REPORT: Limit(days=15, working=False),
    Kind.SUGGESTION: Limit(days=5),
    Kind.PRAISE: Limit(days=5),
    Kind.ERRAND: Limit(days=3),
}
SOLVED_BY_DEFAULT: Mapping[Kind, Outcome] = {
    Kind.CONSULT: Outcome.ANSWERED,
    Kind.ERRAND: Outcome.ANSWERED,
    Kind.PRAISE: Outcome.ANSWERED,
    Kind.SUGGESTION: Outcome.EXPLAINED,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One matter. `revision` grows with every change: two officials at once, one wins."""

    id: int
    number: str
    kind: Kind
    status: Status
    privacy: Privacy
    sealed: bool
    category: str | None
    department: str | None
    owner: int | None
    received_at: datetime
    due_at: datetime
    provisional: bool
    first_contact_at: datetime | None
    closed_at: datetime | None
    outcome: Outcome | None
    round: int
    revision: int
    transfers: int = 0  # how often it was passed on
    title: str = ""
    place: str = ""

    def move(self, to: Status) -> "Case":
        """The case in its next state; raises MoveNotAllowed."""
        if to not in MOVES[self.status]:
            raise MoveNotAllowed("case.move", status=self.status, to=to)
        return replace(self, status=to)

    def taken_by(self, official: int, department: str | None) -> "Case":
        """Accepted, dispatched and signed for by one person; what was under way already stands as it stood."""
        if self.status in UNDER_WAY:
            return replace(self, owner=official, department=department or self.department)
        moved = self
        for step in (Status.ACCEPTED, Status.DISPATCHED, Status.IN_PROGRESS):
            if step in MOVES[moved.status] and moved.status is not Status.IN_PROGRESS:
                moved = moved.move(step)
        if moved.status is not Status.IN_PROGRESS:
            raise MoveNotAllowed("case.move")
        return replace(moved, owner=official, department=department or self.department)

    def contacted(self, now: datetime) -> "Case":
        """The first contact counts once; a receipt by machine never does."""
        return self if self.first_contact_at else replace(self, first_contact_at=now)

    def closed(self, outcome: Outcome, now: datetime) -> "Case":
        return replace(self.contacted(now).move(Status.CLOSED), outcome=outcome, closed_at=now)

    def redone(self, due_at: datetime, provisional: bool) -> "Case":
        """A new round with a new limit; the old one stays on record."""
        again = replace(self.move(Status.REDO), outcome=None, closed_at=None, round=self.round + 1)
        return replace(again, due_at=due_at, provisional=provisional)

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    def is_overdue(self, now: datetime) -> bool:
        return self.is_open and now > self.due_at

    @property
    def default_outcome(self) -> Outcome:
        return SOLVED_BY_DEFAULT.get(self.kind, Outcome.SOLVED)
