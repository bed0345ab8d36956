"""The morning's message: one for each official with something in hand, with what is urgent first (M38)."""

from bot.dialogue.event import Due
from bot.dialogue.screen import Screen
from bot.office.cases.day import LATEST, Load
from bot.telling import Telling
from bot.text import Text, join
from bot.words import _, _n
from handlers.context import RESIDENTS, Ctx, Router, in_a_row

router = Router("digest", who=RESIDENTS)


@router.timed("day.digest")
def digest(ctx: Ctx, _due: Due) -> None:
    """When the office opens on a working day; later on the same morning if it could not be sent then."""
    ctx.office.cases.tell_day()


@router.telling("day")
def tell_day(ctx: Ctx, _telling: Telling) -> Screen | None:
    load = ctx.office.cases.load(ctx.person)
    beyond = load.in_sight - load.overdue  # a head's own are told already
    if not ctx.person.works_on_cases or not (load.total or load.in_sight):
        return None
    here = ctx.now.astimezone(ctx.office.calendar.zone).time()
    greeting = _("Good morning.") if here < LATEST else _("Hello.")
    lines = [in_a_row(ctx, [ctx.say(greeting), *([_in_hand(ctx, load)] if load.total else [])])]
    if load.unowned:
        lines.append(ctx.say(_("Nobody has taken {count} of them yet.", count=load.unowned)))
    if beyond > 0:
        lines.append(ctx.say(_("Overdue in all that you answer for: {count}.", count=load.in_sight)))
    urgent = [ctx.button(_("The urgent first ({count})", count=load.urgent), "day.urgent")] if load.urgent else []
    overdue = [ctx.button(_("Overdue ({count})", count=load.in_sight), "queue.only", "overdue")] if beyond > 0 else []
    return ctx.screen(join(lines), [*urgent, ctx.button(_("All"), "queue")], overdue)


def _in_hand(ctx: Ctx, load: Load) -> Text:
    """How many, and how they stand; what there is none of is left out."""
    if load.rest == load.total:
        return ctx.say(_n("You have {count} case in hand; it is not due yet.",
                          "You have {count} cases in hand; none is due yet.", count=load.total))  # fmt: skip
    parts = [
        (_("overdue {count}"), load.overdue),
        (_("due today {count}"), load.today),
        (_("due on the next working day {count}"), load.tomorrow),
        (_("waiting for the resident {count}"), load.waiting),
        (_("the other {count} are not due yet"), load.rest),
    ]
    first, *others = [ctx.say(words(count=count)) for words, count in parts if count]
    for other in others:
        first = ctx.say(_("{first}, {second}", first=first, second=other))
    return ctx.say(_("You have {total} in hand: {parts}.", total=load.total, parts=first))
