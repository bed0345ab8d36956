"""Passing a case to another department: a reason first, theirs only once they accept it."""

from bot.dialogue.context import Screens
from bot.dialogue.event import Said
from bot.dialogue.screen import Screen
from bot.errors import NotFound
from bot.telling import Telling
from bot.text import join
from bot.words import _
from handlers.context import WORKERS, Ctx, Router, called, promised, split_number
from handlers.officials.queue import number_for, pushed

router = Router("passing", who=WORKERS)


@router.command("transfer", about=_("Pass a case on"))
def transfer_command(ctx: Ctx, rest: str) -> Screens:
    """`/transfer N`, `/transfer N department reason`."""
    number, words = split_number(rest)
    number = number or number_for(ctx, rest)
    slug, _space, reason = words.partition(" ")
    department = ctx.office.departments.named(slug) if slug else None
    if department is None:
        return choose(ctx, number)
    return _offer(ctx, number, department, reason) if reason.strip() else ask_reason(ctx, number, department)


@router.action("case.pass")
def choose(ctx: Ctx, number: str) -> Screen:
    case = ctx.office.cases.offerable(number, by=ctx.person)
    ctx.subject = case.id
    departments = ctx.office.departments
    rows = [
        [ctx.button(departments.name(slug, ctx.say.language), "case.passto", case.number, slug)]
        for slug in departments.slugs
        if slug != case.department
    ]
    return ctx.screen(join([ctx.say(_("To whom should this go?")), called(case)]), *rows)


@router.action("case.passto")
def ask_reason(ctx: Ctx, number: str, department: str) -> Screen:
    if department not in ctx.office.departments.slugs:
        raise NotFound("department")
    case = ctx.office.cases.offerable(number, by=ctx.person, to=department)
    ctx.expect({"pass": {"number": case.number, "department": department}})
    ctx.subject = case.id
    name = ctx.office.departments.name(department, ctx.say.language)
    return ctx.screen(
        _("Why does it belong to {department}? One sentence for the colleagues there. "
          "Until they accept it, it stays where it is and the date runs on.", department=name),
        [ctx.button(_("Leave it"), "write.drop")],
    )  # fmt: skip


@router.action("case.decline")
def ask_decline(ctx: Ctx, number: str) -> Screen:
    case = ctx.office.cases.at_work(number, ctx.person)
    ctx.expect({"decline": {"number": case.number}})
    ctx.subject = case.id
    return ctx.screen(
        _("Why does it not belong to you? The colleague who has it reads this."),
        [ctx.button(_("Leave it"), "write.drop")],
    )


@router.hook("said")
def reasoned(ctx: Ctx, said: Said) -> Screens:
    """The reason that was waited for."""
    if not said.text or not ctx.person.is_official:
        return None
    if (passing := ctx.expected("pass")) is not None:
        return _offer(ctx, passing["number"], passing["department"], said.text)
    if (declining := ctx.expected("decline")) is not None:
        case = ctx.office.cases.decline(declining["number"], said.text, by=ctx.person)
        return ctx.screen(_("Number {number} goes back; the colleague reads your reason.", number=case.number))
    return None


def _offer(ctx: Ctx, number: str, department: str, reason: str) -> Screen:
    case = ctx.office.cases.offer(number, department, reason, by=ctx.person)
    name = ctx.office.departments.name(department, ctx.say.language)
    if case.owner is None:
        return ctx.screen(_("Number {number} is now with {department}.", number=case.number, department=name))
    return ctx.screen(
        _("Offered to {department}. Number {number} is yours until they accept it.",
          number=case.number, department=name)
    )  # fmt: skip


@router.telling("case.offered")
def tell_offered(ctx: Ctx, telling: Telling) -> Screen | None:
    return pushed(ctx, telling, _("Passed to you"))


@router.telling("case.declined")
def tell_declined(ctx: Ctx, telling: Telling) -> Screen | None:
    return pushed(ctx, telling, _("Not accepted, with the reason below; it stays yours"))


@router.telling("case.released")
def tell_released(ctx: Ctx, telling: Telling) -> Screen | None:
    return pushed(ctx, telling, _("Without an owner: a colleague has left"))


@router.telling("case.passed")
def tell_passed(ctx: Ctx, telling: Telling) -> Screen:
    """To whoever gave it; they may not be able to read it any more, so the number is all that is said."""
    accepted = _("{number}, which you passed on, has been accepted: no longer yours.", number=telling.data["number"])
    return ctx.screen(accepted)


@router.telling("case.moved")
def tell_moved(ctx: Ctx, telling: Telling) -> Screen | None:
    """To the resident: who has it now does not change the date."""
    case = ctx.office.cases.readable(telling.subject, ctx.person)
    if case is None:
        return None
    words = _("Someone else deals with it now; the date stands: {due}.", due=promised(case))
    return ctx.screen(join([called(case), ctx.say(words)]), silent=telling.silent)
