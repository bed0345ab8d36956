"""Someone must hear of something: written by the office, rendered by a handler, owed by the dispatcher.

An audience is who may read a message: none for one person alone, `OPEN` for anybody, else a class of groups.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any


class Lane(IntEnum):
    """Who goes first. Order holds within an address and a lane."""

    INTERACTIVE = 0
    REPLY = 1
    DEADLINE = 2
    NOTICE = 3


OPEN = "open"  # an audience: there is nothing in it that a stranger may not read


def staff_of(department: str | None) -> str:
    """The audience of a registered staff group: a department's, or (None) the whole office's."""
    return f"staff:{department or ''}"


def may_read(audience: str | None, chat: str | None) -> bool:
    """Whether a message for this audience may go into a chat of that class (T5)."""
    return audience in (chat, OPEN)


@dataclass(frozen=True, kw_only=True, slots=True)
class Telling:
    """`key` comes from the event that caused it: owed twice it is owed once. `data` holds ids and codes only."""

    kind: str
    subject: int  # the case, for example
    recipient: int  # a person, or a group
    address: int  # where that is heard
    key: str
    lane: Lane = Lane.REPLY
    data: dict[str, Any] = field(default_factory=dict)
    not_before: datetime | None = None
    silent: bool = False
    audience: str | None = None  # none: one person alone
    row: int | None = None  # the id of the message owed, where the office has to find it again
    replaces: int | None = None  # an earlier message that this one takes the place of
    timeless: bool = False  # its row is not to tell when it was owed: an id by chance, and `not_before` for its moment


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipient:
    """One of many: `id` is what the message will be known by, in the outbox and in the office's own list."""

    id: int
    person: int
    address: int
    channel: str
    language: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Letters:
    """The same words for many people: rendered once a language, owed to each under `key` and their person."""

    kind: str
    subject: int
    key: str
    recipients: Sequence[Recipient]
