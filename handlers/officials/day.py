"""The day's urgent cases, one card after another: each with all that can be done about it."""

from bot.dialogue.context import Screens
from bot.dialogue.screen import Screen
from bot.errors import NotFound
from bot.office.cases.model import Case, Privacy
from bot.text import Text, join, quote
from bot.words import Message, _, _n
from handlers.context import KINDS, WORKERS, Ctx, Router, in_a_row

router = Router("day", who=WORKERS)


@router.action("day.urgent")
def urgent(ctx: Ctx) -> Screen:
    """The walk begins: what is urgent now, in the order of its dates."""
    ctx.memory["walk"] = [case.number for case in ctx.office.cases.urgent(ctx.person)]
    return _next(ctx, "") or ctx.screen(_("Nothing is urgent just now."), [ctx.button(_("To do"), "queue")])


@router.action("day.next")
def onward(ctx: Ctx, number: str = "") -> Screens:
    return _next(ctx, number) or _over(ctx)


def after(ctx: Ctx, case: Case, done: Screen) -> Screen:
    """What was just done, and with it the next card, if this case was one of the walk."""
    if case.number not in ctx.memory.get("walk", ()):
        return done
    following = _next(ctx, case.number) or _over(ctx)
    return Screen(join([done.text, following.text]), following.rows)


def _next(ctx: Ctx, number: str) -> Screen | None:
    """The card behind this one; what is over or somebody else's by now is passed by."""
    walk: list[str] = ctx.memory.get("walk", [])
    start = walk.index(number) + 1 if number in walk else 0
    for position, wanted in enumerate(walk[start:], start + 1):
        try:
            case = ctx.office.cases.at_work(wanted, ctx.person)
        except NotFound:
            continue
        if case.is_open and case.owner in (None, ctx.person.id):
            return _card(ctx, case, position, len(walk))
    return None


def _over(ctx: Ctx) -> Screen:
    ctx.memory.pop("walk", None)
    return ctx.screen(_("That was the last of the urgent ones."), [ctx.button(_("To do"), "queue")])


def _card(ctx: Ctx, case: Case, position: int, count: int) -> Screen:
    ctx.subject = case.id
    facts: list[Text | Message] = [_due(ctx, case), Text() + case.number, KINDS[case.kind]]
    if case.place:
        facts.append(quote(case.place))
    lines = [Text() + f"{position}/{count} " + join([ctx.say(fact) for fact in facts], "　")]
    if case.title:
        lines.append(quote(case.title))
    remarks: list[Message] = []
    if case.privacy is not Privacy.NAMED:
        remarks.append(_("Confidential: I pass your messages on."))
    if case.owner is None:
        remarks.append(_("Nobody has it yet."))
    if case.first_contact_at is None:
        remarks.append(_("The resident has not heard from anybody yet."))
    if remarks:
        lines.append(in_a_row(ctx, [ctx.say(remark) for remark in remarks]))
    return ctx.screen(
        join(lines),
        [ctx.button(_("Reply to them"), "write.reply", case.number),
         ctx.button(_("Ask the resident"), "write.ask", case.number)],
        [ctx.button(_("Hand on"), "case.pass", case.number), ctx.button(_("Note"), "write.note", case.number)],
        [ctx.button(_("Next"), "day.next", case.number)],
    )  # fmt: skip


def _due(ctx: Ctx, case: Case) -> Message:
    zone = ctx.office.calendar.zone
    days = (ctx.now.astimezone(zone).date() - case.due_at.astimezone(zone).date()).days
    if not case.is_overdue(ctx.now):
        return _("due today, {hour}", hour=case.due_at.astimezone(zone).time())
    if days < 1:
        return _("overdue since today")
    return _n("{count} day overdue", "{count} days overdue", count=days)
