"""How fast messages may go out: a landing window per account, spacing per chat. It knows no platform."""

import asyncio
from collections.abc import Callable

GROWS, GROWS_EVERY = 4, 0.25  # permits; seconds
SHRINKS = 2.0  # permits a second
ROUNDED = 0.001  # seconds: uvloop's time are whole milliseconds, and what is between them it rounds


class LandingWindow:
    """At most `permits` sends whose answers arrived within the last second, whatever the network does.

    A permit comes back one second after its send was *answered*, so that no sliding second at the
    platform can hold more than `permits` sends.
    """

    def __init__(self, permits: int, freed: Callable[[], None]) -> None:
        self.free = permits
        self._freed = freed

    def take(self, count: int = 1) -> None:
        self.free -= count

    def give_back(self, count: int = 1, *, used: bool = True) -> None:
        """One second after a send was answered; at once if it never left."""
        if used:
            asyncio.get_running_loop().call_later(1.0, self._return, count)
        else:
            self._return(count)

    def _return(self, count: int) -> None:
        self.free += count
        self._freed()


class Trickle:
    """Notices to many, one after another at an even pace.

    Sent all at once, their permits would come back all at once, and an answer in between would wait for a second.
    """

    def __init__(self, per_second: int, freed: Callable[[], None]) -> None:
        self._gap = 1.0 / per_second
        self._at_once = max(1, per_second // 10)  # a tenth of a second may be caught up with together
        self._freed = freed
        self._next = 0.0  # of the loop's time

    @property
    def room(self) -> int:
        """How many may begin now: those whose turn has come."""
        late = asyncio.get_running_loop().time() - self._next
        return min(self._at_once, 1 + int(late / self._gap)) if late >= 0 else 0

    def take(self, count: int) -> None:
        loop = asyncio.get_running_loop()
        self._next = max(self._next, loop.time() - (self._at_once - 1) * self._gap) + count * self._gap
        ring_at(self._next, self._freed)


class Share:
    """How many permits notices to many leave to answers: a few, and more as soon as an answer had to wait."""

    def __init__(self, per_second: int) -> None:
        self.least = max(1, per_second // 9)
        self._most = max(1, per_second // 2)
        self._level = float(self.least)
        self._at = 0.0  # of the loop's time: when it last grew

    @property
    def left(self) -> int:
        """It shrinks again by itself."""
        passed = asyncio.get_running_loop().time() - self._at
        return max(self.least, int(self._level - passed * SHRINKS))

    def exhausted(self) -> None:
        """No permit is free: whatever is to be answered now has to wait."""
        now = asyncio.get_running_loop().time()
        if now - self._at >= GROWS_EVERY:
            self._level, self._at = min(float(self._most), self.left + GROWS), now


class Spacing:
    """Addresses that must not be written to just now: a message is on its way, or the last one was too recent."""

    def __init__(self, seconds: float, freed: Callable[[int], None]) -> None:
        self._seconds = seconds
        self._freed = freed
        self.busy: set[int] = set()

    def begin(self, address: int) -> None:
        self.busy.add(address)

    def end(self, address: int, *, spaced: bool, seconds: float | None = None) -> None:
        """`seconds`: of this address, where it is not as all others."""
        pause = self._seconds if seconds is None else seconds
        if spaced and pause:
            asyncio.get_running_loop().call_later(pause, self._release, address)
        else:
            self._release(address)

    def _release(self, address: int) -> None:
        self.busy.discard(address)
        self._freed(address)


def ring_at(moment: float, ring: Callable[[], None]) -> None:
    """Rings when this moment of the loop's time has come, never before it: whoever came too early would not be rung
    for again.
    """
    asyncio.get_running_loop().call_at(moment + ROUNDED, ring)
