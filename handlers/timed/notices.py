"""The moments of a notice: asking once more, the start, the next slice, the figures."""

from bot.dialogue.event import Due
from handlers.context import RESIDENTS, Ctx, Router

router = Router("notices on their way", who=RESIDENTS)


@router.timed("notice.ring")
def ring(ctx: Ctx, due: Due) -> None:
    ctx.office.notices.ring(due.subject)


@router.timed("notice.start")
def start(ctx: Ctx, due: Due) -> None:
    ctx.office.notices.start(due.subject)


@router.timed("notice.slice")
def fill(ctx: Ctx, due: Due) -> None:
    ctx.office.notices.slice(due.subject)


@router.timed("notice.tick")
def tick(ctx: Ctx, due: Due) -> None:
    ctx.office.notices.tick(due.subject)
