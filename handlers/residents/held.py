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
        stored = [{"said": msgspec.to_builtins(both), "message": first["message"], "own": _own(first)}, *rest]
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
    """An edit of a message that still waits: the new words take the place of the old ones, and of no others."""
    stored: list[dict[str, Any]] = ctx.memory.get("held", [])
    item = next((item for item in stored if item["message"] == message), None)
    if item is None:
        return False
    changed = {**item["said"], "text": with_changed(item["said"].get("text", ""), _own(item), words)}
    after = [changed if one is item else one["said"] for one in stored]
    if not _has_room(merged([msgspec.convert(one, Said) for one in after])):
        raise Invalid("held.full")
    item |= {"said": changed, "own": words}
    return True


def with_changed(text: str, old: str, new: str) -> str:
    """One message's own words changed, once: a short one may stand in many places. Messages are joined by lines."""
    if not old:
        return f"{new}\n{text}".strip()
    at = f"\n{text}\n".find(f"\n{old}\n")
    at = at if at >= 0 else text.index(old)
    return text[:at] + new + text[at + len(old) :]


def _own(item: dict[str, Any]) -> str:
    """The words of the message by whose id it is found: others may have joined it."""
    own: str = item.get("own", item["said"].get("text", ""))
    return own


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
