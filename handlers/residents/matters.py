"""What free words mean: one guess; where that is not possible, a question. Then a matter begins."""

from collections.abc import Sequence
from datetime import timedelta

import msgspec

from bot.dialogue.context import MOST_LEFT, Screens, listed
from bot.dialogue.event import Due, Said
from bot.dialogue.form import PHONE, files_of
from bot.dialogue.screen import Screen
from bot.office.cases.model import Case, Kind, Status
from bot.office.understanding import PHYSICAL, Matter
from bot.text import Text, join, quote
from bot.words import Message, _
from handlers.context import KINDS, MOST_LISTED, RESIDENTS, Ctx, Router, excerpt, number_in, said_with, unreadable
from handlers.residents import consent, held, human, policies
from handlers.residents.registration import begin, later, matter, next_matter, small_talk, wait, with_intro

router = Router("matters", who=RESIDENTS)

OFFERED = 3  # open cases at a time
CALLED_AFTER = timedelta(hours=4)


def _instead(ctx: Ctx, said: Said) -> Said:
    """The words that were waited for replace the guess; its files go with them."""
    filling = ctx.conversation.filling
    if not ctx.expected("change") or filling is None:
        return said
    ctx.leave_form()
    return msgspec.structs.replace(
        said, files=(*files_of(filling.answers), *said.files), phone=said.phone or filling.answers.get(PHONE)
    )


@router.action("matter.kind")
def start_kind(ctx: Ctx, kind: str) -> Screens:
    """An entry of the menu: what they say next is of this kind."""
    if kind not in KINDS.keys() - {Kind.CONSULT}:
        return ctx.ask()
    if not ctx.person.has_consented:
        return consent.first(ctx, "matter.kind", kind)
    return ctx.fill(matter, kind=kind, needs_place=kind in (Kind.HELP, Kind.COMPLAINT))


@router.command("request", about=_("Report trouble"))
def request(ctx: Ctx, rest: str) -> Screens:
    return _typed(ctx, Kind.HELP, rest)


@router.command("complain", about=_("Complain"))
def complain(ctx: Ctx, rest: str) -> Screens:
    return _typed(ctx, Kind.COMPLAINT, rest)


@router.command("suggest", about=_("Suggest something"))
def suggest(ctx: Ctx, rest: str) -> Screens:
    return _typed(ctx, Kind.SUGGESTION, rest)


@router.command("errand")
def errand(ctx: Ctx, rest: str) -> Screens:
    return _typed(ctx, Kind.ERRAND, rest)


def _typed(ctx: Ctx, kind: Kind, rest: str) -> Screens:
    """A typed command, with or without the matter behind it."""
    said = said_with(ctx, rest)
    return begin(ctx, said, kind) if rest or said.files else start_kind(ctx, kind.value)


@router.hook("said")
def understand(ctx: Ctx, said: Said) -> Screens:
    """Free words that nothing else claimed: one guess."""
    if not said.text:
        return _wordless(ctx, _instead(ctx, said))
    understood = ctx.office.understand(said.text)
    if understood.talk is not None and said.files:  # a greeting says no more than the photo
        return _wordless(ctx, _instead(ctx, said))
    if understood.talk is not None:
        answer = _answer(ctx, said) if understood.talk == "chatter" else None
        return answer if answer is not None else small_talk(ctx, understood.talk)
    said = _instead(ctx, said)
    matters = understood.matters
    if any(found.wants_person for found in matters):
        return human.ask_person(ctx, said)
    if len(matters) == 1:
        return _single(ctx, said, matters[0])
    if not ctx.person.has_consented:
        return consent.hold(ctx, said)
    if len(matters) > MOST_LEFT:
        return begin(ctx, said, Kind.HELP)  # a long list is one matter: whoever reads it sees what belongs to whom
    return _several(ctx, said, matters)


def _wordless(ctx: Ctx, said: Said) -> Screens:
    """A photo, a voice note, a place: it may be what somebody was asked for."""
    if not (said.files or said.spot or said.phone):
        return unreadable(ctx, said) or small_talk(ctx)
    asked = _which_case(ctx, said) if ctx.person.has_consented else None
    return asked if asked is not None else begin(ctx, said, Kind.HELP)


def _single(ctx: Ctx, said: Said, found: Matter) -> Screens:
    is_further = found.kind == Kind.CONSULT or not (found.sure or found.category in PHYSICAL)
    if is_further and not said.files and (page := policies.in_context(ctx, said.text)) is not None:
        return page
    if not found.sure and not said.files:
        asked = _which_case(ctx, said) if ctx.person.has_consented else None
        return asked if asked is not None else _unsure(ctx, said)
    if found.kind == Kind.CONSULT and not said.files:
        return policies.answer(ctx, said.text)
    if not ctx.person.has_consented:
        return consent.hold(ctx, said)
    if not found.concerns_staff and (asked := _which_case(ctx, said)) is not None:
        return asked  # a complaint about staff goes into no open case, where those it is about might read it
    return begin(ctx, said, Kind(found.kind or Kind.HELP), found)


def _unsure(ctx: Ctx, said: Said) -> Screen:
    """One guess is not possible: three buttons, and nothing is asked again. What waits already stays with it."""
    _keep(ctx, said)
    return _what_to_do(ctx, _("What shall I do with this?"))


def _what_to_do(ctx: Ctx, asked: Message | Text) -> Screen:
    return ctx.screen(
        asked,
        [
            ctx.button(_("Register it for me"), "matter.register"),
            ctx.button(_("It is a question"), "matter.question"),
            ctx.button(_("A person"), "human"),
        ],
    )


def _keep(ctx: Ctx, said: Said) -> None:
    """Kept until the resident has chosen; called to mind once, where they do not."""
    held.keep(ctx, said)
    lane, moment = ctx.arrival.lane, ctx.now + CALLED_AFTER
    ctx.office.remember(f"unsettled:{lane}", "matter.unsettled", ctx.office.calendar.quiet_until(moment) or moment,
                        lane=lane)  # fmt: skip


@router.timed("matter.unsettled")
def call_to_mind(ctx: Ctx, _due: Due) -> Screens:
    """What was said and never chosen for: once, and never at night."""
    said = held.look(ctx)
    if said is None or not ctx.person.has_consented:
        return None
    if (morning := ctx.office.calendar.quiet_until(ctx.now)) is not None:
        ctx.office.remember(f"unsettled:{ctx.arrival.lane}", "matter.unsettled", morning, lane=ctx.arrival.lane)
        return None
    words = excerpt(said.text or ctx.say.plain(_("(see the voice note or photo)")), 120)
    return _what_to_do(ctx, join([ctx.say(_("You said this earlier and I did not hear what to do with it:")), words]))


@router.action("matter.register")
def register_unsure(ctx: Ctx) -> Screens:
    said = held.take(ctx)
    if said is None:
        return ctx.ask()
    kinds = {Kind(found.kind) for found in ctx.office.understand(said.text).matters if found.kind}
    guesses = kinds - {Kind.CONSULT}
    return begin(ctx, said, guesses.pop() if len(guesses) == 1 else Kind.HELP)


@router.action("matter.question")
def question_unsure(ctx: Ctx) -> Screens:
    said = held.take(ctx)
    if said is None:
        return ctx.ask()
    return begin(ctx, said, Kind.CONSULT) if said.files else policies.answer(ctx, said.text)


def _several(ctx: Ctx, said: Said, matters: Sequence[Matter]) -> Screens:
    """Several matters: numbered, one after another; the files go with the first."""
    matters = sorted(matters, key=lambda found: found.kind == Kind.CONSULT)  # a question waits for no answer of theirs
    lines = [ctx.say(_("I hear {count} things:", count=len(matters)))]
    lines += [quote(f"{number} {found.text}") for number, found in enumerate(matters, 1)]
    wait(ctx, [*map(later, matters[1:]), *ctx.memory.get("waiting", [])])
    ctx.memory["position"] = 1
    first = Said(text=matters[0].text, files=said.files, spot=said.spot, phone=said.phone)
    begun = listed(_one(ctx, first, matters[0]))
    if ctx.conversation.filling is None:
        begun += next_matter(ctx)
    intro = join([*lines, ctx.say(_("First this one."))])
    if begun and begun[0].prompt:
        begun[0] = with_intro(begun[0], intro)
        return begun
    return [ctx.screen(intro), *begun]


def _one(ctx: Ctx, said: Said, found: Matter) -> Screens:
    if found.kind == Kind.CONSULT:
        return policies.answer(ctx, said.text)
    return begin(ctx, said, Kind(found.kind or Kind.HELP), found)


def _which_case(ctx: Ctx, said: Said) -> Screens:
    """With a case open the bot asks whether this belongs to it, and never guesses."""
    if not ctx.office.cases.open_of(ctx.person):
        return None
    _keep(ctx, said)
    return _offer_cases(ctx, 0)


@router.action("matter.cases")
def other_cases(ctx: Ctx, first: str) -> Screens:
    """More of the open cases, a few at a time."""
    return _offer_cases(ctx, number_in(first, MOST_LISTED))


@router.hook("yes")
def yes_to_a_question(ctx: Ctx) -> Screens:
    said = ctx.event.what
    return _answer(ctx, said) if isinstance(said, Said) else None


def _answer(ctx: Ctx, said: Said) -> Screens:
    """What the office has asked may be answered by a “yes” or “no need” alone."""
    is_asked = any(case.status is Status.WAITING for case in ctx.office.cases.open_of(ctx.person))
    return _which_case(ctx, said) if is_asked else None


def _offer_cases(ctx: Ctx, first: int) -> Screen:
    found = ctx.office.cases.open_of(ctx.person)
    there = found[first : first + OFFERED]
    rows = [[ctx.button(_("To: {title}", title=shown(case)), "case.addheld", case.number)] for case in there]
    more = ctx.button(_("More of my cases"), "matter.cases", first + OFFERED)
    return ctx.screen(
        _("Does this belong to what you brought before, or is it something else?"),
        *rows,
        [ctx.button(_("Something else"), "matter.new"), *([more] if len(found) > first + OFFERED else [])],
    )


def shown(case: Case) -> str:
    return case.title[:16] or case.number


@router.action("matter.new")
def something_else(ctx: Ctx) -> Screens:
    said = held.take(ctx)
    if said is None:
        return ctx.ask()
    matters = ctx.office.understand(said.text).matters if said.text else ()
    found = next(iter(matters), None) if len(matters) == 1 else None
    if found is not None and not found.sure and not said.files:
        return _unsure(ctx, said)
    return begin(ctx, said, Kind((found.kind if found else None) or Kind.HELP), found)
