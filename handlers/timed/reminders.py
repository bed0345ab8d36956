"""Reminders of dates: one message per official and slot, whatever falls due in it (M38)."""

from bot.dialogue.event import Due
from bot.dialogue.screen import Screen
from bot.telling import Telling
from bot.text import Text, join
from bot.words import _
from handlers.context import RESIDENTS, Ctx, Router, called

router = Router("reminders", who=RESIDENTS)


@router.timed("case.before")
def before(ctx: Ctx, due: Due) -> None:
    """9:00 on the working day before."""
    ctx.office.cases.remind(due.subject, "cases.due")


@router.timed("case.due")
def on_the_day(ctx: Ctx, due: Due) -> None:
    """9:00 on the day itself."""
    ctx.office.cases.remind(due.subject, "cases.due")


@router.timed("case.over")
def over(ctx: Ctx, due: Due) -> None:
    """The next opening after the date: the head hears of it, and so does the owner."""
    ctx.office.cases.remind(due.subject, "cases.over")


@router.timed("case.verdict")
def verdict(ctx: Ctx, due: Due) -> None:
    """The morning of the day by which the resident hears whether it is done again."""
    ctx.office.cases.remind_verdict(due.subject, due.data.get("round", 0))


@router.timed("case.lost")
def lost(ctx: Ctx, due: Due) -> None:
    """A message about a case will never arrive."""
    ctx.office.cases.undelivered(due.subject, due.data.get("row", 0))


@router.telling("cases.due")
@router.telling("cases.over")
def tell_due(ctx: Ctx, telling: Telling) -> Screen | None:
    """Everything of this official that is overdue or falls due, in one message."""
    cases = ctx.office.cases.due_for(ctx.person)
    if telling.kind == "cases.over":
        cases = ctx.office.cases.overdue_for(ctx.person)
    if not cases:
        return None
    overdue = sum(case.is_overdue(ctx.now) for case in cases)
    lines = [ctx.say(_("{overdue} overdue, {soon} due by the end of the next working day:",
                       overdue=overdue, soon=len(cases) - overdue))]  # fmt: skip
    for number, case in enumerate(cases[:10], 1):
        words = (
            _("overdue since {due}", due=case.due_at) if case.is_overdue(ctx.now) else _("due {due}", due=case.due_at)
        )
        lines.append(Text() + f"{number} {case.number} " + called(case) + " " + ctx.say(words))
    rows = [[ctx.button(f"{number} {case.number}", "case.card", case.number)]
            for number, case in enumerate(cases[:10], 1)]  # fmt: skip
    return ctx.screen(join(lines), *rows)
