"""Reminders of dates: the day's one message, for whoever has not had it this morning (M38)."""

from bot.dialogue.event import Due
from handlers.context import RESIDENTS, Ctx, Router

router = Router("reminders", who=RESIDENTS)


@router.timed("case.before")
def before(ctx: Ctx, due: Due) -> None:
    """9:00 on the working day before."""
    ctx.office.cases.remind(due.subject, over=False)


@router.timed("case.due")
def on_the_day(ctx: Ctx, due: Due) -> None:
    """9:00 on the day itself."""
    ctx.office.cases.remind(due.subject, over=False)


@router.timed("case.over")
def over(ctx: Ctx, due: Due) -> None:
    """The next opening after the date: the head hears of it, and so does the owner."""
    ctx.office.cases.remind(due.subject, over=True)


@router.timed("case.verdict")
def verdict(ctx: Ctx, due: Due) -> None:
    """The morning of the day by which the resident hears whether it is done again."""
    ctx.office.cases.remind_verdict(due.subject, due.data.get("round", 0))


@router.timed("case.lost")
def lost(ctx: Ctx, due: Due) -> None:
    """A message about a case will never arrive."""
    ctx.office.cases.undelivered(due.subject, due.data.get("row", 0))
