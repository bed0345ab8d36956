"""A notice and whom it is for: rules only. Its audience has no default, and an approval holds for one text alone."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

from bot.errors import Invalid, MoveNotAllowed
from bot.store.types import to_micros
from bot.text import clean, shorten

LONGEST = 3000  # characters: with its head and foot still one message everywhere
TITLE_LENGTH = 30
WAIT = timedelta(seconds=60)  # between the approval and the first message: the last moment to stop it
FIRST = 50  # recipients of the first slice; the rest follows a moment later
FIRST_WAIT = timedelta(seconds=10)
SLICE = 200  # recipients that one event writes down: some milliseconds of the writer's time
RING_AGAIN = timedelta(minutes=2)
RING_FOR = timedelta(minutes=30)  # then only a telephone helps
SAID_EVERY = timedelta(minutes=10)  # that nobody has agreed yet


class Status(StrEnum):
    DRAFT = "draft"  # its author's alone
    ASKED = "asked"  # somebody else has to agree
    APPROVED = "approved"  # its moment has not come yet
    SENDING = "sending"
    SENT = "sent"  # nothing is on its way any more
    STOPPED = "stopped"
    DROPPED = "dropped"


RUNNING = frozenset((Status.APPROVED, Status.SENDING))


class Arrival(StrEnum):
    """What became of one message."""

    QUEUED = "queued"  # not tried yet
    RETRYING = "retrying"
    PAGE = "page"  # waits until its reader opens the page
    SENT = "sent"
    GONE = "gone"  # blocked, or the account is gone
    FAILED = "failed"
    UNCERTAIN = "uncertain"  # may have arrived; never sent twice
    STOPPED = "stopped"  # taken back before it went out


UNDER_WAY = (Arrival.QUEUED, Arrival.RETRYING)
UNSETTLED = (*UNDER_WAY, Arrival.PAGE)
REACHED = (Arrival.SENT, Arrival.UNCERTAIN)


class Audience(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whom it is for, in codes: the whole office, or areas and topics, or whoever got an earlier notice."""

    whole: bool = False
    areas: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    reached: int | None = None

    def __bool__(self) -> bool:
        return self.whole or bool(self.areas or self.topics) or self.reached is not None

    def with_area(self, slugs: Iterable[str]) -> "Audience":
        """These areas more; or fewer, where all of them were chosen already."""
        return Audience(areas=_toggled(self.areas, slugs), topics=self.topics)

    def with_topic(self, slug: str) -> "Audience":
        return Audience(areas=self.areas, topics=_toggled(self.topics, (slug,)))

    def is_wider_than(self, areas: Iterable[str]) -> bool:
        """Whether it holds more than these areas. Topics do: people all over the office follow them."""
        return self.whole or bool(self.topics) or not set(self.areas) <= set(areas)


NOBODY = Audience()
VOID: Mapping[str, Any] = {"status": Status.DRAFT, "count": None, "asked_at": None, "digest": None}


@dataclass(frozen=True, kw_only=True, slots=True)
class Reach:
    """How many people: those whom a message finds now, and those who see it once they open their page."""

    now: int
    later: int

    @property
    def people(self) -> int:
        return self.now + self.later


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """One notice. `urgent` None: not decided yet. `count` is what was counted when agreement was asked for."""

    id: int
    author: int
    address: int  # where the author hears of it
    status: Status
    words: str
    urgent: bool | None = None
    audience: Audience = NOBODY
    is_confirmed: bool = False  # wider than the area that the words name, and meant so
    reader: int | None = None
    count: int | None = None
    asked_at: datetime | None = None
    digest: str | None = None  # of all that was agreed to
    approver: int | None = None
    corrects: int | None = None
    starts_at: datetime | None = None
    ended_at: datetime | None = None
    is_filled: bool = False  # every recipient is written down
    shown: str = ""  # the figures that the author saw last
    told: int | None = None  # the message that showed them
    revision: int = 1

    @property
    def title(self) -> str:
        return shorten(self.words, TITLE_LENGTH)

    @property
    def is_editable(self) -> bool:
        return self.status in (Status.DRAFT, Status.ASKED)

    @property
    def mark(self) -> str:
        """Short enough for a button: what somebody looked at is what they agree to, or nothing."""
        return (self.digest or "")[:12]

    def changed(self, **values: object) -> "Notice":
        """With other words, readers or recipients; whatever was agreed to is void. Raises MoveNotAllowed."""
        if not self.is_editable:
            raise MoveNotAllowed("notice.over")
        return replace(self, **{**VOID, **values})

    def asked(self, count: int, now: datetime) -> "Notice":
        """With everything that an approval is bound to. Raises MoveNotAllowed, Invalid."""
        if self.status is not Status.DRAFT:
            raise MoveNotAllowed("notice.over")
        if not self.audience:
            raise Invalid("notice.audience")
        if not count:
            raise Invalid("notice.nobody")
        if self.urgent and self.reader is None:
            raise Invalid("notice.reader")
        new = replace(self, status=Status.ASKED, count=count, asked_at=now)
        return replace(new, digest=digest_of(new))

    def is_as_asked(self) -> bool:
        """Whether nothing has changed since it was asked for."""
        return self.digest is not None and digest_of(self) == self.digest


def digest_of(notice: Notice) -> str:
    """Text, audience, count and manner, as one hash (threat T14)."""
    asked = to_micros(notice.asked_at) if notice.asked_at else None
    facts = [notice.id, notice.words, msgspec.to_builtins(notice.audience), notice.urgent, notice.reader,
             notice.count, notice.corrects, asked]  # fmt: skip
    return hashlib.sha256(msgspec.json.encode(facts)).hexdigest()


def checked(words: str) -> str:
    """The words as they will go out; raises Invalid."""
    plain = clean(words).strip()
    if not plain:
        raise Invalid("notice.empty")
    if len(plain) > LONGEST:
        raise Invalid("notice.long", at_most=LONGEST)
    return plain


def on_the_way(figures: Mapping[Arrival, int]) -> int:
    return sum(figures.get(state, 0) for state in UNDER_WAY)


def _toggled(chosen: tuple[str, ...], slugs: Iterable[str]) -> tuple[str, ...]:
    more = set(slugs)
    if more <= set(chosen):
        return tuple(sorted(set(chosen) - more))
    return tuple(sorted({*chosen, *more}))
