"""Whether a case that its resident calls unsolved is done again: a supervisor or the head decides (M33)."""

from bot.dialogue.context import Screens
from bot.dialogue.screen import Screen
from bot.office.people.model import Role
from bot.words import _
from handlers.context import WORKERS, Ctx, Router
from handlers.officials.queue import card, number_for, number_of
from handlers.officials.writing import typed, write

router = Router("deciding", who=WORKERS)

DECIDERS = (Role.SUPERVISOR, Role.HEAD)


@router.command("redo", who=DECIDERS, about=_("Do it again"))
def redo_command(ctx: Ctx, rest: str) -> Screen:
    """Without a number nothing is done: the card shown last has the button."""
    return redo(ctx, number_of(rest)) if rest else card(ctx, number_for(ctx, rest))


@router.action("case.redo", by_yes=False)
def redo(ctx: Ctx, number: str) -> Screen:
    case = ctx.office.cases.redo(number, by=ctx.person)
    return ctx.screen(_("Number {number} is reopened, due {due}. The resident is told.",
                        number=case.number, due=case.due_at))  # fmt: skip


@router.command("keep", who=DECIDERS, about=_("Leave it as it is"))
def keep_command(ctx: Ctx, rest: str) -> Screens:
    return typed(ctx, "keep", rest)


@router.action("write.keep")
def write_keep(ctx: Ctx, number: str) -> Screen:
    return write(ctx, "keep", number)
