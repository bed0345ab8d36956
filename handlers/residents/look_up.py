"""Looking up by number and code: in one message or in two, as they were copied. A miss never says what was wrong."""

import re
import unicodedata
from datetime import timedelta
from typing import Any

import msgspec

from bot.dialogue.context import Screens
from bot.dialogue.event import Said
from bot.dialogue.screen import Screen
from bot.errors import NotFound
from bot.office.cases.model import Case, Privacy
from bot.office.cases.number import find_numbers, read_number
from bot.text import join
from bot.words import _
from handlers.context import RESIDENTS, STATES, Ctx, Router, called, my_cases_button, promised, speaker, split_number
from handlers.excuses import excuse
from handlers.residents import additions, cases, reading, tidy

router = Router("look-up", who=RESIDENTS)

MOST_MISSES = 5
LONGEST_QUESTION = 60  # characters: a longer message with a number in it is no look-up
_CODE = re.compile(r"(?:查询码|code)?[:： ]*(\d{3})[ -]?(\d{3})[。.]?", re.I)
_LABELLED = re.compile(r"(?:查询码|look-up code)[:： ]*(\d{3})[ -]?(\d{3})(?!\d)", re.I)
_TOGETHER = re.compile(r"([0-9A-Za-z]{4}-?[0-9A-Za-z]{4})(\d{3})[ -]?(\d{3})")
_LIKE_NUMBER = re.compile(
    r"(?=.*\d)(?:编号|number)?[:： ]*[0-9A-Za-z]{4}[ -]?[0-9A-Za-z]{4}(?:[ ,，]+[\d -]{6,8})?", re.I
)
_DIGIT = re.compile("[0-9]")
_ASKS = ("查进度", "check ")


@router.command("check", about=_("Look up by number"))
def check(ctx: Ctx, rest: str) -> Screens:
    number, code = _pair(rest)
    if number is not None:
        return _looked_up(ctx, number, code)
    if _LIKE_NUMBER.fullmatch(_plain(rest)):
        return _missed(ctx)  # one character is wrong: which one is not known either
    ctx.expect({"check": True})
    ctx.memory.pop(tidy.LOOKING, None)
    return ctx.screen(_("Please send the number and the look-up code."))


@router.hook("said")
def mentioned(ctx: Ctx, said: Said) -> Screens:
    """A message with a case number in it; after a number, its code."""
    words = said.text.strip()
    if said.files:
        number, rest = split_number(words)
        return additions.added(ctx, number, msgspec.structs.replace(said, text=rest)) if number is not None else None
    asks = next((word for word in _ASKS if words.casefold().startswith(word)), None)
    if asks is not None and (_pair(rest := words[len(asks) :])[0] or not rest or _LIKE_NUMBER.fullmatch(_plain(rest))):
        return check(ctx, rest)
    if ctx.awaits("add"):
        return None
    is_awaited = ctx.expected("check") is not None
    number, code = _pair(words)
    if number is None:
        return _second_half(ctx, words) if is_awaited else None
    rest = split_number(words)[1] if split_number(words)[0] else ""
    if ctx.person.works_on_cases and code is None and not (is_awaited or rest or len(words) >= LONGEST_QUESTION):
        return ctx.screen(excuse(NotFound("case")))  # no case of their work: one of their own begins by “check”
    if rest and code is None:
        return additions.added(ctx, number, msgspec.structs.replace(said, text=rest))
    return _looked_up(ctx, number, code) if code is not None or len(words) < LONGEST_QUESTION else None


def _second_half(ctx: Ctx, words: str) -> Screens:
    """The code of a number that was sent before it."""
    looking: dict[str, Any] = ctx.memory.get(tidy.LOOKING, {})
    code = _CODE.fullmatch(_plain(words))
    if code is not None and looking.get("until", 0.0) > ctx.now.timestamp():
        return _looked_up(ctx, looking["number"], code[1] + code[2])
    if code is not None:
        return check(ctx, "")
    return _missed(ctx) if _LIKE_NUMBER.fullmatch(_plain(words)) else None


def _looked_up(ctx: Ctx, number: str, code: str | None) -> Screens:
    if code is None:
        return _of_ones_own(ctx, number)
    since = ctx.memory.pop(tidy.LOOKING, {}).get("since", ctx.event.happened_at.timestamp())
    case = _checked(ctx, number, code)
    if case is None:
        return _missed(ctx)
    if case.privacy is Privacy.ANONYMOUS:
        return reading.begin(ctx, case, code, since)
    lines = [
        called(case),
        ctx.say(_("{who}: {state}.", who=speaker(ctx, case), state=STATES[case.status])),
    ]
    if case.is_open:
        lines.append(ctx.say(_("Answer by {due} at the latest.", due=promised(case))))
    lines.append(ctx.say(_("Would you like to get the messages too?")))
    return ctx.screen(
        join(lines),
        [ctx.button(_("Yes, me too"), "case.follow", case.number, code), ctx.button(_("No need"), "menu")],
    )


def _of_ones_own(ctx: Ctx, number: str) -> Screens:
    """A number alone opens one's own case; of any other it asks for the code, whether there is such a case or not."""
    try:
        return cases.show(ctx, number)
    except NotFound:
        since, until = ctx.event.happened_at.timestamp(), ctx.now + reading.REMEMBERED_FOR
        ctx.memory[tidy.LOOKING] = {"number": number, "since": since, "until": until.timestamp()}
        tidy.look_again(ctx, until)
        ctx.expect({"check": True})
        return ctx.screen(
            _("The number alone is not enough here. Please send its look-up code too: six digits. "
              "What you brought in this chat yourself stands under “my cases”."),
            [my_cases_button(ctx)],
        )  # fmt: skip


def _missed(ctx: Ctx) -> Screen:
    """One and the same text for every miss; what is sent next may be the right pair."""
    ctx.expect({"check": True})
    return ctx.screen(excuse(NotFound("check")))


def _checked(ctx: Ctx, number: str, digits: str) -> Case | None:
    """The case of number and code. After five misses within an hour even the right pair is one."""
    hour_ago = (ctx.now - timedelta(hours=1)).timestamp()
    misses = [at for at in ctx.memory.get("misses", []) if at > hour_ago]
    found = None
    if len(misses) < MOST_MISSES:
        found = ctx.office.cases.check(number, digits)
    if found is None:
        ctx.memory["misses"] = [*misses, ctx.now.timestamp()][-MOST_MISSES:]
    return found


@router.action("case.follow")
def follow(ctx: Ctx, number: str, code: str) -> Screen:
    found = _checked(ctx, number, code)
    if found is None or found.privacy is Privacy.ANONYMOUS:
        return ctx.screen(excuse(NotFound("check")))
    case = ctx.office.cases.follow(found, by=ctx.person)
    return ctx.screen(_("Good. What comes on number {number} comes to you too.", number=case.number))


def _pair(text: str) -> tuple[str | None, str | None]:
    """Number and code: side by side, run together, or each with its name as on the receipt; either may be missing."""
    plain = _plain(text)
    if not _DIGIT.search(plain):
        return None, None  # as most messages: numbers and codes have digits
    number, rest = split_number(plain)
    if number is not None:
        code = _CODE.fullmatch(rest.lstrip(",，;； "))
        return number, code[1] + code[2] if code is not None else None
    if (together := _TOGETHER.fullmatch(plain)) and (number := read_number(together[1])):
        return number, together[2] + together[3]
    numbers = find_numbers(plain)
    labelled = _LABELLED.search(plain) if len(numbers) == 1 else None
    return (numbers[0] if numbers else None), (labelled[1] + labelled[2] if labelled is not None else None)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip()
