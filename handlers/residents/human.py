"""A person on request, at any point: a case at once, with what was said (N13)."""

import msgspec

from bot.dialogue.context import Screens, listed
from bot.dialogue.event import Said
from bot.dialogue.form import PHONE, TEXT, files_of
from bot.dialogue.screen import Screen
from bot.office.cases.model import Case, Privacy
from bot.office.cases.service import Matter
from bot.text import join
from bot.words import _
from handlers.context import (
    RESIDENTS,
    Ctx,
    Router,
    concerns_staff,
    just_registered,
    note_registered,
    plain_files,
    promised,
    said_with,
    source_of,
    words_of,
)
from handlers.residents import answers, consent, held, sealed

router = Router("human", who=RESIDENTS)


@router.command("human", about=_("A person"))
def human(ctx: Ctx, rest: str) -> Screens:
    return ask_person(ctx, said_with(ctx, rest))


@router.action("human")
def pressed_human(ctx: Ctx) -> Screens:
    return ask_person(ctx, Said())


def ask_person(ctx: Ctx, said: Said) -> Screens:
    """Opens a matter with what was said last; consent first, as for everything that is registered."""
    if (first := sealed.instead_of_a_person(ctx, said)) is not None:
        return first
    if not ctx.person.has_consented:
        if said.text or said.files:
            held.keep(ctx, said)
        return consent.first(ctx, "human")
    filling = ctx.conversation.filling
    settled = answers.known(filling.answers if filling is not None else {})
    said = held.merged([*_unfinished(ctx), said])
    phone, said = said.phone or "", msgspec.structs.replace(said, phone=None)
    words = words_of(said)
    if not (words or said.files or phone) and (case := just_registered(ctx, "human")) is not None:
        return _promise(ctx, case)
    settled["about_staff"] = settled["about_staff"] or concerns_staff(ctx, words)
    settled["sources"] = settled["sources"] or tuple(filter(None, (source_of(ctx),)))
    if settled["about_staff"]:
        settled["privacy"] = Privacy.CONFIDENTIAL
    case = ctx.office.cases.register(
        Matter(words=words or ctx.say.plain(_("I would like to speak to a person.")),
               files=plain_files(ctx, said.files), phone=phone if settled["privacy"] is Privacy.NAMED else "",
               **settled),
        by=ctx.person,
        said_at=ctx.event.happened_at,
    )  # fmt: skip
    ctx.leave_form()
    note_registered(ctx, "human", case)
    return [_promise(ctx, case), *_going_on(ctx)]


def _promise(ctx: Ctx, case: Case) -> Screen:
    """By when somebody writes, and whom to call before that."""
    ctx.subject = case.id
    lines = [
        ctx.say(_("A person will write to you here, by {due} at the latest. Number {number}.",
                  due=promised(case), number=case.number)),
    ]  # fmt: skip
    if not ctx.office.calendar.is_open(ctx.now):
        lines.append(ctx.say(_("We open again {opening}.", opening=ctx.office.calendar.next_opening(ctx.now))))
        if ctx.office.duty_phone:
            lines.append(ctx.say(_("Urgent? The duty desk is at {phone}.", phone=ctx.office.duty_phone)))
    return ctx.screen(join(lines), [ctx.button(_("Add something"), "case.more", case.number)])


def _going_on(ctx: Ctx) -> list[Screen]:
    """What was left for the matter that a person has now, or was to come after it."""
    if ctx.conversation.drafts:
        ctx.conversation.filling = ctx.conversation.drafts.pop()
        return ctx.ask()
    return [screen for hook in ctx.router.hooks.get("next", []) for screen in listed(hook(ctx))]


def _unfinished(ctx: Ctx) -> list[Said]:
    """What was said before and not yet registered, so that nobody has to repeat it."""
    filling = ctx.conversation.filling
    drafts = []
    if filling is not None:
        drafts = [Said(filling.answers.get(TEXT) or "", files_of(filling.answers), phone=filling.answers.get(PHONE))]
    asked = [Said(str(ctx.memory.pop("asked")))] if "asked" in ctx.memory else []
    waiting = held.take(ctx)
    return [*drafts, *asked, *([waiting] if waiting is not None else [])]
