"""Complaints about staff, and all that is anonymous: who may know, what is handed in, what is forgotten with it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.dialogue.context import Screens, listed
from bot.dialogue.conversation import REVIEW
from bot.dialogue.event import FileKind, Said
from bot.dialogue.form import (
    FILES,
    MOST_FILES,
    PHONE,
    TEXT,
    Answers,
    Choice,
    Form,
    Question,
    Words,
    add_files,
    files_of,
)
from bot.dialogue.screen import Button, Screen
from bot.office.cases.model import Case, Kind, Privacy
from bot.office.cases.service import Matter
from bot.text import Text, join
from bot.words import _
from handlers.context import RESIDENTS, Ctx, Router, excerpt, my_cases_button, plain_files, unreadable
from handlers.residents import privacy, tidy
from handlers.residents.reading import due_in_words, outside

router = Router("sealed", who=RESIDENTS)

HELD_AT_MOST = timedelta(hours=24)  # a first message may have waited that long for consent


def _drop_row(ctx: Ctx, answers: Answers) -> list[list[Button]]:
    return [[ctx.step(_("Do not complain"), "form.cancel")]]


def _ask_story(ctx: Ctx, answers: Answers) -> Text:
    first = _("Good. Only the supervisor reads it, without knowing who you are.")
    lines = [ctx.say(first)]
    if answers.get("identity") == Privacy.ANONYMOUS:
        lines = [ctx.say(_("Good, no account of yours is kept; the sentence above goes when you hand it in."))]
        lines.append(ctx.say(CAREFUL))
        answers["warned"] = True
    return join([*lines, ctx.say(_("Which office, which person, what happened?"))])


CAREFUL = _(
    "What only you can know lets others guess that it was you: keep it rough. Photos and voices can be recognised too."
)


def _gives_away(ctx: Ctx, answers: Answers, said: Said) -> Screens:
    """The phone's number, and a point on the map: where somebody stands may be where they live."""
    refused = privacy.refused(ctx, said, places=True) or unreadable(ctx, said)
    return refused if refused is not None else privacy.chosen(ctx, answers, said, privacy.SEALED_WAYS)


@dataclass(frozen=True, kw_only=True)
class Whom(Question[Ctx]):
    """Which office and person, in their own words; a photo may tell it too."""

    def take(self, answers: Answers, said: Said) -> bool:
        if said.text:
            answers[self.name] = said.text
        add_files(answers, said.files, MOST_FILES)
        return bool(said.text)


def _is_unnamed(ctx: Ctx, answers: Answers) -> bool:
    """Asked only where the words do not tell; a voice note may have told."""
    return bool(answers.get(TEXT)) and not ctx.office.accused_in(answers[TEXT]).who


form = router.form(
    Form(
        tidy.SEALED,
        (
            Choice(
                name="identity",
                ask=_(
                    "You can. No name and no phone number yet, please; choose one:\n"
                    "Confidential: only the supervisor reads it, without seeing who you are; I pass questions on.\n"
                    "Anonymous: I keep no account of yours and do not write to you by myself; the result is read with "
                    "a look-up code.\n"
                    "Either way the person complained about and their office do not get to see it."
                ),
                options=(
                    (Privacy.CONFIDENTIAL.value, _("Confidential, pass it on")),
                    (Privacy.ANONYMOUS.value, _("Anonymous, no account kept")),
                ),
                rows=_drop_row,
            ),
            Words(name=TEXT, ask=_ask_story, rows=_drop_row),
            Whom(
                name="whom",
                ask=_("Which office and which person? If you do not know the name: what they look like, when, where."),
                needed=_is_unnamed,
                optional=True,
                rows=_drop_row,
            ),
        ),
        instead=_gives_away,
        kept=frozenset(("kind", "category", "about_staff", "sources", "since", "shown", "warned")),
    )
)


def take_over(ctx: Ctx, answers: Answers) -> list[Screen]:
    """From the form of ordinary matters: somebody who works here is complained about."""
    begun = {name: answers[name] for name in ("kind", "category", "sources", FILES) if answers.get(name)}
    text = answers.get(TEXT) or ""
    if not text or ctx.office.accused_in(text).story:
        begun |= {TEXT: text} if text else {}
    if answers.get("identity") in privacy.SEALED_WAYS:
        begun["identity"] = answers["identity"]
    ctx.leave_form()
    screens = ctx.fill(form, **begun, since=_began(ctx, text))
    return [ctx.screen(privacy.PHONE_REFUSED), *screens] if answers.get(PHONE) else screens


def _began(ctx: Ctx, text: str) -> float:
    """When this talk began: with the message at hand, or, where consent or another question came first, before."""
    what = ctx.event.what
    if isinstance(what, Said) and text and text in what.text:
        return ctx.event.happened_at.timestamp()
    return (ctx.now - HELD_AT_MOST).timestamp()


@form.reviewed
def review(ctx: Ctx, answers: Answers) -> Screens:
    """What the supervisor will read, in the resident's own words."""
    files = files_of(answers)
    if files and answers.get("shown"):
        return _review_files(ctx, answers)
    answers["shown"] = True
    lines = [ctx.say(_("Please see whether this is right:"))]
    text = answers.get(TEXT) or ""
    accused = ctx.office.accused_in(text)
    if who := answers.get("whom") or accused.who:
        lines.append(ctx.say(_("Complaint about: {who}", who=excerpt(who, 200))))
    story = accused.story if accused.who and accused.story else text
    lines.append(ctx.say(_("What happened: {story}", story=excerpt(story or ctx.say.plain(_("(see the file)"))))))
    if answers["identity"] == Privacy.ANONYMOUS and not answers.get("warned"):
        lines.append(ctx.say(CAREFUL))
    if (seen := privacy.seen("\n".join(filter(None, (text, answers.get("whom")))))) is not None:
        lines.append(ctx.say(seen))
    lines.append(ctx.say(_("It goes to the supervisor alone; the person and their heads cannot see it, "
                           "find it or count it.")))  # fmt: skip
    if files:
        return [ctx.screen(join(lines)), *_review_files(ctx, answers)]
    is_chief = accused.is_chief or ctx.office.accused_in(answers.get("whom") or "").is_chief
    rows = [
        [ctx.step(_("Hand it in"), "sealed.handin" if is_chief else "form.submit"),
         ctx.step(_("Change it"), "sealed.change")],
        [ctx.step(_("Add a photo"), "sealed.photo"), ctx.step(_("Do not complain"), "form.cancel")],
    ]  # fmt: skip
    if is_chief:
        lines.append(ctx.say(_("Is it about the supervisor or a head? Then do not hand it in; press the last button.")))
        rows.append([ctx.step(_("It is about the supervisor or a head"), "sealed.chief")])
    return ctx.screen(join(lines), *rows)


def _review_files(ctx: Ctx, answers: Answers) -> list[Screen]:
    kinds = {file.kind for file in files_of(answers)}
    if kinds <= {FileKind.PHOTO}:
        words = _("Photo received; place and time hidden in it are taken out. If faces or numbers can be seen, "
                  "cover them and send it anew.")  # fmt: skip
        labels = _("Use this one, hand it in"), _("Another one"), _("No photo")
    else:
        words = _("Received. A voice or a document can tell who it is from, and that cannot be taken out.")
        labels = _("Use it, hand it in"), _("Send another one"), _("Without it")
    use, other, none = labels
    return [
        ctx.screen(
            words,
            [ctx.step(use, "form.submit")],
            [ctx.step(other, "sealed.other"), ctx.step(none, "sealed.nofile")],
        )
    ]


@form.submitted
def hand_in(ctx: Ctx, answers: Answers) -> Screens:
    words = "\n".join(filter(None, (answers.get("whom"), answers.get(TEXT))))
    matter = Matter(
        kind=Kind(answers.get("kind") or Kind.COMPLAINT),
        words=words,
        files=plain_files(ctx, files_of(answers)),
        category=answers.get("category"),
        privacy=Privacy(answers["identity"]),
        about_staff=True,
        sources=answers.get("sources", ()),
    )
    screens = register(ctx, matter, since=answers.get("since"))
    return screens + [screen for hook in ctx.router.hooks.get("next", []) for screen in listed(hook(ctx))]


def register(ctx: Ctx, matter: Matter, *, since: float | None = None) -> list[Screen]:
    """Registers it; of an anonymous one nothing stays in this chat, in the same transaction."""
    if matter.privacy is not Privacy.ANONYMOUS:
        case = ctx.office.cases.register(matter, by=ctx.person, said_at=ctx.event.happened_at)
        ctx.subject = case.id
        ctx.memory.pop("lately", None)
        return [_receipt(ctx, case)]
    case, code = ctx.office.cases.register_unknown(matter, said_at=ctx.event.happened_at)
    began = datetime.fromtimestamp(since, ctx.now.tzinfo) if since is not None else ctx.now - HELD_AT_MOST
    tidy.forget(ctx, began)
    return [_receipt(ctx, case, code)]


def _receipt(ctx: Ctx, case: Case, code: str = "") -> Screen:
    """Number, code and date. With a code it is shown once: no page and no row keeps it."""
    facts: dict[str, Any] = {"number": case.number, "due": due_in_words(ctx, case)}
    is_read = bool(not case.sealed or ctx.office.cases.guardians(case))
    lines = [_("It is with the supervisor.") if case.sealed else _("It is registered.")]
    if not is_read:
        lines = [_("It is registered, but there is no supervisor here yet: nobody can read it before there is one.")]
    if code:
        spaced = f"{code[:3]} {code[3:]}"
        lines.append(_("Number {number}, look-up code {code}. Shown this once: please write it down, "
                       "nobody can find it again.", number=case.number, code=spaced))  # fmt: skip
    else:
        lines.append(_("Number {number}. They cannot see who you are; questions go through me.", **facts))
    lines.append(_("There is a result by {due} at the latest.", **facts))
    if code:
        lines.append(_("I do not write to you by myself; write “check” to look."))
    shown = [ctx.say(line) for line in lines]
    if (phone := outside(ctx, is_read)) is not None and case.sealed:
        shown[-1] = shown[-1] + ("" if ctx.say.language.startswith("zh") else " ") + ctx.say(phone)
    rows = [[ctx.button(_("Written down, clear the chat"), "sealed.clear")],
            [ctx.button(_("Written down, keep it"), "sealed.keep")]]  # fmt: skip
    if not code:
        rows = [[ctx.button(_("Clear the chat"), "sealed.clear"), my_cases_button(ctx)]]
    return ctx.screen(join(shown), *rows, fleeting=bool(code))


# --- steps of the review ---


@router.action("sealed.change", by_yes=False)
def change(ctx: Ctx) -> Screens:
    """They say it once more; until then the old words stand."""
    filling = ctx.conversation.filling
    if filling is None or filling.form != form.name:
        return ctx.ask()
    filling.answers.pop("whom", None)
    filling.answers.pop("shown", None)
    filling.again = TEXT
    return ctx.ask()


@router.action("sealed.photo", by_yes=False)
def photo(ctx: Ctx) -> Screens:
    if ctx.conversation.filling is None:
        return ctx.ask()
    return ctx.screen(_("Please send it now."))


@router.action("sealed.other", by_yes=False)
def other(ctx: Ctx) -> Screens:
    """The files they sent are not used; new ones are waited for."""
    if ctx.conversation.filling is None:
        return ctx.ask()
    ctx.conversation.filling.answers.pop(FILES, None)
    return ctx.screen(_("Please send it now."))


@router.action("sealed.nofile", by_yes=False)
def without_file(ctx: Ctx) -> Screens:
    if ctx.conversation.filling is not None:
        ctx.conversation.filling.answers.pop(FILES, None)
    return ctx.ask()


@router.action("sealed.handin", by_yes=False)
def hand_in_all_the_same(ctx: Ctx) -> Screens:
    """Where those who would read it may be meant, only its own button hands it in: never a typed “yes”."""
    filling = ctx.conversation.filling
    if filling is None or filling.form != form.name or filling.at != REVIEW:
        return ctx.ask()
    return ctx.submit()


@router.action("sealed.chief", by_yes=False)
def chief(ctx: Ctx) -> Screens:
    """Those who would read it are meant: not a thing for this house. Whoever complains decides."""
    if ctx.conversation.filling is None:
        return ctx.ask()
    lines = [ctx.say(_("Then nobody here should look into it. What you wrote is not handed in and nobody has it."))]
    if (phone := outside(ctx, False)) is not None:
        lines.append(ctx.say(phone))
    return ctx.screen(
        join(lines),
        [ctx.step(_("Give it to the supervisor all the same"), "sealed.handin")],
        [ctx.step(_("Do not complain"), "form.cancel")],
    )


@router.hook("cancel form")
def dropped(ctx: Ctx) -> Screens:
    """Not handed in: then nothing of it stays either."""
    filling = ctx.conversation.filling
    if filling is None or filling.form != form.name:
        return None
    since = filling.answers.get("since")
    ctx.leave_form()
    began = datetime.fromtimestamp(since, ctx.now.tzinfo) if since else ctx.now - HELD_AT_MOST
    tidy.forget(ctx, began)
    return ctx.screen(
        _("All right, nothing is handed in, and what you wrote is taken out here."),
        [ctx.button(_("Clear the chat"), "sealed.clear")],
    )


def instead_of_a_person(ctx: Ctx, said: Said) -> list[Screen] | None:
    """“A person” in the middle of it would register it openly, or with an account where none was to be kept: it is not
    done unasked. What was said with it stays."""
    filling = ctx.conversation.filling
    is_sealed = filling is not None and filling.form == form.name
    if filling is None or not (is_sealed or filling.answers.get("identity") == Privacy.ANONYMOUS):
        return None
    words = next(question for question in form.questions if isinstance(question, Words))
    words.take(filling.answers, said)
    lines = [ctx.say(_("A person reads this one only when you hand it in. Nothing is handed in yet."))]
    if is_sealed and (phone := outside(ctx, True)) is not None:
        lines.append(ctx.say(phone))
    return [ctx.screen(join(lines)), *ctx.ask()]
