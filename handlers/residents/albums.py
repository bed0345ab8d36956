"""Photos sent together arrive one by one: they are gathered for a moment and heard as one message."""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from bot.dialogue.context import Screens
from bot.dialogue.event import Due, Event, Said
from bot.errors import Changed, OfficeError
from handlers.context import RESIDENTS, Ctx, Router
from handlers.excuses import excuse
from handlers.residents import held

TOGETHER = timedelta(seconds=1.5)  # the parts of an album follow each other within a second, with no mark at the end
KIND = "album.whole"

router = Router("albums", who=RESIDENTS)


@router.hook("part")
def part(ctx: Ctx, said: Said) -> Screens:
    """One photo of several; the others are waited for."""
    album = ctx.memory.get("album") or {
        "id": said.album,
        "message": ctx.event.message,
        "at": ctx.event.happened_at.isoformat(),
        "parts": [],
    }
    ctx.memory["album"] = {**album, "parts": [*album["parts"], msgspec.to_builtins(said)][-held.AT_MOST :]}
    ctx.office.remember(_key(ctx), KIND, ctx.now + TOGETHER, lane=ctx.arrival.lane)
    return []


@router.hook("before")
def whole_before(ctx: Ctx) -> Screens:
    """Something else is said: what was gathered comes first."""
    album, what = ctx.memory.get("album"), ctx.event.what
    if album is None or isinstance(what, Due):  # its own moment hears it; another one is no answer to anything
        return None
    if isinstance(what, Said) and what.album == album["id"]:
        return None
    ctx.office.forget(_key(ctx))
    return _heard(ctx)


@router.timed(KIND)
def whole(ctx: Ctx, _due: Due) -> Screens:
    """Nothing more has come."""
    return _heard(ctx) if "album" in ctx.memory else None


def _heard(ctx: Ctx) -> Screens:
    """The album as one message; it stands under the id of its first part."""
    album: dict[str, Any] = ctx.memory.pop("album")
    parts = [msgspec.convert(item, Said) for item in album["parts"]]
    first, said = parts[0], held.merged(parts)
    said = msgspec.structs.replace(said, reply_to=first.reply_to, foreign=any(item.foreign for item in parts))
    event, ctx.event = ctx.event, Event(said, datetime.fromisoformat(album["at"]), ctx.event.who, album["message"])
    try:
        return ctx.hear(said)
    except Changed:
        raise  # looked at once more, it may be possible
    except OfficeError as error:  # said here: else what comes after it would be undone with it, time after time
        return ctx.screen(excuse(error))
    finally:
        ctx.event = event


def change(ctx: Ctx, message: str, words: str) -> bool:
    """An edit of an album that is still being gathered: the new words take the place of the old ones."""
    album: dict[str, Any] = ctx.memory.get("album", {})
    if album.get("message") != message:
        return False
    first, *others = album["parts"]
    ctx.memory["album"] = {**album, "parts": [{**first, "text": words}, *others]}
    return True


def _key(ctx: Ctx) -> str:
    return f"album:{ctx.arrival.lane}"
