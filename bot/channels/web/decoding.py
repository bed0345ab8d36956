"""From what a page sent to an Event, by way of the inbox. It never asks anybody."""

from datetime import datetime

import msgspec
from msgspec import Struct

from bot.channels.web.wire import Doing, File, Press, Say, Start
from bot.dialogue.event import Event, FileRef, Linked, Pressed, Said, Spot, What, Who
from bot.errors import Undecodable
from bot.text import storable


class _Stored(Struct, frozen=True):
    """What lies in the inbox: the page's own words, and what the server knows about them."""

    chat: str
    lang: str
    at: datetime
    doing: Doing


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Stored).decode


def wrap(doing: Doing, *, chat: str, lang: str, at: datetime) -> bytes:
    return _encode(_Stored(chat, lang, at, doing))


def decode(body: bytes) -> Event:
    """The event in a stored message; raises Undecodable."""
    try:
        stored = _decode(body)
    except (ValueError, RecursionError) as error:
        raise Undecodable(type(error).__name__) from None
    who = Who(stored.chat, stored.chat, stored.lang or None)
    message = stored.doing.message if isinstance(stored.doing, Press) else stored.doing.id
    return Event(_what(stored.doing), stored.at, who, message)


def _what(doing: Doing) -> What:
    match doing:
        case Say():
            spot = Spot(doing.spot.latitude, doing.spot.longitude) if doing.spot else None
            files = tuple(_file(file) for file in doing.files if file.ref)
            return Said(text=storable(doing.text), files=files, spot=spot, reply_to=doing.reply)
        case Press():
            return Pressed(storable(doing.action), doing.id)
        case Start():
            return Linked(storable(doing.code))


def _file(file: File) -> FileRef:
    return FileRef(
        file.kind,
        file.ref or "",
        size=file.size or None,
        name=storable(file.name) or None,
        mime=storable(file.mime) or None,
        seconds=file.seconds or None,
    )
