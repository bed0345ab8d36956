"""The dialogue's Context bound to this office, and the few words that many capabilities share."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.dialogue.context import Context
from bot.dialogue.event import Due, FileRef, Said
from bot.dialogue.router import ANYONE
from bot.dialogue.router import Router as AnyRouter
from bot.dialogue.screen import Button, Screen
from bot.office.cases.model import Case, Kind, Status
from bot.office.cases.number import read_number
from bot.office.office import Office
from bot.office.people.model import Person, Role
from bot.text import Text, quote
from bot.words import Message, _

TWICE_WITHIN = 600.0  # seconds
IN_TIME = 300.0  # seconds: a timer later than this missed its moment because nobody was there
LARGEST = 2**63 - 1  # what a column of ids holds
MOST_LISTED = 100_000  # of one list, whoever asks for how many
CATCHING_UP = timedelta(minutes=10)  # then all that was said meanwhile has arrived

Ctx = Context[Office, Person]
Router = AnyRouter[Ctx]

WORKERS = (Role.HANDLER, Role.DISPATCHER, Role.INTAKE, Role.HEAD, Role.SUPERVISOR)
RESIDENTS = ANYONE

KINDS = {
    Kind.CONSULT: _("question"),
    Kind.HELP: _("request for help"),
    Kind.COMPLAINT: _("complaint"),
    Kind.REPORT: _("report"),
    Kind.SUGGESTION: _("suggestion"),
    Kind.PRAISE: _("praise"),
    Kind.ERRAND: _("errand"),
}
STATES = {  # for residents: never the office's own terms
    Status.RECEIVED: _("registered, being assigned"),
    Status.ACCEPTED: _("read, being assigned"),
    Status.RETURNED: _("not ours, you were told where to go"),
    Status.DISPATCHED: _("with the department"),
    Status.OBJECTED: _("with us, being assigned"),
    Status.IN_PROGRESS: _("being worked on"),
    Status.WAITING: _("waiting for your reply"),
    Status.EXTENDED: _("takes longer, you were told why"),
    Status.ANSWERED: _("answer being checked"),
    Status.CLOSED: _("answered"),
    Status.REDO: _("being done again"),
    Status.LINKED: _("joined with the same matter"),
    Status.WITHDRAWN: _("taken back"),
    Status.ARCHIVED: _("answered"),
}


def promised(case: Case) -> Message:
    """The date of a case in words."""
    return dated(case.due_at, provisional=case.provisional)


def dated(moment: datetime, *, provisional: bool) -> Message:
    """A day and hour in words; a provisional one says so."""
    if provisional:
        return _("{due} (the holidays of that year are not announced yet; the day may still change)", due=moment)
    return _("{due}", due=moment)


def speaker(ctx: Ctx, case: Case) -> str:
    """Who speaks to the resident: the department, or the office as a whole."""
    name = ctx.office.departments.name(case.department, ctx.say.language)
    return name or ctx.office.name


def called(case: Case) -> Text:
    """A case by its own words, for the reader who brought it."""
    return quote(case.title) if case.title else quote("…")


def alert(ctx: Ctx, words: Message, *, opens: str = "") -> Screen:
    """An answer to a press that only whoever pressed can see."""
    return Screen(Text(), toast=ctx.say.plain(words), alert=True, opens=opens)


def in_a_row(ctx: Ctx, sentences: Sequence[Text]) -> Text:
    """Sentences on one line, with a space between them where the language wants one."""
    row = sentences[0] if sentences else Text()
    for sentence in sentences[1:]:
        row = ctx.say(_("{first} {second}", first=row, second=sentence))
    return row


def number_in(argument: str, at_most: int = LARGEST) -> int:
    """The number in a button's argument; 0 for what was never shown, as one that no database holds."""
    number = int(argument) if argument.isascii() and argument.isdecimal() and len(argument) < 20 else 0
    return number if number <= at_most else 0


def verdict_buttons(ctx: Ctx, case: Case) -> list[Button]:
    return [
        ctx.button(_("Solved"), "case.solved", case.number),
        ctx.button(_("Not solved"), "case.unsolved", case.number),
        ctx.button(_("Not seen yet"), "case.unseen", case.number),
    ]


def my_cases_button(ctx: Ctx) -> Button:
    return ctx.button(_("My cases"), "cases")


def plain_files(ctx: Ctx, files: tuple[FileRef, ...]) -> list[dict[str, Any]]:
    """Files as plain data, with the channel they lie with."""
    return [
        {"kind": file.kind.value, "ref": file.ref, "size": file.size, "name": file.name, "mime": file.mime,
         "seconds": file.seconds, "channel": ctx.person.channel}
        for file in files
    ]  # fmt: skip


def concerns_staff(ctx: Ctx, words: str) -> bool:
    """Whether somebody who works here is complained about: only supervisors see it then."""
    return any(found.concerns_staff for found in ctx.office.understand(words).matters)


def said_with(ctx: Ctx, words: str) -> Said:
    """The words behind a command, with the files that came in the same message."""
    what = ctx.event.what
    return Said(words, what.files, what.spot) if isinstance(what, Said) else Said(words)


def just_registered(ctx: Ctx, by: str) -> Case | None:
    """The open case that this very button registered a moment ago: pressed twice, it does nothing twice."""
    last = ctx.memory.get("registered", {})
    if last.get("by") != by or ctx.now.timestamp() - last["at"] > TWICE_WITHIN:
        return None
    mine = (case for case in ctx.office.cases.open_of(ctx.person) if case.number == last["number"])
    return next(mine, None)


def note_registered(ctx: Ctx, by: str, case: Case) -> None:
    ctx.memory["registered"] = {"by": by, "number": case.number, "at": ctx.now.timestamp()}


def missed_its_moment(due: Due) -> bool:
    """Whether a timer comes after an outage: what was said before its moment may still be on its way."""
    return due.late > IN_TIME


def source_of(ctx: Ctx) -> str | None:
    """Channel and message of this event, so that a later edit finds what it changes."""
    if ctx.event.message is None or ctx.arrival.lane is None:
        return None
    return f"{ctx.arrival.lane}:{ctx.event.message}"


def words_shown(ctx: Ctx, words: str, at_most: int = 800) -> Text:
    """Somebody's words in a quote, or that there were none: a press, a call, a photo alone."""
    return excerpt(words, at_most) if words else ctx.say(_("(said no more)"))


def excerpt(words: str, at_most: int = 800) -> Text:
    """Somebody's words in a quote; very long ones in part, with their length."""
    return quote(words) if len(words) <= at_most else quote(words[:at_most].rstrip() + f"… ({len(words)})")


def split_number(text: str) -> tuple[str | None, str]:
    """The case number that a text begins with, however it is spaced, and the words after it."""
    words = text.split()
    for count in range(min(len(words), 8), 0, -1):
        number = read_number("".join(words[:count]))
        if number is not None:
            rest = text
            for word in words[:count]:
                rest = rest.lstrip().removeprefix(word)
            return number, rest.strip()
    return None, text.strip()


def words_of(said: Said) -> str:
    """What was said in words, a place's name and point if it was a place, and a phone number that was shared."""
    if said.spot is None:
        return "\n".join(filter(None, (said.text, said.phone)))
    where = f"{said.spot.latitude:.5f},{said.spot.longitude:.5f}"
    return "\n".join(filter(None, (said.text, said.spot.title, where, said.phone)))


def unreadable(ctx: Ctx, said: Said) -> Screen | None:
    """What a platform knows and a case does not: somebody else's card, a poll, a game. None: it can be read."""
    if said.text or said.files or said.spot or said.phone or said.sticker:
        return None
    return ctx.screen(
        _("I cannot read this kind of message. Please type what counts in it, or send a photo or a voice note.")
    )
