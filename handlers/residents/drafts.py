"""A form left open: it waits for days, is recalled once, and then goes."""

from datetime import datetime, timedelta

from bot.dialogue.context import Screens, listed
from bot.dialogue.event import Due
from bot.words import _
from handlers.context import CATCHING_UP, RESIDENTS, Ctx, Router, missed_its_moment

RECALLED_AFTER = timedelta(hours=20)
KEPT = timedelta(days=7)
SET_ANEW_AFTER = timedelta(hours=1)  # who answers one question after another need not move two moments each time

router = Router("drafts", who=RESIDENTS)


def watch(ctx: Ctx, was_filling: bool) -> None:
    """After every event: an open form has its moments, set within the last hour; a finished one has none."""
    lane, what = ctx.arrival.lane, ctx.arrival.event.what
    if lane is None or (isinstance(what, Due) and what.kind.startswith("draft.")):
        return
    if (filling := ctx.conversation.filling) is not None:
        now = ctx.now.timestamp()
        if was_filling and 0 <= now - filling.watched < SET_ANEW_AFTER.total_seconds():
            return  # a clock that was set back leaves no moments in a time that is far away
        filling.watched = now
        if not filling.recalled:
            ctx.office.remember(f"draft:{lane}", "draft.recall", _awake(ctx, ctx.now + RECALLED_AFTER), lane=lane)
        ctx.office.remember(f"draft-end:{lane}", "draft.end", ctx.now + KEPT, lane=lane)
    elif was_filling:
        ctx.office.forget(f"draft:{lane}")
        ctx.office.forget(f"draft-end:{lane}")


@router.timed("draft.recall")
def recall(ctx: Ctx, _due: Due) -> Screens:
    """Once, and never at night."""
    filling = ctx.conversation.filling
    if filling is None or filling.recalled:
        return None
    if (morning := ctx.office.calendar.quiet_until(ctx.now)) is not None:  # it came late, out of a pause of ours
        ctx.office.remember(f"draft:{ctx.arrival.lane}", "draft.recall", morning, lane=ctx.arrival.lane)
        return None
    filling.recalled = True
    return ctx.screen(
        _("You began something here and it is not registered yet. It waits for a few days."),
        [ctx.button(_("Go on"), "draft.go"), ctx.button(_("Never mind"), "draft.drop")],
    )


@router.timed("draft.end")
def end(ctx: Ctx, due: Due) -> None:
    if missed_its_moment(due):
        ctx.office.remember(f"draft-end:{ctx.arrival.lane}", "draft.end", ctx.now + CATCHING_UP, lane=ctx.arrival.lane)
        return
    ctx.leave_form()
    ctx.memory.pop("lately", None)  # its words, kept for the case that they are changed


@router.action("draft.go")
def go_on(ctx: Ctx) -> Screens:
    return ctx.ask()


@router.action("draft.drop", by_yes=False)
def drop(ctx: Ctx) -> Screens:
    """The same as “cancel”, with what is promised there of a complaint about staff and of what else was said."""
    left = (hook(ctx) for hook in ctx.router.hooks["cancel form"])
    return next((listed(screens) for screens in left if screens is not None), None)


def _awake(ctx: Ctx, moment: datetime) -> datetime:
    return ctx.office.calendar.quiet_until(moment) or moment
