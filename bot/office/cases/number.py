"""Case numbers to be read out: seven random characters and a check character. They tell no order, no count."""

import hashlib
import hmac
import re
import unicodedata

from bot.ids import Randomness

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base32: no I, L, O, U
_VALUES = {char: value for value, char in enumerate(ALPHABET)} | {"I": 1, "L": 1, "O": 0}
_LENGTH = 8
_SEPARATORS = re.compile(r"[\s\-‐-―−·.]+")


def check_character(body: str) -> str:
    """Luhn modulo 32 over the alphabet; finds every wrong character and most swapped neighbours."""
    total, factor = 0, 2
    for char in reversed(body):
        addend = _VALUES[char] * factor
        total += addend // 32 + addend % 32
        factor = 3 - factor
    return ALPHABET[-total % 32]


def new_number(random: Randomness) -> str:
    """A fresh number, written XXXX-XXXX."""
    body = "".join(ALPHABET[random.getrandbits(5)] for _ in range(_LENGTH - 1))
    return _written(body + check_character(body))


def read_number(text: str) -> str | None:
    """The number somebody typed, in any case, width and spacing; None where the check character does not fit."""
    plain = _SEPARATORS.sub("", unicodedata.normalize("NFKC", text)).upper()
    if len(plain) != _LENGTH or any(char not in _VALUES for char in plain):
        return None
    exact = "".join(ALPHABET[_VALUES[char]] for char in plain)
    return _written(exact) if check_character(exact[:-1]) == exact[-1] else None


def find_numbers(text: str) -> list[str]:
    """The numbers in a sentence, in order; digits whose check fails are not taken for one."""
    plain = unicodedata.normalize("NFKC", text)
    found: list[str] = []
    for run in re.finditer(r"[0-9A-Za-z]+(?:[ \-‐-―−·]{1,2}[0-9A-Za-z]+)*", plain):
        words = re.split(r"[ \-‐-―−·]{1,2}", run[0])
        start = 0
        while start < len(words):
            start = _longest(words, start, found)
    return found


def lookup_code(random: Randomness) -> str:
    """Six digits."""
    value = random.getrandbits(32)
    while value >= 4_294_000_000:  # so that all codes are equally likely
        value = random.getrandbits(32)
    return f"{value % 1_000_000:06}"


def hash_code(code: str, key: bytes, number: str) -> bytes:
    """What is kept of a code: a keyed hash that is worth nothing for another number."""
    return hmac.digest(key, f"{number}\0{code}".encode(), hashlib.sha256)


def _longest(words: list[str], start: int, found: list[str]) -> int:
    """Joins words from `start` until they are a number; where to go on."""
    for end in range(start + 1, min(start + _LENGTH, len(words)) + 1):
        number = read_number("".join(words[start:end]))
        if number is not None:
            found.append(number)
            return end
    return start + 1


def _written(plain: str) -> str:
    return f"{plain[:4]}-{plain[4:]}"
