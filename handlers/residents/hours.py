"""When the office is open, by its own calendar: holidays and worked weekends count, whatever a page says (M12)."""

from datetime import datetime

from bot.dialogue.screen import Screen
from bot.text import Text, join
from bot.words import Message, _
from handlers.context import RESIDENTS, Ctx, Router, dated

router = Router("hours", who=RESIDENTS)


@router.command("hours", about=_("Opening hours"))
def hours(ctx: Ctx, _rest: str) -> Screen:
    return opening_hours(ctx)


@router.action("hours")
def opening_hours(ctx: Ctx) -> Screen:
    """Open or not, until when, and when next; a question alone, so nothing is kept and no consent is asked."""
    calendar = ctx.office.calendar
    closes = calendar.open_until(ctx.now)
    opens = _dated(ctx, calendar.next_opening(closes or ctx.now))
    lines: list[Message | Text] = []
    if calendar.is_swapped(ctx.now):
        lines.append(_("Today is worked in place of a day off (调休)."))
    if closes is not None:
        lines += [_("We are open now, until {hour}.", hour=closes.astimezone(calendar.zone).time()),
                  _("After that we open again: {opening}.", opening=opens)]  # fmt: skip
    else:
        lines.append(_("We are closed just now. We open again: {opening}.", opening=opens))
        if ctx.office.duty_phone:
            lines.append(_("Urgent? The duty desk is at {phone}.", phone=ctx.office.duty_phone))
    lines.append(_("You can write to me at any hour; somebody reads it once we are open."))
    return ctx.screen(join(ctx.say(line) for line in lines))


def _dated(ctx: Ctx, moment: datetime) -> Message:
    return dated(moment, provisional=ctx.office.calendar.is_provisional(moment))
