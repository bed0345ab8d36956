"""Many matters of one person on one day: each is registered like the first; from some number on a person is offered.

The count stands in the talk, by the day, and nowhere else: nobody can look it up. Anonymous matters are not in it.
"""

from bot.dialogue.screen import Button
from bot.words import Message, _
from handlers.context import Ctx

KEPT = "registered_on"


def note(ctx: Ctx) -> None:
    """One more was registered."""
    ctx.memory[KEPT] = [_today(ctx), _count(ctx) + 1]


def is_over(ctx: Ctx) -> bool:
    return _count(ctx) >= ctx.office.house.means.bounds.matters_a_day


def words(ctx: Ctx) -> Message:
    return _(
        "You have registered {count} matters today; this one is registered too if you press. If it belongs to one of "
        "them, add it there. If there is a lot, a person will gladly listen.",
        count=_count(ctx),
    )


def button(ctx: Ctx) -> Button:
    return ctx.button(_("A person"), "human")


def _count(ctx: Ctx) -> int:
    day, count = ctx.memory.get(KEPT) or ("", 0)
    return int(count) if day == _today(ctx) else 0


def _today(ctx: Ctx) -> str:
    return ctx.now.astimezone(ctx.office.house.zone).date().isoformat()
