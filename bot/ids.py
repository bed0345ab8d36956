"""Ids that sort by time, made by the application and not by the database; they carry nothing about a person."""

import threading
from collections.abc import Callable
from typing import Protocol

_START_MS = 1_767_225_600_000  # 2026-01-01 UTC: 41 bits of milliseconds last until 2095
_LOW_BITS = 22
_MARK_BITS = 8  # of these, the first ones tell processes apart
_COUNT_BITS = _LOW_BITS - _MARK_BITS
_MINUTE = 60_000  # milliseconds; by how much the clocks of machines may differ
_LATEST = 2**62  # a clock that was set to a far future must not use up what there is


class Randomness(Protocol):
    """A source of random bits: secrets.SystemRandom in the program, a seeded one in tests."""

    def getrandbits(self, bits: int, /) -> int: ...


class Ids:
    """Positive 63-bit numbers: milliseconds, the mark of a process, then a counter that starts anywhere.

    Processes that work side by side have different marks, so they never meet however many ids they make.
    """

    def __init__(self, milliseconds: Callable[[], int], random: Randomness) -> None:
        self._milliseconds = milliseconds
        self._random = random
        self._mark: int | None = None  # drawn, unless one is given
        self._last = 0
        self._lock = threading.Lock()

    def __call__(self) -> int:
        fresh = self._fresh()
        with self._lock:
            if fresh <= self._last and (self._last + 1) >> _COUNT_BITS == self._last >> _COUNT_BITS:
                self._last += 1
            else:  # a later millisecond, or all numbers of this one are used up
                self._last = self._start(max(fresh, _end_of(self._last) + 1))
            return self._last

    def mark(self, run: int) -> None:
        """From now on with the mark of this run: no other process at work has its number."""
        with self._lock:
            self._mark = run % (1 << _MARK_BITS)
            self._last = _end_of(self._last)

    def follow(self, id_: int) -> None:
        """From now on behind this id, whatever this machine's clock says: another one's may be fast."""
        with self._lock:
            if id_ < _LATEST:
                self._last = max(self._last, _end_of(id_))

    def go_on_above(self, last: int) -> None:
        """Where the clock was set back between two runs: what an earlier one made in its last minute stays below."""
        with self._lock:
            if self._fresh() < last < _LATEST:
                self._last = max(self._last, _end_of(last + (_MINUTE << _LOW_BITS)))

    def soon(self) -> int:
        """No id that is made now, here or on a machine beside this one, is above it."""
        return max(self._fresh(), self._last) + (_MINUTE << _LOW_BITS)

    def untimed(self) -> int:
        """An id that tells nothing about when: for anonymous matters."""
        return self._random.getrandbits(62) + 1

    def _fresh(self) -> int:
        return (self._milliseconds() - _START_MS) << _LOW_BITS

    def _start(self, millisecond: int) -> int:
        if self._mark is None:
            self._mark = self._random.getrandbits(_MARK_BITS)
        return millisecond + (self._mark << _COUNT_BITS) + self._random.getrandbits(_COUNT_BITS - 1)


def _end_of(id_: int) -> int:
    """The last number of its millisecond."""
    return id_ | ((1 << _LOW_BITS) - 1)
