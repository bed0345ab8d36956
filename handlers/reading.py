"""A long talk read whole, page by page: nothing that was said is out of reach."""

from collections.abc import Sequence

from bot.dialogue.screen import Screen
from bot.text import Text, cut, join, quote
from bot.words import _
from handlers.context import Ctx, number_in

PAGE = 1500  # characters of foreign words on one page
SHORTEST_PIECE = 80  # less room than that begins a new page


def page_of(ctx: Ctx, parts: Sequence[tuple[Text, str]], page: str, action: str, number: str) -> Screen:
    """One page of a long talk, whole words in quotes under who said them, and the way to the next page."""
    pages: list[list[Text]] = [[]]
    room = PAGE
    for head, words in parts:
        rest = words or ctx.say.plain(_("(said no more)"))
        while rest:
            if room < SHORTEST_PIECE:
                pages.append([])
                room = PAGE
            piece = cut(rest, room)
            rest, room = rest[len(piece) :], room - len(piece)
            pages[-1] += [head, quote(piece)]
    at = min(number_in(page), len(pages) - 1)
    steps = []
    if at > 0:
        steps.append(ctx.button(_("Page before"), action, number, at - 1))
    if at + 1 < len(pages):
        steps.append(ctx.button(_("Next page"), action, number, at + 1))
    head_line = ctx.say(_("Number {number}, page {page} of {count}", number=number, page=at + 1, count=len(pages)))
    return ctx.screen(join([head_line, *pages[at]]), steps, in_place=True)
