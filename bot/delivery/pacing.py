"""How fast messages may go out: a landing window per account, spacing per chat. It knows no platform."""

import asyncio
from collections.abc import Callable


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


class Spacing:
    """Addresses that must not be written to just now: a message is on its way, or the last one was too recent."""

    def __init__(self, seconds: float, freed: Callable[[], None]) -> None:
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
        self._freed()
