"""One thing that happened: what a channel, a timer or a job hands to the dialogue. It never acts."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct


class FileKind(StrEnum):
    PHOTO = "photo"
    VOICE = "voice"
    VIDEO = "video"
    DOCUMENT = "document"


class FileRef(Struct, frozen=True):
    """A file that still lies with its platform; `ref` is the platform's handle for fetching it."""

    kind: FileKind
    ref: str
    size: int | None = None  # bytes
    name: str | None = None
    mime: str | None = None
    seconds: int | None = None  # of a voice note or film


class Spot(Struct, frozen=True):
    """A place that somebody sent as a point on the map, in degrees."""

    latitude: float
    longitude: float
    title: str | None = None


class Said(Struct, frozen=True, tag=True):
    """Words, files, a place or a phone number, in one message."""

    text: str = ""
    files: tuple[FileRef, ...] = ()
    spot: Spot | None = None
    phone: str | None = None
    reply_to: str | None = None  # the channel's id of the message it quotes
    album: str | None = None  # messages of one album share it
    edited: bool = False  # a further version of the message `message`
    sticker: bool = False
    foreign: bool = False  # forwarded, or by another bot: never a command, whatever it looks like


class Pressed(Struct, frozen=True, tag=True):
    """A button: its encoded action, as it came back. Nothing about it is trusted."""

    action: str
    press: str  # the channel's id for answering the press


class Linked(Struct, frozen=True, tag=True):
    """Somebody came by a deep link, or typed /start with a code."""

    code: str = ""


class Blocked(Struct, frozen=True, tag=True):
    """The person blocked the bot, or left."""


class Unblocked(Struct, frozen=True, tag=True):
    """The person can be reached again."""


class Standing(StrEnum):
    """What the bot is in a group."""

    MEMBER = "member"
    ADMINISTRATOR = "administrator"  # hears everything that is said there
    SILENCED = "silenced"
    OUT = "out"


class Membership(Struct, frozen=True, tag=True):
    """Somebody changed what the bot is in a group: taken in, promoted, put out."""

    standing: Standing


class Moved(Struct, frozen=True, tag=True):
    """A group goes on under another id; the platform says so in both."""

    before: str
    now: str


class Flooded(Struct, frozen=True, tag=True):
    """The chat sent more than the limit: what it was is not heard, but the person is told."""


class Ignored(Struct, frozen=True, tag=True):
    """An update of a kind nobody asked for; done as soon as read."""

    kind: str


class Due(Struct, frozen=True, tag=True):
    """A timer came due. `late` is how late, in seconds."""

    kind: str
    subject: int
    data: dict[str, Any]
    due_at: datetime
    late: float = 0.0


class Finished(Struct, frozen=True, tag=True):
    """A job's result."""

    kind: str
    subject: int
    result: dict[str, Any]


What = Said | Pressed | Linked | Blocked | Unblocked | Membership | Moved | Flooded | Ignored | Due | Finished


class Who(Struct, frozen=True):
    """Who it came from, in the platform's terms; never stored in clear. A `user` has a private chat of the same id."""

    chat: str
    user: str
    language: str | None = None
    private: bool = True


class Event(Struct, frozen=True):
    """`happened_at` is the platform's time in UTC; `message` the platform's id of the message, if it is one."""

    what: What
    happened_at: datetime
    who: Who | None = None  # none for timers and jobs
    message: str | None = None
