"""What somebody said before it could be dealt with, as plain data in the chat's sealed memory."""

from typing import Any

import msgspec

from bot.dialogue.event import Said
from bot.dialogue.form import MOST_FILES
from bot.errors import Invalid
from handlers.context import Ctx

AT_MOST = 10
MOST_WORDS = 20_000  # characters of all of it: every further message has to be read with them


def keep(ctx: Ctx, said: Said) -> None:
    """One more message; many are joined at the front, and none is dropped without a word."""
    before = look(ctx)
    if before is not None and not _has_room(merged([before, said])):
        raise Invalid("held.full")
    stored = [*ctx.memory.get("held", []), {"said": msgspec.to_builtins(said), "message": ctx.event.message}]
    while len(stored) > AT_MOST:
        first, second, *rest = stored
        both = merged([msgspec.convert(item["said"], Said) for item in (first, second)])
        stored = [{"said": msgspec.to_builtins(both), "message": first["message"]}, *rest]
    ctx.memory["held"] = stored


def look(ctx: Ctx) -> Said | None:
    """What is kept, and stays so."""
    stored = ctx.memory.get("held", [])
    return merged([msgspec.convert(item["said"], Said) for item in stored]) if stored else None


def take(ctx: Ctx) -> Said | None:
    """What was kept, as if just said; it is gone from the memory, and later edits of its first message find it."""
    stored: list[dict[str, Any]] = ctx.memory.pop("held", [])
    if not stored:
        return None
    ctx.event = msgspec.structs.replace(ctx.event, message=stored[0]["message"])
    return merged([msgspec.convert(item["said"], Said) for item in stored])


def drop(ctx: Ctx) -> bool:
    """Forgets what was kept; whether there was anything."""
    return bool(ctx.memory.pop("held", []))


def change(ctx: Ctx, message: str, words: str) -> bool:
    """An edit of a message that still waits: the new words take the place of the old ones."""
    stored: list[dict[str, Any]] = ctx.memory.get("held", [])
    for item in stored:
        if item["message"] == message:
            item["said"] = {**item["said"], "text": words}
            return True
    return False


def _has_room(said: Said) -> bool:
    return len(said.text) <= MOST_WORDS and len(said.files) <= MOST_FILES


def merged(messages: list[Said]) -> Said:
    """Several messages as one, in their order."""
    return Said(
        text="\n".join(said.text for said in messages if said.text),
        files=tuple(file for said in messages for file in said.files),
        spot=next((said.spot for said in reversed(messages) if said.spot), None),
        phone=next((said.phone for said in reversed(messages) if said.phone), None),
    )
