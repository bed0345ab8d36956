"""Numbers survive being typed by hand, and nothing else in a sentence is taken for one.

Detection by the check character (Luhn modulo 32): every wrong character; of swapped neighbours all but the pair
0 and Z, that is 990 of 992 ordered pairs (99.8 %). What I, L and O stand for is read as meant, not as an error.
"""

import hmac
import random
import secrets
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.office.cases.number import (
    ALPHABET,
    check_character,
    find_numbers,
    hash_code,
    lookup_code,
    new_number,
    read_number,
)

NUMBER = "7K3M-9QX1"
numbers = st.integers(0).map(lambda seed: new_number(random.Random(seed)))


def full_width(text: str) -> str:
    return "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text)


@given(numbers)
def test_the_written_form(number: str) -> None:
    assert len(number) == 9
    assert number[4] == "-"
    assert set(number) <= {*ALPHABET, "-"}
    assert read_number(number) == number


def test_numbers_of_the_program() -> None:
    drawn = {new_number(secrets.SystemRandom()) for _ in range(2000)}
    assert len(drawn) == 2000
    assert {char for number in drawn for char in number} == {*ALPHABET, "-"}


@given(numbers, st.randoms(use_true_random=False))
def test_any_case_width_and_spacing(number: str, rng: random.Random) -> None:
    typed = "".join(
        rng.choice((char, char.lower(), full_width(char), *{"0": "oOｏ", "1": "iIlLｌ"}.get(char, "")))
        + rng.choice(("", "", "", " ", "　", "-", "－", "—", "–", "·", " - ", "\u200b", "\t", "\n"))
        for char in number.replace("-", "")
    )
    assert read_number(typed) == number
    assert find_numbers(typed) == [number]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "7K3M-9QX",
        "7K3M-9QX11",
        "7K3M/9QX1",
        "7K3M-9QU1",
        "编号7K3M9QX1",
        "１２３４５６７８",
        "7ß39QX1",
        "٧K3M9QX1",
        "\ud800",
    ],
)
def test_what_is_no_number(text: str) -> None:
    assert read_number(text) is None


@given(st.text())
def test_any_text_is_read_without_a_fault(text: str) -> None:
    found = read_number(text)
    assert found is None or read_number(found) == found
    assert all(read_number(number) == number for number in find_numbers(text))


@given(numbers, st.integers(0, 7), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_always_found(number: str, place: int, char: str) -> None:
    plain = number.replace("-", "")
    wrong = plain[:place] + char + plain[place + 1 :]
    assert (read_number(wrong) is None) == (wrong != plain)


@pytest.mark.parametrize("place", range(6))
def test_swapped_neighbours_but_0_and_z_are_found(place: int) -> None:
    def checked(pair: str) -> str:
        return check_character("A" * place + pair + "A" * (5 - place))

    missed = {(a, b) for a, b in permutations(ALPHABET, 2) if checked(a + b) == checked(b + a)}
    assert missed == {("0", "Z"), ("Z", "0")}


def test_the_check_character_swapped_with_the_last() -> None:
    missed = set()
    for a, b in permutations(ALPHABET, 2):
        plain = next(text for text in (f"A{x}AAAA{a}" for x in ALPHABET) if check_character(text) == b)
        if check_character(plain[:-1] + b) == a:
            missed.add((a, b))
    assert missed == {("0", "Z"), ("Z", "0")}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("查进度 7K3M9QX1 305816", [NUMBER]),
        ("查进度 7k3m 9qx1 305 816", [NUMBER]),
        ("305816 7K3M9QX1", [NUMBER]),
        ("编号7k3m-9qx1的灯，还有Ｒ４ＴＮ－２Ｃ８１，什么时候好", [NUMBER, "R4TN-2C81"]),
        ("这件：7K 3M 9Q X1。", [NUMBER]),
        ("是 7 K 3 M 9 Q X 1 吗", [NUMBER]),
        ("PLAN 7K3M 9QX1", [NUMBER]),
        ("/check 7K3M — 9QX1", [NUMBER]),
        ("7K3M9QX12", []),
        ("x7K3M9QX1", []),
        ("7K3M9QXT", []),
    ],
)
def test_numbers_in_a_sentence(text: str, found: list[str]) -> None:
    assert find_numbers(text) == found


def test_phone_numbers_and_dates_are_never_numbers() -> None:
    """Not by luck: what has no letter is not one, whatever its check character."""
    assert check_character("2026092") == "5"
    for digits in (20_260_925, *range(20_260_000, 20_265_000)):
        assert not find_numbers(f"电话{digits}，{digits // 10000}-{digits % 10000}")


@pytest.mark.parametrize(
    "sentence",
    [
        "Call 138 0013 8000 or 12345, before 2026-09-15 17:30",
        "The lamp on our stairs has been dark for days, please send somebody to look at it soon",
        "幸福里3号楼2单元301室，13800138000，身份证110105194912310021",
        "when this lamp will come back onto life, then show that page with care",
    ],
)
def test_sentences_without_a_number(sentence: str) -> None:
    assert find_numbers(sentence) == []


@given(st.text(alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZ abcdefghijklmnopqrstuvwxyz-01"))
def test_words_are_never_numbers(words: str) -> None:
    assert find_numbers(words) == []


def test_a_long_text_is_searched_quickly() -> None:
    assert find_numbers("7K3M 9QXT " * 2000 + NUMBER) == [NUMBER]


@given(st.randoms(use_true_random=False))
def test_a_code_has_six_digits(rng: random.Random) -> None:
    code = lookup_code(rng)
    assert len(code) == 6
    assert code.isascii()
    assert code.isdigit()


def test_all_codes_are_equally_likely() -> None:
    """Bits that would favour some codes are drawn again."""

    class Draws(random.Random):
        def getrandbits(self, _bits: int, /) -> int:
            return left.pop(0)

    left = [2**32 - 1, 4_294_000_000, 4_293_999_999]
    assert lookup_code(Draws()) == "999999"


def test_a_hash_holds_for_one_code_number_and_key() -> None:
    stored = hash_code("482913", b"key", NUMBER)
    assert stored == hmac.digest(b"key", b"7K3M-9QX1\x00482913", "sha256")
    others = [("482914", b"key", NUMBER), ("482913", b"yek", NUMBER), ("482913", b"key", "R4TN-2C81")]
    assert stored not in [hash_code(*other) for other in others]
