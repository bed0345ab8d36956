"""Someone must hear of something: written by the office, rendered by a handler, owed by the dispatcher."""

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Telling:
    """`key` comes from the event that caused it: owed twice it is owed once. `data` holds ids and codes only."""

    kind: str
    subject: int  # the case, for example
    recipient: int  # a person
    address: int  # where that person hears it
    key: str
    lane: Lane = Lane.REPLY
    data: dict[str, Any] = field(default_factory=dict)
    not_before: datetime | None = None
    silent: bool = False
    timeless: bool = False  # its row is not to tell when it was owed: an id by chance, and `not_before` for its moment
