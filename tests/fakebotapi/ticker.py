"""The server's time, real or moved by a test; it never sleeps by itself.

A plain callable such as `time.time` only tells dates, and waits are real. With a ManualClock the ends of long polls,
the webhook's retries and latencies come with `advance` alone.
"""

import asyncio
import heapq
import itertools
from collections.abc import Callable

Cancel = Callable[[], None]
Then = Callable[[], None]


class ManualClock:
    """Seconds since 1970 that stand still until somebody advances them."""

    def __init__(self, now: float = 1_789_434_720.0) -> None:
        self._now = now
        self._count = itertools.count()
        self._due: list[tuple[float, int]] = []
        self._waiting: dict[int, Then] = {}

    def __call__(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Moves on; what falls due on the way happens at its moment."""
        until = self._now + seconds
        while self._due and self._due[0][0] <= until:
            at, number = heapq.heappop(self._due)
            self._now = max(self._now, at)
            if then := self._waiting.pop(number, None):
                then()
        self._now = until

    def call_later(self, seconds: float, then: Then) -> Cancel:
        number = next(self._count)
        self._waiting[number] = then
        heapq.heappush(self._due, (self._now + seconds, number))

        def cancel() -> None:
            self._waiting.pop(number, None)

        return cancel


class Ticker:
    """What the server asks for the time and for a call in so many seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.now = clock
        self._manual = clock if isinstance(clock, ManualClock) else None

    def call_later(self, seconds: float, then: Then) -> Cancel:
        if self._manual is not None:
            return self._manual.call_later(seconds, then)
        return asyncio.get_running_loop().call_later(seconds, then).cancel

    def timer(self, seconds: float) -> "asyncio.Future[None]":
        """Done after so many seconds, which count from now."""
        passed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        cancel = self.call_later(seconds, lambda: fulfil(passed))
        passed.add_done_callback(lambda _passed: cancel())
        return passed

    async def sleep(self, seconds: float) -> None:
        await self.timer(seconds)


def fulfil(waiting: asyncio.Future[None]) -> None:
    """Ends a wait, unless it has ended."""
    if not waiting.done():
        waiting.set_result(None)
