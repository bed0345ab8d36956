"""What in an official's words may be misread or was not meant for a resident: days that move, numbers of people."""

import re
import unicodedata
from datetime import date

from bot.text import Text
from bot.words import _
from handlers.context import Ctx, in_a_row

_PHONE = re.compile(
    r"(?<!\d)(?:\+?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?!\d)|(?<!\d)(?:\+?86[ -]?)?0\d{2,3}[ -]?\d{7,8}(?!\d)"
)
_IDENTITY = re.compile(r"(?<!\d)\d{6} ?\d{8} ?\d{3}[\dXx](?!\d)")


def has_phone(words: str) -> bool:
    """Whether a telephone number is in it, however it is spaced and in whatever width."""
    return _PHONE.search(unicodedata.normalize("NFKC", words)) is not None


def has_identity_number(words: str) -> bool:
    """Whether an identity card's number is in it; its last character may be an X (GB 11643)."""
    return _IDENTITY.search(unicodedata.normalize("NFKC", words)) is not None


def clearer(ctx: Ctx, words: str) -> Text:
    """Which words for a day are clearer as a date; empty where there is none."""
    return in_a_row(
        ctx, [ctx.say(_("“{word}” is clearer as {day}.", word=word, day=day))
              for word, day in dict(ctx.office.days_in(words, _today(ctx))).items()]
    )  # fmt: skip


def dated(ctx: Ctx, words: str) -> str:
    """The same words with dates and weekdays in place of “tomorrow” and the like."""
    rest, done = words, ""
    for word, day in ctx.office.days_in(words, _today(ctx)):
        before, _word, rest = rest.partition(word)
        done += before + ctx.say.day(day)
    return done + rest


def _today(ctx: Ctx) -> date:
    return ctx.now.astimezone(ctx.office.calendar.zone).date()
