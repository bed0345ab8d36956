"""A command's own word with what it is about behind it (“待办 超期”, “转办 7K3M-9QX1”), as colleagues write."""

import re

from bot.dialogue.context import Screens
from bot.dialogue.event import Said
from bot.dialogue.router import ANYONE
from bot.office.cases.number import find_numbers
from handlers.context import WORKERS, Ctx, Router
from handlers.officials.queue import filter_of

router = Router("spoken", who=WORKERS)

WITH_WORDS = frozenset(("tell", "ask", "answer", "close", "note", "contacted", "name"))  # shown first, or unseen
WITH_NUMBER = frozenset(("take", "case", "transfer", "redo", "keep", "subject", "recuse"))
_MONTH = re.compile(r"(?:\d{4}\D)?\s*\d{1,2}\s*月?")


@router.hook("said")
def spoken(ctx: Ctx, said: Said) -> Screens:
    """Only where it can mean nothing else; anything longer is content."""
    word, _space, rest = said.text.strip().partition(" ")
    rest = rest.strip()
    if not ctx.person.is_official or said.foreign or not rest:
        return None
    name = ctx.office.house.read_command(word, True) or ""
    route = ctx.router.commands.get(name)
    if route is None or ANYONE in route.roles or not route.admits(ctx.roles) or not _fits(name, rest):
        return None
    screens: Screens = route.handler(ctx, rest)
    return screens


def _fits(name: str, rest: str) -> bool:
    if name == "queue":
        return filter_of(rest) is not None
    if name == "stats":
        return _MONTH.fullmatch(rest) is not None
    return name in WITH_WORDS or (name in WITH_NUMBER and bool(find_numbers(rest)))
