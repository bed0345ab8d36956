"""Words of danger to oneself, or of being threatened over a complaint: a person hears of it at once, if they agree.

What to do and whom to call is said first, by the emergency texts. Nothing is told to anybody unasked, and no mark
stays on the person: without a press the words go with the next tidying.
"""

from datetime import timedelta

from bot.dialogue.context import Screens
from bot.dialogue.event import Said
from bot.dialogue.screen import Button
from bot.office.cases.model import Kind, Privacy
from bot.office.cases.service import Matter
from bot.text import join
from bot.words import _
from handlers.context import RESIDENTS, Ctx, Router, my_cases_button
from handlers.residents import consent, tidy

router = Router("danger", who=RESIDENTS)

OFFERED_FOR = timedelta(hours=1)
SELF_HARM, THREAT = "self_harm", "threat"


@router.hook("danger")
def offers(ctx: Ctx, topic: str, said: Said) -> list[list[Button]]:
    """Who can be told; the words wait an hour for the press."""
    if topic not in (SELF_HARM, THREAT):
        return []
    if topic == THREAT:
        if tidy.READING in ctx.memory:
            return [[ctx.button(_("Tell the supervisor now"), "sealed.harassed")]]
        own = next((case for case in ctx.office.cases.open_of(ctx.person) if case.sealed), None)
        if own is not None:
            return [[ctx.button(_("Tell the supervisor now"), "sealed.hard", own.number)]]
    ends = (ctx.now + OFFERED_FOR).timestamp()
    ctx.memory["alarm"] = {"topic": topic, "words": said.text, "until": ends}
    label = _("Tell the supervisor now") if topic == THREAT else _("Let somebody here contact me")
    return [[ctx.button(label, "danger.call")]]


@router.action("danger.call", by_yes=False)
def call(ctx: Ctx) -> Screens:
    """They agree that somebody hears of it, and who it is: registered, and told now, whatever the hour."""
    held = ctx.memory.get("alarm", {})
    if held.get("until", 0.0) < ctx.now.timestamp():
        ctx.memory.pop("alarm", None)
        return ctx.screen(_("If you want somebody here to hear of it, please write it once more."))
    if not ctx.person.has_consented:
        return consent.first(ctx, "danger.call")
    ctx.memory.pop("alarm")
    is_threat = held["topic"] == THREAT
    case = ctx.office.cases.register(
        Matter(kind=Kind.REPORT if is_threat else Kind.HELP, words=held["words"], privacy=Privacy.CONFIDENTIAL
               if is_threat else Privacy.NAMED, about_staff=is_threat),
        by=ctx.person,
        said_at=ctx.event.happened_at,
    )  # fmt: skip
    is_heard = ctx.office.cases.raise_alarm(case)
    ctx.leave_form()
    ctx.subject = case.id
    words = _("Somebody here is told now and writes to you in this chat. Number {number}.", number=case.number)
    if not is_heard:
        words = _("It is registered, number {number}; but nobody is here who could see it now.", number=case.number)
    lines = [ctx.say(words), ctx.say(_("I cannot promise when they look. If you are in danger, call 110 or 120."))]
    if ctx.office.duty_phone:
        lines.append(ctx.say(_("Urgent? The duty desk is at {phone}.", phone=ctx.office.duty_phone)))
    return ctx.screen(join(lines), [my_cases_button(ctx)])
