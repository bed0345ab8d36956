"""Rich text as spans: the one text type of all channels. It is never markup that somebody has to parse."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from enum import StrEnum

from msgspec import Struct

MAX_COMBINING = 4
_ZWJ = "\u200d"
_JOINING = frozenset(("\u200d", "\ufe0f"))
_KEPT_CONTROLS = frozenset("\n")
_ORDINARY = re.compile(r"[\n -~\u3000-\u3029\u4e00-\u9fff\uff01-\uff5e“”‘’…—]*")  # nothing in it to take out
_SPACES = str.maketrans(dict.fromkeys("\r\v\f\x85\u2028\u2029", "\n") | {"\t": " "})  # dropped, they would join words


class Style(StrEnum):
    """How a piece looks. A channel that cannot show a style shows the words plainly."""

    PLAIN = "p"
    BOLD = "b"
    ITALIC = "i"
    CODE = "c"
    QUOTE = "q"  # somebody's own words, in a block of their own
    LINK = "a"


class Piece(Struct, frozen=True, array_like=True):
    """A run of characters in one style."""

    words: str
    style: Style = Style.PLAIN
    href: str = ""


class Text(Struct, frozen=True, array_like=True):
    """A sequence of pieces; joined with +, shown plainly by str()."""

    pieces: tuple[Piece, ...] = ()

    def __str__(self) -> str:
        return "".join(piece.words for piece in self.pieces)

    def __add__(self, other: "Text | str") -> "Text":
        return Text(self.pieces + as_text(other).pieces)

    def __bool__(self) -> bool:
        return bool(self.pieces)


def as_text(words: "Text | str") -> Text:
    """Our own words as Text; foreign words go through `quote` or `foreign`."""
    if isinstance(words, Text):
        return words
    return Text((Piece(words),)) if words else Text()


def styled(words: str, style: Style, href: str = "") -> Text:
    return Text((Piece(words, style, href),)) if words else Text()


def bold(words: str) -> Text:
    return styled(words, Style.BOLD)


def link(words: str, href: str) -> Text:
    return styled(words, Style.LINK, href)


def quote(words: str) -> Text:
    """What somebody else wrote, cleaned, in a block that our own words cannot be mistaken for."""
    return styled(clean(words), Style.QUOTE)


def join(parts: Iterable[Text | str], between: str = "\n") -> Text:
    """The parts that are not empty, with `between` among them."""
    pieces: list[Piece] = []
    for part in parts:
        text = as_text(part)
        if not text:
            continue
        if pieces:
            pieces.append(Piece(between))
        pieces.extend(text.pieces)
    return Text(tuple(pieces))


def clean(words: str) -> str:
    """Foreign words without control, bidi and invisible characters, and with few combining marks (Unicode TR 36)."""
    return words if _ORDINARY.fullmatch(words) else "".join(_kept(words))


def _kept(words: str) -> Iterator[str]:
    marks = 0
    before = ""
    for char in words.replace("\r\n", "\n").translate(_SPACES):
        category = unicodedata.category(char)
        if category in ("Cc", "Cf", "Cs", "Zl", "Zp"):
            joins = char == _ZWJ and unicodedata.category(before or " ") in ("So", "Sk", "Mn")
            if char not in _KEPT_CONTROLS and not joins:
                continue
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if marks > MAX_COMBINING:
            continue
        before = char
        yield char


def storable(words: str) -> str:
    """Words that every database and encoder takes: no U+0000 and no half of a surrogate pair."""
    if words.isascii() and "\0" not in words:
        return words
    return words.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def shorten(words: str, at_most: int) -> str:
    """The beginning of the words on one line, with an ellipsis where something is left out."""
    line = " ".join(words.split())
    return line if len(line) <= at_most else line[: at_most - 1].rstrip() + "…"


def cut(words: str, at_most: int) -> str:
    """The longest beginning of at most so many characters that parts no character from its marks."""
    end = min(at_most, len(words))
    while 0 < end < len(words) and (unicodedata.combining(words[end]) or words[end] in _JOINING):
        end -= 1
    return words[: end or at_most]


def utf16_length(words: str) -> int:
    """Length in UTF-16 code units, as the Bot API counts."""
    return len(words) if words.isascii() else len(words.encode("utf-16-le", "surrogatepass")) // 2
