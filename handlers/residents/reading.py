"""Reading an anonymous matter by number and code, answering in it, and clearing the chat: no account is kept."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from bot.dialogue.context import Screens
from bot.dialogue.event import Said
from bot.dialogue.screen import Button, Clearing, Screen
from bot.office.cases.model import Case
from bot.office.cases.model import Said as Entered
from bot.office.cases.sealed import Reading
from bot.telling import Telling
from bot.text import Text, join, quote
from bot.words import Message, _
from handlers.context import RESIDENTS, Ctx, Router, plain_files, promised, speaker, words_of
from handlers.residents import privacy, tidy

router = Router("reading", who=RESIDENTS)

REMEMBERED_FOR = timedelta(minutes=15)  # number and code, in the sealed memory of the chat
_HOLIDAYS = {(1, 1): _("New Year’s Day"), (5, 1): _("Labour Day"), (10, 1): _("National Day")}
GOOD = _("Good. Write “menu” when you need me.")
CLEARED = _("Done. Write “menu” when you need me.")
NOT_ALL = _(
    "I could not delete all of it: messages older than two days, or what this app keeps to itself. Please delete "
    "the rest in the chat yourself. Write “menu” when you need me."
)


def due_in_words(ctx: Ctx, case: Case) -> Message | Text:
    """The date; where it stands behind a holiday, that it does."""
    if case.provisional:
        return promised(case)
    day = case.due_at.astimezone(ctx.office.calendar.zone).date()
    off = ctx.office.calendar.days_off_before(day)
    if len(off) < 3:
        return promised(case)
    name = next((_HOLIDAYS[key] for each in off if (key := (each.month, each.day)) in _HOLIDAYS), _("the holiday"))
    remark = ctx.say.plain(_("first day after {holiday}", holiday=name))
    return Text() + ctx.say.moment(case.due_at, remark)


def outside(ctx: Ctx, is_read: bool) -> Message | None:
    """Where else to turn: the configured body's number, or who that is where no number is configured."""
    phone = ctx.office.outside_phone.strip()
    if phone:
        return _("You can also call {phone}.", phone=phone) if is_read else _("Please call {phone}.", phone=phone)
    return None if is_read else _("Please turn to the discipline inspection of the level above.")


# --- reading ---


def begin(ctx: Ctx, case: Case, code: str, since: float) -> Screen:
    """Somebody has number and code, the first of them sent at `since`, in seconds since 1970. For a quarter of an hour
    the chat knows which matter its buttons mean."""
    ctx.memory[tidy.READING] = {"number": case.number, "code": code, "since": since}
    return _shown(ctx, ctx.office.cases.read(case.number, code))


def _shown(ctx: Ctx, found: Reading) -> Screen:
    _stay(ctx)
    case = found.case
    who = ctx.say.plain(_("The supervisor")) if case.sealed else speaker(ctx, case)
    lines: list[Text] = []
    if case.is_open:
        lines.append(ctx.say(_("Still being looked into; a result by {due} at the latest.", due=promised(case))))
    else:
        lines.append(ctx.say(_("There is a result.")))
    for entry in found.told[-3:]:
        answer, progress = _("{who} answers:", who=who), _("{who} says:", who=who)
        lines.append(ctx.say(answer if entry.kind is Entered.ANSWER else progress))
        lines.append(quote(entry.words))
    if found.missing:
        lines.append(ctx.say(_("{count} of your files did not come through; please send them once more.",
                               count=found.missing)))  # fmt: skip
    clear = ctx.button(_("Clear the chat"), "sealed.clear")
    if found.question:
        lines.append(ctx.say(_("{who} asks: “{question}”", who=who, question=quote(found.question))))
        lines.append(ctx.say(_("If you answer, no account of yours is kept either; not answering delays nothing.")))
        rows = [[ctx.button(_("Reply"), "sealed.say"), ctx.button(_("No answer"), "sealed.silent")], [clear]]
    else:
        rows = [[ctx.button(_("Add something"), "sealed.say")],
                [ctx.button(_("Somebody makes it hard for me"), "sealed.harassed"), clear]]  # fmt: skip
    return ctx.screen(join(lines), *rows, fleeting=True)


@router.action("sealed.say", by_yes=False)
def ask_words(ctx: Ctx) -> Screens:
    if _known(ctx) is None:
        return _once_more(ctx)
    _stay(ctx)
    ctx.expect({"sealed": "add"})
    return ctx.screen(_("Go ahead. No name and no phone number; I pass it on without your account."), _leave(ctx))


@router.action("sealed.silent", by_yes=False)
def say_nothing(ctx: Ctx) -> Screens:
    """The supervisor does not wait for an answer that will not come."""
    known = _known(ctx)
    if known is None:
        return _once_more(ctx)
    if ctx.office.cases.read(*known).question:
        ctx.office.cases.add_unknown(*known, ctx.say.plain(_("(would rather not answer)")), ())
    return ctx.screen(_("All right. That delays nothing."), _leave(ctx))


@router.action("sealed.harassed", by_yes=False)
def harassed(ctx: Ctx) -> Screens:
    """At once, with or without words; whoever wants to tell more is heard."""
    known = _known(ctx)
    if known is None:
        return _once_more(ctx)
    ctx.office.cases.harassed_unknown(*known, ctx.say.plain(_("(says that somebody makes it hard for them)")))
    _stay(ctx)
    ctx.expect({"sealed": "harassed"})
    return ctx.screen(
        _("The supervisor is told now, as urgent. If you are in danger, call 110 first.\n"
          "Who does what to you? Write it if you want to; nothing of your account is kept."),
        _leave(ctx),
    )  # fmt: skip


@router.hook("said")
def heard(ctx: Ctx, said: Said) -> Screens:
    """Words that were waited for, or the question whether one can be found out."""
    way = ctx.expected("sealed")
    if way is not None:
        return _added(ctx, str(way), said)
    near = _known(ctx) is not None or any(button.action.startswith("sealed.") for button in ctx.conversation.choices)
    if near and said.text and ctx.office.asks_whether_known(said.text):
        return _who_knows(ctx)
    return None


def _added(ctx: Ctx, way: str, said: Said) -> Screens:
    known = _known(ctx)
    if known is None:
        return _once_more(ctx)
    if (refused := privacy.refused(ctx, said, places=True)) is not None:
        ctx.expect({"sealed": way})
        return refused
    if way == "add" and (seen := privacy.seen(said.text)) is not None:
        return _look_twice(ctx, said, seen)
    return _pass_on(ctx, known, way, said)


def _look_twice(ctx: Ctx, said: Said, seen: Message) -> Screen:
    """It tells who they are: the same warning as before the matter was handed in, and their own choice."""
    _stay(ctx)
    ctx.memory[tidy.READING]["said"] = msgspec.to_builtins(said)
    ctx.expect({"sealed": "add"})
    lines = [seen, _("It is not passed on yet. Write it once more without that, or press below.")]
    return ctx.screen(
        join(ctx.say(line) for line in lines), [ctx.button(_("Pass it on like this"), "sealed.as_it_is")], _leave(ctx)
    )


@router.action("sealed.as_it_is", by_yes=False)
def as_it_is(ctx: Ctx) -> Screens:
    """What was pointed out goes on all the same."""
    known, said = _known(ctx), ctx.memory.get(tidy.READING, {}).get("said")
    if known is None or said is None:
        return _once_more(ctx)
    return _pass_on(ctx, known, "add", msgspec.convert(said, Said))


def _pass_on(ctx: Ctx, known: tuple[str, str], way: str, said: Said) -> Screen:
    words, since = words_of(said), ctx.event.happened_at
    if way == "harassed" and words:
        ctx.office.cases.harassed_unknown(*known, words)
    else:
        ctx.office.cases.add_unknown(*known, words, plain_files(ctx, said.files))
    _forget(ctx, since)
    return ctx.screen(
        _("Passed on, without your account. Write “check” to look again."),
        [ctx.button(_("Clear the chat"), "sealed.clear")],
    )


def _who_knows(ctx: Ctx) -> Screen:
    """What the office can know, and what is out of its hands."""
    company = ctx.office.company(ctx.person.channel)
    beyond = _("Whoever can look at your phone, and whoever runs this server, is beyond me.")
    if company is not None:
        beyond = _("{company}, and whoever can look at your phone, is beyond me.", company=company)
    lines = [
        _("In this matter there is no account, name or phone number of yours; we cannot find out who it is."),
        beyond,
        _("If somebody makes it hard for you because of it, press below: it goes straight to the supervisor."),
    ]
    if _known(ctx) is not None:
        _stay(ctx)
    return ctx.screen(
        join(ctx.say(line) for line in lines),
        [ctx.button(_("Somebody makes it hard for me"), "sealed.harassed"),
         ctx.button(_("Clear the chat"), "sealed.clear")],
    )  # fmt: skip


def _known(ctx: Ctx) -> tuple[str, str] | None:
    """Number and code of the matter that is being looked at."""
    found: dict[str, Any] = ctx.memory.get(tidy.READING, {})
    if found.get("until", 0.0) <= ctx.now.timestamp():
        return None
    return found["number"], found["code"]


def _stay(ctx: Ctx) -> None:
    """A quarter of an hour from now; then the chat is tidied."""
    ends = ctx.now + REMEMBERED_FOR
    ctx.memory[tidy.READING]["until"] = ends.timestamp()
    tidy.look_again(ctx, ends)


def _forget(ctx: Ctx, since: datetime) -> None:
    """After an answer: its words, and the number and code that came before it."""
    began = ctx.memory.get(tidy.READING, {}).get("since", since.timestamp())
    tidy.forget(ctx, min(since, datetime.fromtimestamp(began, UTC)))


def _once_more(ctx: Ctx) -> Screen:
    return ctx.screen(_("Please send number and look-up code once more: I keep them for a quarter of an hour only."))


def _leave(ctx: Ctx) -> list[Button]:
    return [ctx.button(_("Clear the chat"), "sealed.clear")]


# --- clearing ---


@router.action("sealed.clear", by_yes=False)
def clear(ctx: Ctx) -> Screens:
    """Both sides of the talk, as far back as the platform lets anybody; one sentence stays."""
    tidy.forget(ctx, ctx.now - tidy.KEPT)
    is_older = ctx.office.forget_messages(ctx.person)
    clearing = Clearing(tuple(ctx.conversation.messages), ctx.say(NOT_ALL), is_older)
    ctx.conversation.messages = {}
    screen = ctx.screen(CLEARED)
    return Screen(screen.text, clears=clearing)


@router.action("sealed.keep", by_yes=False)
def keep(ctx: Ctx) -> Screens:
    return ctx.screen(GOOD)


# --- confidential: a push says nothing ---


@router.telling("case.reply")
def tell_reply(ctx: Ctx, telling: Telling) -> Screen | None:
    case = ctx.office.cases.readable(telling.subject, ctx.person)
    if case is None:
        return None
    return ctx.screen(
        _("You have a new reply."), [ctx.button(_("See it"), "case.show", case.number)], silent=telling.silent
    )


@router.action("sealed.hard", by_yes=False)
def harassed_openly(ctx: Ctx, number: str) -> Screens:
    """The same in a case of one's own, confidential or named."""
    ctx.office.cases.harassed(number, ctx.say.plain(_("(says that somebody makes it hard for them)")), by=ctx.person)
    ctx.expect({"hard": number})
    return ctx.screen(
        _("The supervisor is told now, as urgent. If you are in danger, call 110 first.\n"
          "Who does what to you? Write it if you want to.")
    )  # fmt: skip


@router.hook("said")
def told_more(ctx: Ctx, said: Said) -> Screens:
    number = ctx.expected("hard")
    if number is None or not said.text:
        return None
    ctx.office.cases.harassed(str(number), said.text, by=ctx.person)
    return ctx.screen(_("The supervisor has that too."))
