"""What a page and the server tell each other, as JSON. Nothing that comes from a page is trusted."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from bot.dialogue.event import FileKind, Spot
from bot.dialogue.screen import Button
from bot.errors import Undecodable
from bot.text import Piece, mended

MOST_FRAME = 128 * 1024  # bytes of one message from a page

Id = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9-]{1,64}\Z")]
Ref = Annotated[str, Meta(pattern=r"\A[0-9a-f]{96}\Z")]
Place = Annotated[str, Meta(pattern=r"\A[0-9]{1,19}\Z")]
Degrees = Annotated[float, Meta(ge=-180, le=180)]


class File(Struct, frozen=True, omit_defaults=True):
    """A file in a message: one that was uploaded has a `ref`, one that the bot shows a `digest`."""

    kind: FileKind
    name: Annotated[str, Meta(max_length=200)] = ""
    mime: Annotated[str, Meta(max_length=100)] = ""
    size: Annotated[int, Meta(ge=0, le=1 << 31)] = 0
    seconds: Annotated[int, Meta(ge=0, le=86400)] = 0
    ref: Ref | None = None
    digest: str = ""


class Point(Struct, frozen=True):
    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Degrees


# --- from the page ---


class Hello(Struct, frozen=True, tag_field="t", tag="hello"):
    """The first word of every connection."""

    lang: Annotated[str, Meta(max_length=35)] = ""


class Say(Struct, frozen=True, tag_field="t", tag="say"):
    """What somebody wrote or sent. `label` is what their own page shows instead of a command."""

    id: Id
    text: Annotated[str, Meta(max_length=10_000)] = ""
    files: Annotated[tuple[File, ...], Meta(max_length=10)] = ()
    spot: Point | None = None
    reply: Id | None = None
    label: Annotated[str, Meta(max_length=200)] = ""


class Press(Struct, frozen=True, tag_field="t", tag="press"):
    id: Id
    message: Id
    action: Annotated[str, Meta(max_length=64)]


class Start(Struct, frozen=True, tag_field="t", tag="start"):
    """The page was opened for the first time, or by a link with a code."""

    id: Id
    code: Annotated[str, Meta(max_length=200)] = ""


class Seen(Struct, frozen=True, tag_field="t", tag="seen"):
    """The page shows this message now."""

    id: Id


class Before(Struct, frozen=True, tag_field="t", tag="before"):
    """Somebody wants to read on upwards."""

    pos: Place


class Ping(Struct, frozen=True, tag_field="t", tag="ping"):
    pass


Doing = Say | Press | Start
Frame = Hello | Say | Press | Start | Seen | Before | Ping

# --- to the page ---


class Bubble(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message as the page shows it. `pos` orders the messages of a chat: a number too large for JavaScript."""

    id: str
    pos: str
    mine: bool = False
    at: datetime
    text: tuple[Piece, ...] = ()
    rows: tuple[tuple[Button, ...], ...] = ()
    files: tuple[File, ...] = ()
    spot: Spot | None = None
    quotes: str | None = None
    prompt: bool = False
    lasting: tuple[tuple[str, ...], ...] = ()
    fleeting: bool = False  # shown once: the server does not have it any more, and the page keeps it while it is open
    chosen: str = ""  # the action of the button that was pressed last


class Welcome(Struct, frozen=True, tag_field="t", tag="welcome"):
    messages: list[Bubble]
    more: bool
    commands: tuple[tuple[str, str], ...] = ()


class Earlier(Struct, frozen=True, tag_field="t", tag="earlier"):
    messages: list[Bubble]
    more: bool


class Show(Struct, frozen=True, tag_field="t", tag="show"):
    """A new message, or another version of one that is there."""

    message: Bubble


class Taken(Struct, frozen=True, tag_field="t", tag="taken"):
    """What the page sent is safe here: it need not send it again."""

    id: str
    pos: str
    at: datetime


class Later(Struct, frozen=True, tag_field="t", tag="later"):
    """It could not be stored just now: send it again in a while."""

    id: str


class Answered(Struct, frozen=True, tag_field="t", tag="answered"):
    press: str
    toast: str = ""


class Chosen(Struct, frozen=True, tag_field="t", tag="chosen"):
    message: str
    action: str


class Cleared(Struct, frozen=True, tag_field="t", tag="cleared"):
    """The talk was deleted."""


class Pong(Struct, frozen=True, tag_field="t", tag="pong"):
    pass


Told = Welcome | Earlier | Show | Taken | Later | Answered | Chosen | Cleared | Pong

_encode = msgspec.json.Encoder().encode
_decode_frame: Callable[[str], Frame] = msgspec.json.Decoder(Frame).decode


def write(told: Told) -> str:
    return _encode(told).decode()


def read(data: str) -> Frame:
    """What a page said; raises Undecodable. Half a surrogate pair, which JavaScript lets through, is replaced."""
    try:
        return _decode_frame(data)
    except msgspec.ValidationError as error:
        raise Undecodable(str(error)) from None  # names the field, never the value
    except (ValueError, RecursionError):
        pass
    try:
        frame: Frame = msgspec.convert(mended(json.loads(data)), Frame)
        return frame
    except (ValueError, RecursionError) as error:
        raise Undecodable(type(error).__name__) from None


def place_of(words: str) -> int | None:
    """The place in the talk that an id stands for; ids that pages made stand for none."""
    number = int(words) if words.isascii() and words.isdigit() and len(words) < 20 else 0
    return number if 0 < number < 1 << 63 else None
