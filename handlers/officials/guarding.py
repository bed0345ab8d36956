"""What a supervisor does to protect a complaint about staff: name whom it is about, step back; and alarms."""

from bot.dialogue.context import Screens
from bot.dialogue.screen import Screen
from bot.office.people.model import Role, StandingGrant
from bot.telling import Telling
from bot.text import join
from bot.words import _
from handlers.context import MOST_LISTED, Ctx, Router, called, number_in
from handlers.officials.queue import number_of, pushed
from handlers.officials.roles import NAMES

router = Router("guarding", who=Role.SUPERVISOR)

AT_ONCE = 12  # people on one screen


@router.command("subject", about=_("Whom a complaint is about"))
def subject_command(ctx: Ctx, rest: str) -> Screens:
    return who(ctx, number_of(rest))


@router.action("sealed.who")
def who(ctx: Ctx, number: str, start: str = "0") -> Screens:
    """The people who work here, by what they do and since when: they have no names here."""
    case = ctx.office.cases.at_work(number, ctx.person)
    ctx.subject = case.id
    first = number_in(start, MOST_LISTED)
    grants = _others(ctx)
    shown = grants[first : first + AT_ONCE]
    rows = [[ctx.button(_what(ctx, grant), "sealed.name", case.number, grant.person)] for grant in shown]
    more = [ctx.button(_("More"), "sealed.who", case.number, first + AT_ONCE)] if grants[first + AT_ONCE :] else []
    words = _("Whom is it about? From then on it does not exist for that person: no list, no count, no message.")
    return ctx.screen(join([ctx.say(words), called(case)]), *rows, more,
                      [ctx.button(_("Nobody of these"), "case.card", case.number)])  # fmt: skip


@router.action("sealed.name", by_yes=False)
def name(ctx: Ctx, number: str, person: str) -> Screens:
    case = ctx.office.cases.name_subject(number, number_in(person), by=ctx.person)
    ctx.subject = case.id
    return ctx.screen(_("Noted. Number {number} does not exist for that person any more.", number=case.number),
                      [ctx.button(_("To do"), "queue")])  # fmt: skip


@router.command("recuse", about=_("Step back from a complaint"))
def recuse_command(ctx: Ctx, rest: str) -> Screens:
    return ask_recuse(ctx, number_of(rest))


@router.action("sealed.recuse", by_yes=False)
def ask_recuse(ctx: Ctx, number: str) -> Screens:
    case = ctx.office.cases.at_work(number, ctx.person)
    ctx.subject = case.id
    return ctx.screen(
        join([ctx.say(_("Step back from this? Another supervisor takes over, and you do not see it any more.")),
              called(case)]),
        [ctx.button(_("Yes, step back"), "sealed.recused", case.number),
         ctx.button(_("No, stay with it"), "case.card", case.number)],
    )  # fmt: skip


@router.action("sealed.recused", by_yes=False)
def recused(ctx: Ctx, number: str) -> Screens:
    case, goes_on = ctx.office.cases.recuse(number, _turned_away(ctx), by=ctx.person)
    words = _("Number {number} goes to another supervisor; you do not see it any more.", number=case.number)
    if not goes_on:
        words = _("You do not see number {number} any more. There is no other supervisor: the administrators hear that "
                  "one is needed, and whoever complained reads where else to turn.", number=case.number)  # fmt: skip
    return ctx.screen(words, [ctx.button(_("To do"), "queue")])


def _turned_away(ctx: Ctx) -> str:
    """For whoever complained, in the office's own language: nobody may know theirs."""
    say, phone = ctx.office.speak(ctx.office.house.language), ctx.office.outside_phone.strip()
    if phone:
        return say.plain(_("There is nobody here who may look into it just now. Please call {phone}.", phone=phone))
    return say.plain(_("There is nobody here who may look into it just now. Please turn to the discipline inspection "
                       "of the level above."))  # fmt: skip


@router.telling("case.alarm")
def tell_alarm(ctx: Ctx, telling: Telling) -> Screen | None:
    return pushed(
        ctx, telling, _("⚠️ Urgent: somebody may be in danger or is being put under pressure. Please look now")
    )


@router.telling("sealed.recused")
def tell_recused(ctx: Ctx, telling: Telling) -> Screen | None:
    return pushed(ctx, telling, _("Another supervisor has stepped back; please take it"))


@router.telling("sealed.nobody")
def tell_nobody(ctx: Ctx, telling: Telling) -> Screen | None:
    """To administrators: that there is one, and nothing of it."""
    if Role.ADMINISTRATOR not in ctx.person.roles:
        return None
    return ctx.screen(
        _("There is a complaint about staff that no supervisor here may read. Please invite one: /invite")
    )


def _others(ctx: Ctx) -> list[StandingGrant]:
    """One line a person, with the oldest of their roles; not oneself."""
    seen: dict[int, StandingGrant] = {}
    for grant in ctx.office.people.grants():
        if grant.person != ctx.person.id:
            seen.setdefault(grant.person, grant)
    return list(seen.values())


def _what(ctx: Ctx, grant: StandingGrant) -> str:
    where = ctx.office.departments.name(grant.department, ctx.say.language) or ctx.say.plain(_("The whole office"))
    since = ctx.say.day(grant.since)
    return ctx.say.plain(_("{role} · {where}, since {day}", role=NAMES[grant.role], where=where, day=since))
