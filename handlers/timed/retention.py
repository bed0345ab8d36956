"""By night what has been kept for its term goes, a slice at a time; files go at their own moment."""

import msgspec

from bot.dialogue.event import Due, Finished
from bot.office.people.erasure import REST, Rest
from bot.office.retention import Slice
from handlers.context import RESIDENTS, Ctx, Router
from handlers.residents.own_data import TERM, mark

router = Router("retention", who=RESIDENTS)


@router.timed("retention.night")
def night(ctx: Ctx, _due: Due) -> None:
    """Begins; the office re-arms it for the next night."""
    ctx.office.sweep(None, mark(ctx, TERM))


@router.timed("retention.slice")
def slice_(ctx: Ctx, due: Due) -> None:
    ctx.office.sweep(msgspec.convert(due.data, Slice), mark(ctx, TERM))


@router.timed(REST)
def rest(ctx: Ctx, due: Due) -> None:
    """What is left of an erasure that somebody asked for."""
    ctx.office.go_on_erasing(msgspec.convert(due.data, Rest), mark(ctx))


@router.timed("files.go")
def files_go(ctx: Ctx, _due: Due) -> None:
    ctx.office.clear_files()


@router.job("files.clear")
def files_cleared(ctx: Ctx, _finished: Finished) -> None:
    ctx.office.files_cleared()


@router.job("talk.trim")
def trimmed(_ctx: Ctx, _finished: Finished) -> None:
    """Nobody needs to hear of it."""


@router.timed("erasure.wipe")
def wipe_by_night(ctx: Ctx, _due: Due) -> None:
    """The database is built anew when nobody waits for it."""
    ctx.office.wipe_by_night()


@router.job("erasure.wipe")
def wiped(ctx: Ctx, finished: Finished) -> None:
    if finished.result.get("again", True):
        ctx.office.plan_wiping()
