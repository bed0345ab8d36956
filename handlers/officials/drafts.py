"""Previews that nobody has touched yet: they stay with the chat until they are sent, changed or dropped."""

import hashlib
from typing import TypedDict

from handlers.context import Ctx

MOST = 10


class Draft(TypedDict):
    """What would be sent; `way` is empty while it has not been said as what."""

    number: str
    words: str
    outcome: str
    way: str


def drafts(ctx: Ctx) -> dict[str, Draft]:
    """By case number, the newest last."""
    found: dict[str, Draft] = ctx.memory.setdefault("drafts", {})
    return found


def keep(ctx: Ctx, draft: Draft) -> str:
    """Keeps a draft; its mark goes with the buttons that send it."""
    found = drafts(ctx)
    found.pop(draft["number"], None)
    found[draft["number"]] = draft
    for number in [*found][:-MOST]:
        del found[number]
    ctx.memory["draft"] = draft["number"]
    return mark_of(draft)


def mark_of(draft: Draft) -> str:
    """Of what a preview showed: its words, and how the case is to end."""
    shown = f"{draft['words']}\0{draft['outcome']}"
    return hashlib.sha256(shown.encode("utf-8", "replace")).hexdigest()[:8]
