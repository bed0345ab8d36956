"""Ids that sort by time, made by the application and not by the database; they carry nothing about a person."""

import threading
from collections.abc import Callable
from typing import Protocol

_START_MS = 1_767_225_600_000  # 2026-01-01 UTC: 41 bits of milliseconds last until 2095
_LOW_BITS = 22
_MINUTE = 60_000  # milliseconds
_LATEST = 2**62  # a clock that was set to a far future must not use up what there is


class Randomness(Protocol):
    """A source of random bits: secrets.SystemRandom in the program, a seeded one in tests."""

    def getrandbits(self, bits: int, /) -> int: ...


class Ids:
    """Positive 63-bit numbers: milliseconds, then a counter that starts anywhere so that processes do not meet."""

    def __init__(self, milliseconds: Callable[[], int], random: Randomness) -> None:
        self._milliseconds = milliseconds
        self._random = random
        self._last = 0
        self._lock = threading.Lock()

    def __call__(self) -> int:
        fresh = self._fresh()
        with self._lock:
            if fresh <= self._last:
                self._last += 1
            else:
                self._last = fresh + self._random.getrandbits(_LOW_BITS - 1)
            return self._last

    def go_on_above(self, last: int) -> None:
        """Where the clock was set back between two runs: what an earlier one made in its last minute stays below."""
        with self._lock:
            if self._fresh() < last < _LATEST:
                self._last = max(self._last, last + (_MINUTE << _LOW_BITS))

    def _fresh(self) -> int:
        return (self._milliseconds() - _START_MS) << _LOW_BITS

    def untimed(self) -> int:
        """An id that tells nothing about when: for anonymous matters."""
        return self._random.getrandbits(62) + 1
