"""Case numbers to be read out: seven random characters and a check character. They tell no order, no count."""

import hashlib
import hmac
import re
import unicodedata

from bot.ids import Randomness
from bot.text import ORDINARY

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base32: no I, L, O, U
_VALUES = {char: value for value, char in enumerate(ALPHABET)} | {"I": 1, "L": 1, "O": 0}
_VALUES |= {char.lower(): value for char, value in _VALUES.items()}
_LENGTH = 8
_SEPARATOR = r"[\s\-‐-―−ー·._]"
_TYPED = "[0-9A-TV-Za-tv-z]"
# In a sentence words are joined only where all parts are of one length, or half of English would be numbers.
_SPOKEN = re.compile(
    "(?<![0-9A-Za-z])(?:"
    + "|".join(
        f"{_TYPED}{{{size}}}(?:{_SEPARATOR}{{1,3}}{_TYPED}{{{size}}}){{{_LENGTH // size - 1}}}" for size in (8, 4, 2, 1)
    )
    + ")(?![0-9A-Za-z])"
)


def check_character(body: str) -> str:
    """Luhn modulo 32: finds every wrong character, and all swapped neighbours but 0 and Z (99.8 % of pairs)."""
    total, factor = 0, 2
    for char in reversed(body):
        addend = _VALUES[char] * factor
        total += addend // 32 + addend % 32
        factor = 3 - factor
    return ALPHABET[-total % 32]


def new_number(random: Randomness) -> str:
    """A fresh number, written XXXX-XXXX; about 34.8 bits.

    It has a letter and a digit above 1, so that no phone number, date or plain word can ever be one.
    """
    while True:
        body = "".join(ALPHABET[random.getrandbits(5)] for _ in range(_LENGTH - 1))
        number = body + check_character(body)
        if _is_mixed(number):
            return _written(number)


def read_number(text: str) -> str | None:
    """The number somebody typed, in any case, width and spacing; None where the check character does not fit."""
    plain = re.sub(_SEPARATOR, "", _narrow(text))
    if len(plain) != _LENGTH or any(char not in _VALUES for char in plain):
        return None
    exact = "".join(ALPHABET[_VALUES[char]] for char in plain)
    return _written(exact) if _is_mixed(exact) and check_character(exact[:-1]) == exact[-1] else None


def find_numbers(text: str) -> list[str]:
    """The numbers in a sentence, in order; what fails the check is not taken for one."""
    if (whole := read_number(text)) is not None:
        return [whole]
    plain, found, start = _narrow(text), [], 0
    while candidate := _SPOKEN.search(plain, start):
        number = read_number(candidate[0])
        if number is not None:
            found.append(number)
        start = candidate.start() + 1 if number is None else candidate.end()
    return found


def lookup_code(random: Randomness) -> str:
    """Six digits."""
    value = random.getrandbits(32)
    while value >= 4_294_000_000:  # so that all codes are equally likely
        value = random.getrandbits(32)
    return f"{value % 1_000_000:06}"


def hash_code(code: str, key: bytes, number: str) -> bytes:
    """What is kept of a code: a keyed hash (HMAC-SHA256) that is worth nothing for another number."""
    return hmac.digest(key, f"{number}\0{code}".encode(), hashlib.sha256)


def _narrow(text: str) -> str:
    """Full-width characters as plain ones, without the invisible ones that come along when copying."""
    plain = unicodedata.normalize("NFKC", text)
    if ORDINARY.fullmatch(plain):
        return plain
    return "".join(char for char in plain if unicodedata.category(char) != "Cf")


def _is_mixed(number: str) -> bool:
    return any(char in "23456789" for char in number) and any(char.isalpha() for char in number)


def _written(plain: str) -> str:
    return f"{plain[:4]}-{plain[4:]}"
