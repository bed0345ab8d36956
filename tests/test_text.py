"""Text as spans, and what is left of foreign words."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text import (
    MAX_COMBINING,
    Piece,
    Style,
    Text,
    as_text,
    bold,
    clean,
    join,
    link,
    quote,
    shorten,
    storable,
    utf16_length,
)

anything = st.text(st.characters(codec=None), max_size=60)  # lone surrogates, controls and all
tricky = st.text(
    "a 楼😀👨‍👩‍👧\u200d\ufe0f\u0301\u0488\u202e\u2066\u200f\r\n\t\0\x85\u2028\ud83d\ude00\U000e0067", max_size=30
)
BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@given(anything | tricky)
def test_cleaning_twice_is_cleaning_once(words: str) -> None:
    assert clean(clean(words)) == clean(words)


@given(anything | tricky)
def test_clean_words_hold_no_control_and_no_bidi_character(words: str) -> None:
    kept = clean(words)
    assert not set(kept) & set(BIDI)
    assert all(char == "\n" or unicodedata.category(char) not in ("Cc", "Cs", "Zl", "Zp") for char in kept)


@given(anything | tricky)
def test_clean_words_can_be_encoded(words: str) -> None:
    clean(words).encode()


@given(tricky)
def test_combining_marks_cannot_pile_up(words: str) -> None:
    marks = 0
    for char in clean(words).replace("\u200d", " "):
        marks = marks + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
        assert marks <= MAX_COMBINING


@pytest.mark.parametrize("words", ["", "hello", "楼道灯坏了，3号楼。", "👨‍👩‍👧 一家", "❤️", "🏳️‍🌈", "line\nline"])
def test_ordinary_words_stay_as_they_are(words: str) -> None:
    assert clean(words) == words


@pytest.mark.parametrize(
    "words, kept",
    [
        ("abc\u202egpj.exe", "abcgpj.exe"),
        ("one\r\ntwo", "one\ntwo"),
        ("one\rtwo", "one\ntwo"),
        ("王秀英\t13800000000\t12", "王秀英 13800000000 12"),
        ("one\u2028two\u2029three", "one\ntwo\nthree"),
        ("zero\u200bwidth", "zerowidth"),
        ("a\u200db", "ab"),
        ("nul\0", "nul"),
        ("e" + "\u0301" * 9, "e" + "\u0301" * MAX_COMBINING),
    ],
)
def test_what_is_left_of_foreign_words(words: str, kept: str) -> None:
    assert clean(words) == kept


@given(anything | tricky)
def test_storable_words_hold_no_nul_and_no_half_of_a_pair(words: str) -> None:
    kept = storable(words)
    assert "\0" not in kept
    assert kept.encode().decode() == kept
    assert storable(kept) == kept


@given(st.text())
def test_storable_words_are_only_changed_where_they_must_be(words: str) -> None:
    assert storable(words) == words.replace("\0", "\ufffd")


@given(st.text())
def test_length_is_counted_in_utf16_units(words: str) -> None:
    assert utf16_length(words) == sum(2 if ord(char) > 0xFFFF else 1 for char in words)


@pytest.mark.parametrize("words, length", [("", 0), ("a", 1), ("楼", 1), ("😀", 2), ("👨‍👩‍👧", 8), ("\ud83d", 1)])
def test_lengths_as_the_bot_api_counts(words: str, length: int) -> None:
    assert utf16_length(words) == length


@given(anything, st.integers(1, 40))
def test_shortened_words_stand_on_one_line_and_fit(words: str, at_most: int) -> None:
    short = shorten(words, at_most)
    assert len(short) <= at_most
    assert "\n" not in short


def test_shortening_says_that_something_is_left_out() -> None:
    assert shorten("楼道灯坏了 很久了", 5) == "楼道灯坏…"
    assert shorten("楼道灯\n坏了", 10) == "楼道灯 坏了"


def test_what_a_resident_typed_cannot_format_anything() -> None:
    quoted = quote("<b>*bold*</b> [link](https://example.org)\u202e")
    assert quoted.pieces == (Piece("<b>*bold*</b> [link](https://example.org)", Style.QUOTE),)


def test_texts_are_joined_without_losing_their_styles() -> None:
    text = as_text("Case ") + bold("1") + ", " + link("here", "https://example.org")
    assert str(text) == "Case 1, here"
    assert [piece.style for piece in text.pieces] == [Style.PLAIN, Style.BOLD, Style.PLAIN, Style.LINK]


def test_joining_leaves_out_what_is_empty() -> None:
    assert str(join(["one", "", Text(), bold("two"), quote("\0")], " · ")) == "one · two"


def test_an_empty_text_is_false() -> None:
    assert not Text()
    assert not bold("")
    assert as_text("words")
