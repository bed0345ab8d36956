"""The form of a matter: what is known already, at most three questions, one review, the receipt, and the next one."""

from collections.abc import Iterable
from typing import Any

import msgspec

from bot.dialogue.context import MOST_LEFT, Screens, listed
from bot.dialogue.event import FileKind, Said
from bot.dialogue.form import FILES, PHONE, TEXT, Answers, Choice, Form, Place, Words, files_of
from bot.dialogue.screen import Button, Request, Screen
from bot.errors import Invalid
from bot.office.cases.model import Case, Kind, Privacy
from bot.office.cases.service import Matter
from bot.office.understanding import Matter as Heard
from bot.text import Text, join, quote
from bot.words import Message, _
from handlers.context import (
    RESIDENTS,
    Ctx,
    Router,
    concerns_staff,
    excerpt,
    my_cases_button,
    plain_files,
    promised,
    source_of,
    unreadable,
)
from handlers.residents import consent, often, policies, privacy, sealed
from handlers.residents.answers import stored_place

router = Router("registration", who=RESIDENTS)

PHONE_NOTED = _("Your phone number is noted: it goes with the matter, so that the staff can call you.")
ASK_IDENTITY = frozenset((Kind.COMPLAINT, Kind.REPORT))


def _ask_place(ctx: Ctx, answers: Answers) -> Message | Text:
    if answers.get(FILES) and not answers.get(TEXT):
        return _("Got it. Where is it: which estate, which building and entrance? A voice note will do.")
    return _("Where is it: which estate, which building and entrance? A voice note will do.")


def _place_rows(ctx: Ctx, answers: Answers) -> list[list[Button]]:
    return [
        [ctx.asks_device(_("Send place"), Request.PLACE)],
        [ctx.step(_("That is wrong, change it"), "matter.change")],
    ]


def _is_place_missing(ctx: Ctx, answers: Answers) -> bool:
    """What was said is never asked again: a place in the words is enough."""
    if not answers.get("needs_place") or _is_about_staff(ctx, answers):
        return False
    words = answers.get(TEXT) or ""
    return not any(found.place for found in ctx.office.understand(words).matters)


def _is_about_staff(ctx: Ctx, answers: Answers) -> bool:
    return bool(answers.get("about_staff")) or concerns_staff(ctx, answers.get(TEXT) or "")


def _no_place(ctx: Ctx, answers: Answers, said: Said) -> Screens:
    """Thanks, a question or a further fault said at the question for the place; None for a place."""
    text = said.text.strip()
    if said.files or said.spot or not text:
        return None
    if text == ctx.say.plain(_("Send place")):
        return ctx.screen(_("On a phone, the button below sends where you are. Or just type the place."))
    understood = ctx.office.understand(text)
    if understood.talk is not None:
        return small_talk(ctx, understood.talk)
    if any(found.concerns_staff for found in understood.matters):  # those it is about may read the matter at hand
        return _noted(ctx, understood.matters)
    if len(understood.matters) != 1 or understood.matters[0].place:
        return None
    found = understood.matters[0]
    if found.sure and understood.asks and found.kind == Kind.CONSULT:
        return policies.answer(ctx, text)
    if found.sure and understood.goes_on:
        return _noted(ctx, (found,))
    return None


def _noted(ctx: Ctx, matters: Iterable[Heard]) -> Screen:
    """Said in between: its turn comes after the matter at hand."""
    wait(ctx, [*ctx.memory.get("waiting", []), *map(later, matters)])
    return ctx.screen(_("I note that as well; it is next. First this one."))


def _who_may_know(ctx: Ctx, answers: Answers, said: Said) -> Screens:
    """Said in words at any question of a complaint; and whoever may not be known gives no number by mistake."""
    if Kind(answers["kind"]) not in ASK_IDENTITY:
        return None
    if answers.get("identity") in privacy.SEALED_WAYS and (refused := privacy.refused(ctx, said)) is not None:
        return refused
    return privacy.chosen(ctx, answers, said)


def _aside(ctx: Ctx, answers: Answers, said: Said) -> Screens:
    """What answers no question: who may know, a number to be called under, what cannot be read."""
    screens = _who_may_know(ctx, answers, said)
    if screens is None and said.phone:
        answers[PHONE] = said.phone
        return ctx.screen(PHONE_NOTED)
    return screens if screens is not None else unreadable(ctx, said)


matter = router.form(
    Form(
        "matter",
        (
            Words(name=TEXT, ask=_("Please tell me what it is. Type, speak or send a photo.")),
            Place(
                name="place",
                ask=_ask_place,
                rows=_place_rows,
                needed=_is_place_missing,
                instead=_no_place,
            ),
            Choice(
                name="identity",
                ask=_(
                    "May those who deal with it know that it comes from you? Named: they may ask you back directly. "
                    "Confidential: they see the matter, not you; I pass questions on. Anonymous: I keep no account of "
                    "yours and do not write to you; the result is read with a look-up code."
                ),
                options=(
                    ("named", _("Named")),
                    ("confidential", _("Confidential, pass it on")),
                    ("anonymous", _("Anonymous, no account kept")),
                ),
                needed=lambda ctx, answers: Kind(answers["kind"]) in ASK_IDENTITY and not _is_about_staff(ctx, answers),
            ),
        ),
        instead=_aside,
        kept=frozenset(("kind", "category", "needs_place", "about_staff", "sources", "notice", PHONE)),
    )
)


@matter.reviewed
def review(ctx: Ctx, answers: Answers) -> Screens:
    """What will be registered, in the resident's own words. Here it is settled who may see it."""
    if _is_about_staff(ctx, answers):
        return sealed.take_over(ctx, answers)
    files = files_of(answers)
    lines: list[Text] = []
    if answers.get("identity") in privacy.SEALED_WAYS and answers.pop(PHONE, None):
        lines.append(ctx.say(privacy.PHONE_REFUSED))
    if any(file.kind is FileKind.VOICE for file in files):
        lines.append(ctx.say(_("Voice note received. I cannot understand voices; the staff will listen to it.")))
    if any(file.kind is FileKind.PHOTO for file in files):
        lines.append(ctx.say(_("Photo received. Place and time hidden in it are taken out.")))
    if about := ctx.office.notices.title(answers.get("notice")):
        lines.append(ctx.say(_("You answer the notice “{title}”.", title=about)))
    lines.append(ctx.say(_("I will register it like this:")))
    lines.append(excerpt(answers.get(TEXT) or ctx.say.plain(_("(see the voice note or photo)"))))
    if place := _place_words(ctx, answers):
        lines.append(ctx.say(_("Place: {place}", place=place)))
    if phone := answers.get(PHONE):
        lines.append(ctx.say(_("Phone: {phone}", phone=phone)))
    lines += _chosen(ctx, answers)
    last = [ctx.step(_("Never mind"), "form.cancel")]
    if often.is_over(ctx):
        lines.append(ctx.say(often.words(ctx)))
        last = [often.button(ctx), my_cases_button(ctx), *last]
    return ctx.screen(
        join(lines), [ctx.step(_("Register"), "form.submit"), ctx.step(_("Add something"), "matter.more")], last
    )


def _chosen(ctx: Ctx, answers: Answers) -> list[Text]:
    """What they chose, to be seen before it counts; said anew (“anonymous”), it is another choice."""
    chosen = answers.get("identity")
    if chosen is None:
        return []
    words = {
        Privacy.NAMED: _("Named: those who deal with it know that it comes from you."),
        Privacy.CONFIDENTIAL: _("Confidential: those who deal with it do not see who you are."),
        Privacy.ANONYMOUS: _("Anonymous: no account of yours is kept."),
    }
    lines = [ctx.say(words[Privacy(chosen)])]
    if chosen != Privacy.NAMED and (seen := privacy.seen(answers.get(TEXT) or "")) is not None:
        lines.append(ctx.say(seen))
    return lines


@matter.submitted
def register(ctx: Ctx, answers: Answers) -> Screens:
    brought = Matter(
        kind=Kind(answers["kind"]),
        words=answers.get(TEXT, ""),
        place=stored_place(answers),
        files=plain_files(ctx, files_of(answers)),
        category=answers.get("category"),
        privacy=Privacy(answers.get("identity") or "named"),
        notice=answers.get("notice"),
        phone=answers.get(PHONE, ""),
        sources=answers.get("sources", ()),
    )
    if brought.privacy is Privacy.ANONYMOUS:
        return [*sealed.register(ctx, brought), *next_matter(ctx)]
    case = ctx.office.cases.register(brought, by=ctx.person, said_at=ctx.event.happened_at)
    ctx.subject = case.id
    ctx.memory.pop("lately", None)
    often.note(ctx)
    return [receipt(ctx, case), *next_matter(ctx)]


def receipt(ctx: Ctx, case: Case) -> Screen:
    """The number, one date, and where to look."""
    lines = [
        ctx.say(_("“{title}” is registered.", title=case.title) if case.title else _("Registered.")),
        ctx.say(_("Number {number}; no need to remember it, “my cases” shows it.", number=case.number)),
        ctx.say(_("You get an answer by {due} at the latest.", due=promised(case))),
    ]
    buttons = [
        ctx.button(_("Add a photo"), "case.more", case.number),
        ctx.button(_("Let family follow it"), "case.share", case.number),
        my_cases_button(ctx),
    ]
    return ctx.screen(join(lines), buttons)


@router.action("matter.more")
def add_more(ctx: Ctx) -> Screens:
    if ctx.conversation.filling is None:
        return ctx.ask()
    return ctx.screen(_("Go ahead: type, speak or send a photo. I add it."))


@router.action("matter.change", by_yes=False)
def change(ctx: Ctx) -> Screens:
    """The resident says the guess is wrong: their next words take its place. Until then it stands."""
    if ctx.conversation.filling is None:
        return ctx.ask()
    ctx.expect({"change": True})
    return ctx.screen(
        _("Then please say it once more in your own words. Photos and voice notes you sent stay with it.")
    )


def later(found: Heard) -> dict[str, Any]:
    """A matter whose turn comes after the one at hand."""
    return {"text": found.text, "kind": found.kind, "category": found.category,
            "needs_place": found.needs_place, "place": found.place}  # fmt: skip


def wait(ctx: Ctx, matters: list[dict[str, Any]]) -> None:
    """These come one after another; what finds no room is said, as with forms that were left for others."""
    if len(matters) > MOST_LEFT:
        raise Invalid("drafts.full")
    ctx.memory["waiting"] = matters


def with_intro(screen: Screen, intro: Text) -> Screen:
    return Screen(join([intro, screen.text]), screen.rows, screen.files, screen.mode, screen.prompt)


@router.hook("next")
def next_matter(ctx: Ctx) -> list[Screen]:
    """The next of several matters, after one is done."""
    waiting: list[dict[str, Any]] = ctx.memory.get("waiting", [])
    if not waiting:
        return []
    found, *rest = waiting
    position = ctx.memory.get("position", 1) + 1
    if rest:
        ctx.memory["waiting"], ctx.memory["position"] = rest, position
    else:
        ctx.memory.pop("waiting", None)
        ctx.memory.pop("position", None)
    if found["kind"] == Kind.CONSULT:
        begun = listed(policies.answer(ctx, found["text"]))
    else:
        begun = ctx.fill(matter, **_answers(found["text"], Kind(found["kind"] or Kind.HELP), found))
    intro = join([ctx.say(_("Now number {position}:", position=position)), quote(found["text"])])
    if not begun:
        return []
    shown = [with_intro(begun[0], intro), *begun[1:]]
    return shown if ctx.conversation.filling is not None else [*shown, *next_matter(ctx)]


def begin(ctx: Ctx, said: Said, kind: Kind, found: Heard | None = None, *, notice: int | None = None) -> Screens:
    """Starts the form with everything that is known already; `notice` is the one that it answers."""
    if not ctx.person.has_consented:
        return consent.hold(ctx, said)
    if found is None and said.text:
        matters = ctx.office.understand(said.text).matters
        found = matters[0] if len(matters) == 1 else None
    answers = _answers(said.text, kind, later(found) if found is not None else {})
    if found is None and not said.text:
        answers["needs_place"] = not said.files  # a voice note or a photo alone may tell; the staff will look
    if found is not None and found.concerns_staff:
        answers["about_staff"] = True
        answers["needs_place"] = False
    if said.files:
        answers[FILES] = [*plain_answers(said)]
    if said.spot is not None:
        answers["place"] = {"spot": [said.spot.latitude, said.spot.longitude], "words": said.spot.title or ""}
    if (source := source_of(ctx)) is not None:
        answers["sources"] = [source]
    if notice is not None:
        answers["notice"] = notice
    if said.phone:
        answers[PHONE] = said.phone
    asked = ctx.fill(matter, **answers)
    return [ctx.screen(PHONE_NOTED), *asked] if said.phone and not answers.get("about_staff") else asked


def _answers(text: str, kind: Kind, found: dict[str, Any]) -> Answers:
    answers: Answers = {"kind": kind.value, "needs_place": bool(found.get("needs_place"))}
    if text:
        answers[TEXT] = text
    if found.get("category"):
        answers["category"] = found["category"]
    if found.get("place"):
        answers["place"] = {"words": found["place"]}
    return answers


def plain_answers(said: Said) -> list[dict[str, Any]]:
    return [msgspec.to_builtins(file) for file in said.files]


def small_talk(ctx: Ctx, talk: str | None = None) -> Screen:
    """Thanks and greetings open neither a search nor a case."""
    if talk == "thanks":
        return ctx.screen(_("You are welcome."))
    if talk == "greeting":
        return ctx.screen(_("Hello. What is it? Just write, speak or send a photo."))
    return ctx.screen(_("I am here. Whatever it is, just write, speak or send a photo."))


def _place_words(ctx: Ctx, answers: Answers) -> Text:
    place = answers.get("place")
    if not place:
        return Text()
    if place.get("words"):
        return quote(place["words"]) if answers.get(TEXT, "").find(place["words"]) < 0 else Text()
    if place.get("spot"):
        return ctx.say(_("the point you sent"))
    return ctx.say(_("as you say in the voice note") if place.get("heard") else _("as the photo shows"))
