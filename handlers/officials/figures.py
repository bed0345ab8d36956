"""What is open and due, and what became of a month: its shortfalls are always named."""

import re
from datetime import datetime
from typing import Any

from bot.dialogue.screen import Screen
from bot.text import join
from bot.words import _
from handlers.context import WORKERS, Ctx, Router
from handlers.officials.queue import waiting

router = Router("figures", who=WORKERS)

_MONTH = re.compile(r"(?:(\d{4})\D)?\s*(\d{1,2})\s*月?")


@router.command("overdue", about=_("What is overdue"))
def overdue(ctx: Ctx, _rest: str) -> Screen:
    return waiting(ctx, "overdue")


@router.command("stats", about=_("Figures"))
def stats(ctx: Ctx, rest: str) -> Screen:
    """Now, and a month: this one, or the one that is named (“8月”, “2026-08”)."""
    begins, ends = _month(ctx, rest)
    month = ctx.office.cases.month(ctx.person, begins, ends)
    counts = ctx.office.cases.counts(ctx.person)
    lines = [
        ctx.say(_("Now: {open} open, {overdue} overdue, {today} due today, {unowned} without an owner, "
                  "{waiting} waiting for a reply.", **counts)),
        ctx.say(_("{month}: {registered} registered. Fell due: {due}; answered in time {on_time}, late {late}, "
                  "not yet {undone}.", **_facts(month), month=f"{begins:%Y-%m}")),
    ]  # fmt: skip
    if month.on_time_share is not None:
        share = f"{month.on_time_share:.1%}"
        lines.append(ctx.say(_("In time: {share} of {due}. Everything that fell due counts, done or not.",
                               share=share, due=month.due)))  # fmt: skip
    if month.late + month.undone:
        lines.append(ctx.say(_("Shortfalls: {late} late, {undone} not answered.",
                               late=month.late, undone=month.undone)))  # fmt: skip
    return ctx.screen(join(lines), [ctx.button(_("Overdue"), "queue.only", "overdue")])


def _facts(month: Any) -> dict[str, int]:
    return {name: getattr(month, name) for name in ("registered", "due", "on_time", "late", "undone")}


def _month(ctx: Ctx, words: str) -> tuple[datetime, datetime]:
    """The first moment of the month and of the next, in the office's zone; the latest such month that has begun."""
    here = ctx.now.astimezone(ctx.office.calendar.zone)
    found = _MONTH.fullmatch(words.strip())
    month = int(found[2]) if found and 1 <= int(found[2]) <= 12 else here.month
    year = int(found[1]) if found and found[1] else here.year - (month > here.month)
    year = min(max(year, 2000), 2999)
    begins = datetime(year, month, 1, tzinfo=here.tzinfo)
    ends = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=here.tzinfo)
    return begins, ends
