"""From Text to words with entities, cut where a reader would cut; it knows no screen and never writes markup.

Offsets and lengths are UTF-16 code units, https://core.telegram.org/bots/api#messageentity.
"""

import re
import unicodedata
from itertools import accumulate

from msgspec import Struct

from bot.text import Style, Text, storable

MOST_UNITS = 4000  # of 4,096: nobody has to count twice
MOST_ENTITIES = 100
_TYPES = {
    Style.BOLD: "bold",
    Style.ITALIC: "italic",
    Style.CODE: "code",
    Style.QUOTE: "blockquote",
    Style.LINK: "text_link",
}
_JOINER = "\u200d"
_PAUSE = re.compile(r"[\s。！？；，、]")

Entity = dict[str, str | int]


class Part(Struct, frozen=True):
    """Words of one message and their entities."""

    words: str
    entities: tuple[Entity, ...] = ()


class _Run(Struct):
    """Characters start to end of the whole text, in one style."""

    start: int
    end: int
    style: Style
    href: str


def parts(text: Text, at_most: int = MOST_UNITS) -> list[Part]:
    """The text in as few messages as it takes; joined they are the text. A part without words is left out."""
    words, runs = _flat(text)
    units = _units(words)
    found = []
    start = 0
    while start < len(words):
        end = _end(words, runs, units, start, at_most)
        if words[start:end].strip():
            found.append(Part(words[start:end], _entities(runs, units, start, end)))
        start = end
    return found


def _units(words: str) -> list[int] | None:
    """How many code units lie before each character; none where that is its index."""
    if words.isascii() or max(words) <= "\uffff":
        return None
    return [0, *accumulate(2 if char > "\uffff" else 1 for char in words)]


def _flat(text: Text) -> tuple[str, list[_Run]]:
    words = storable(str(text))
    runs: list[_Run] = []
    at = 0
    for piece in text.pieces:
        end = at + len(piece.words)
        last = runs[-1] if runs else None
        if last is not None and (last.end, last.style, last.href) == (at, piece.style, piece.href):
            last.end = end
        elif _shows(words[at:end], piece.style, piece.href):
            runs.append(_Run(at, end, piece.style, piece.href))
        at = end
    return words, runs


def _shows(words: str, style: Style, href: str) -> bool:
    return style in _TYPES and bool(words.strip()) and bool(href or style is not Style.LINK)


def _entities(runs: list[_Run], units: list[int] | None, start: int, end: int) -> tuple[Entity, ...]:
    entities: list[Entity] = []
    for run in runs:
        first, last = max(run.start, start), min(run.end, end)
        if first >= last:
            continue
        offset, length = (
            (first - start, last - first)
            if units is None
            else (units[first] - units[start], units[last] - units[first])
        )
        entity: Entity = {"type": _TYPES[run.style], "offset": offset, "length": length}
        if run.style is Style.LINK:
            entity["url"] = run.href
        entities.append(entity)
    return tuple(entities)


def _end(words: str, runs: list[_Run], units: list[int] | None, start: int, at_most: int) -> int:
    """Where the part that begins at `start` ends: all that fits, else a line, a sentence or word, a character."""
    limit = _reach(words, units, start, at_most)
    inside = [run for run in runs if run.end > start and run.start < limit]
    if len(inside) > MOST_ENTITIES:
        limit = inside[MOST_ENTITIES].start
    if limit == len(words):
        return limit
    half = start + (limit - start) // 2
    line = words.rfind("\n", half, limit) + 1
    if line > half:
        return line
    pauses = [pause.end() for pause in _PAUSE.finditer(words, half, limit)]
    wanted = pauses[-1] if pauses else limit
    for end in range(wanted, start, -1):
        if is_border(words, end):
            return end
    return limit


def _reach(words: str, units: list[int] | None, start: int, at_most: int) -> int:
    if units is None:
        return min(len(words), start + at_most)
    end = min(len(words), start + at_most)
    while units[end] - units[start] > at_most:
        end -= 1
    return end


def is_border(words: str, at: int) -> bool:
    """Whether a reader sees two characters here: the common rules of Unicode TR 29, without its tables."""
    if not 0 < at < len(words):
        return True
    before, after = words[at - 1], words[at]
    if before + after == "\r\n" or _JOINER in (before, after):
        return False
    if unicodedata.category(after) in ("Mn", "Mc", "Me") or "\U0001f3fb" <= after <= "\U0001f3ff":
        return False
    if "\U000e0020" <= after <= "\U000e007f":  # the tail of a flag spelt in tags
        return False
    return not (_is_flag_half(after) and _flag_halves_before(words, at) % 2)


def _is_flag_half(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _flag_halves_before(words: str, at: int) -> int:
    start = at
    while start and _is_flag_half(words[start - 1]):
        start -= 1
    return at - start
