"""What somebody said before it could be dealt with, as plain data in the chat's sealed memory."""

from typing import Any

import msgspec

from bot.dialogue.event import Said
from handlers.context import Ctx

AT_MOST = 10


def keep(ctx: Ctx, said: Said) -> None:
    ctx.memory.setdefault("held", [])
    ctx.memory["held"] = [*ctx.memory["held"], msgspec.to_builtins(said)][-AT_MOST:]


def take(ctx: Ctx) -> list[Said]:
    """What was kept; it is gone from the memory."""
    stored: list[Any] = ctx.memory.pop("held", [])
    return [msgspec.convert(item, Said) for item in stored]


def merged(messages: list[Said]) -> Said:
    """Several messages as one, in their order."""
    return Said(
        text="\n".join(said.text for said in messages if said.text),
        files=tuple(file for said in messages for file in said.files),
        spot=next((said.spot for said in reversed(messages) if said.spot), None),
    )
