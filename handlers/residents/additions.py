"""What residents add to a case of theirs: at once, or, where nobody is to know who they are, after a second look."""

import msgspec

from bot.dialogue.context import Screens
from bot.dialogue.event import FileRef, Said
from bot.dialogue.form import FILES, TEXT, Answers, Form, Words, files_of
from bot.dialogue.screen import Screen
from bot.office.cases.model import Case, Privacy, Status
from bot.text import join
from bot.words import _
from handlers.context import (
    RESIDENTS,
    Ctx,
    Router,
    concerns_staff,
    excerpt,
    my_cases_button,
    plain_files,
    promised,
    said_with,
    source_of,
    split_number,
    unreadable,
    verdict_buttons,
    words_of,
)
from handlers.residents import held, privacy
from handlers.residents.menu import LEFT

router = Router("additions", who=RESIDENTS)

_OVER_FOR_GOOD = frozenset((Status.WITHDRAWN, Status.LINKED, Status.RETURNED, Status.ARCHIVED))


def _aside(ctx: Ctx, answers: Answers, said: Said) -> Screens:
    return privacy.refused(ctx, said) or unreadable(ctx, said)


addition = router.form(
    Form(
        "addition",
        (Words(name=TEXT, ask=_("Please say it once more. What you sent before goes when you do.")),),
        instead=_aside,
        kept=frozenset(("number", "identity", "about_staff", "source")),
    )
)


@router.action("case.more", by_yes=False)
def more(ctx: Ctx, number: str) -> Screen:
    case = ctx.office.cases.find(number, ctx.person)
    ctx.expect({"add": case.number})
    ctx.subject = case.id
    return ctx.screen(_("Go ahead: type, speak or send a photo. I add it to number {number}.", number=case.number))


@router.command("add", about=_("Add to a case"))
def add(ctx: Ctx, rest: str) -> Screens:
    number, words = split_number(rest)
    said = said_with(ctx, words)
    if number is not None:
        return added(ctx, number, said) if words or said.files else more(ctx, number)
    cases = ctx.office.cases.open_of(ctx.person)
    if not cases:
        screens: Screens = ctx.router.commands["cases"].handler(ctx, "")
        return screens
    return ctx.screen(_("To which?"), *([ctx.button(case.title[:16] or case.number, "case.more", case.number)]
                                        for case in cases))  # fmt: skip


@router.action("case.addheld", by_yes=False)
def add_held(ctx: Ctx, number: str) -> Screens:
    """What was just said belongs to this case."""
    said = held.take(ctx)
    screens: Screens = None
    if said is None:
        screens = ctx.router.actions["case.show"].handler(ctx, number)
    return added(ctx, number, said) if said is not None else screens


def added(ctx: Ctx, number: str, said: Said) -> Screens:
    """Into the case; what was taken back has no reader any more, so there the words begin anew."""
    found = ctx.office.cases.find(number, ctx.person)
    if found.status in _OVER_FOR_GOOD and not _may_be_about_readers(ctx, found, said):
        over = ctx.screen(_("“{title}” is over, nobody reads it any more. I take this as something new.",
                            title=found.title))  # fmt: skip
        return [over, *ctx.hear(msgspec.structs.replace(said, reply_to=None))]
    if (instead := instead_of_adding(ctx, found, said)) is not None:
        return instead
    return _put(ctx, number, words_of(said), said.files, source_of(ctx))


def instead_of_adding(ctx: Ctx, found: Case, said: Said) -> Screens:
    """Words that are not for those who read the case, or not before a second look; none: they may go in."""
    if _may_be_about_readers(ctx, found, said):
        apart = ctx.screen(_("Whoever deals with “{title}” reads what goes into it. I take this apart from it: "
                             "only the supervisor reads it.", title=found.title))  # fmt: skip
        return [apart, *ctx.hear(msgspec.structs.replace(said, reply_to=None))]
    if found.privacy is Privacy.CONFIDENTIAL:
        if (refused := privacy.refused(ctx, said)) is not None:
            ctx.expect({"add": found.number})
            return refused
        if privacy.seen(said.text) is not None:
            return look_twice(ctx, found, said)
    return None


def _may_be_about_readers(ctx: Ctx, found: Case, said: Said) -> bool:
    """Words that complain about staff begin anew: those they are about may be the very ones who read the case."""
    return not found.sealed and concerns_staff(ctx, said.text)


def look_twice(ctx: Ctx, case: Case, said: Said) -> Screens:
    """It tells who they are: the same warning as before the case was handed in, and their own choice."""
    answers: Answers = {"number": case.number, TEXT: words_of(said), "identity": case.privacy.value}
    answers |= {"about_staff": case.sealed, "source": source_of(ctx)}
    if said.files:
        answers[FILES] = [msgspec.to_builtins(file) for file in said.files]
    return ctx.fill(addition, **answers)


@addition.reviewed
def review(ctx: Ctx, answers: Answers) -> Screens:
    case = ctx.office.cases.find(answers["number"], ctx.person)
    ctx.subject = case.id
    words = answers.get(TEXT) or ""
    lines = [ctx.say(_("Not added yet. This would go with “{title}”:", title=case.title)), excerpt(words)]
    if (seen := privacy.seen(words)) is not None:
        lines.append(ctx.say(seen))
    return ctx.screen(
        join(lines),
        [ctx.step(_("Add it like this"), "addition.as_it_is"), ctx.step(_("Change it"), "addition.change")],
        [ctx.step(_("Do not add it"), "form.cancel")],
    )


@router.action("addition.as_it_is", by_yes=False)
def as_it_is(ctx: Ctx) -> Screens:
    """A “yes” may mean that the number is to go: only the button's own words add it."""
    return ctx.submit() if _is_open(ctx) else ctx.ask()


@router.action("addition.change", by_yes=False)
def change(ctx: Ctx) -> Screens:
    """Until they have said it anew, the old words stand."""
    filling = ctx.conversation.filling
    if filling is not None and _is_open(ctx):
        filling.again = TEXT
    return ctx.ask()


@addition.submitted
def add_as_it_is(ctx: Ctx, answers: Answers) -> Screens:
    return _put(ctx, answers["number"], answers.get(TEXT) or "", files_of(answers), answers.get("source"))


@router.hook("cancel form")
def left(ctx: Ctx) -> Screens:
    """What it was to be added to goes on; a draft that waited behind it comes back."""
    if not _is_open(ctx):
        return None
    ctx.leave_form()
    if not ctx.conversation.drafts:
        return ctx.screen(LEFT)
    ctx.conversation.filling = ctx.conversation.drafts.pop()
    return [ctx.screen(LEFT), *ctx.ask()]


def _is_open(ctx: Ctx) -> bool:
    filling = ctx.conversation.filling
    return filling is not None and filling.form == addition.name


def _put(ctx: Ctx, number: str, words: str, files: tuple[FileRef, ...], source: str | None) -> Screen:
    case = ctx.office.cases.add(
        number, words, plain_files(ctx, files), by=ctx.person, source=source, said_at=ctx.event.happened_at
    )
    ctx.subject = case.id
    if case.is_open:
        told = _("This goes with “{title}” (number {number}). The date stands: {due}.",
                 title=case.title, number=case.number, due=promised(case))  # fmt: skip
        return ctx.screen(told, [my_cases_button(ctx)])
    told = _("This goes with “{title}” (number {number}), which is answered already; the staff will read it.",
             title=case.title, number=case.number)  # fmt: skip
    asks = verdict_buttons(ctx, case) if ctx.office.cases.brought_by(case, ctx.person) else []
    return ctx.screen(told, asks, [my_cases_button(ctx)])
