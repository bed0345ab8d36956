"""Rich text as spans: the one text type of all channels. It is never markup that somebody has to parse."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any

from msgspec import Struct

MAX_COMBINING = 4
_ZWJ = "\u200d"
_JOINING = frozenset(("\u200d", "\ufe0f"))
_KEPT_CONTROLS = frozenset("\n")
# Letters, marks and places without a meaning yet that show nothing (Default_Ignorable_Code_Point, and empty braille).
_BLANKS = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\uffa0\ufff0-\ufff8"
                     "\U00016fe4\U0001d159\U000e0000-\U000e00ff\U000e01f0-\U000e0fff]")  # fmt: skip
_KEYS = frozenset("0123456789#*")  # drawn as keys by a selector
_LOOKS = "\ufe0e\ufe0f"  # a sign as text or as emoji
_VARIANTS = re.compile("[\ufe00-\ufe0d\U000e0100-\U000e01ef]")  # other shapes of an ideograph, as in names
ORDINARY = re.compile(r"[\n -~\u3000-\u3029\u4e00-\u9fff\uff01-\uff5e“”‘’…—]*")  # nothing in it to take out
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
    return words if ORDINARY.fullmatch(words) else "".join(_kept(words))


def _kept(words: str) -> Iterator[str]:
    marks = 0
    before = ""
    seen = _BLANKS.sub("", words.replace("\r\n", "\n").translate(_SPACES))
    for char, after in zip(seen, (*seen[1:], ""), strict=False):
        category = unicodedata.category(char)
        if category in ("Cc", "Cf", "Cs", "Zl", "Zp"):
            if char not in _KEPT_CONTROLS and not (char == _ZWJ and _joins(before, after)):
                continue
        elif not _has_base(char, before):
            continue
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if marks > MAX_COMBINING:
            continue
        before = char
        yield char


def _joins(before: str, after: str) -> bool:
    """Whether a joiner stands between two emoji."""
    ends = before == "\ufe0f" or "\U0001f3fb" <= before <= "\U0001f3ff" or _is(before, "So")
    return ends and (after == "\u2194" or _is(after, "So"))


def _has_base(char: str, before: str) -> bool:
    """Whether a selector of looks has something to select; others always have."""
    if char in _LOOKS:
        return before in _KEYS if before.isascii() else _is(before, "So", "Sm", "Po", "Pd", "Sk")
    return not _VARIANTS.match(char) or "CJK" in unicodedata.name(before or " ", "")


def _is(char: str, *categories: str) -> bool:
    return char != "" and unicodedata.category(char) in categories


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


def mended(value: Any) -> Any:
    """A decoded JSON value whose words are all storable."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [mended(item) for item in value]
    if isinstance(value, dict):
        return {key: mended(item) for key, item in value.items()}
    return value
