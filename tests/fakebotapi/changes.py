"""Waiting for something to become true, woken by what happens; it never polls."""

import asyncio
import itertools
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Changes:
    """Everything that happens in the server tells it; whoever waits looks again then."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()
        self._count = itertools.count(1)
        self.last = 0  # the number of the latest change that was counted

    def count(self) -> int:
        """A number higher than all before: what comes later is newer."""
        self.last = next(self._count)
        return self.last

    def notify(self) -> None:
        if self._waiting:
            for waiting in self._waiting:
                if not waiting.done():
                    waiting.set_result(None)
            self._waiting.clear()

    async def until(self, look: Callable[[], T | None], timeout: float = 60.0) -> T:  # noqa: ASYNC109 - the vocabulary
        """What `look` finds, as soon as it finds something true; raises TimeoutError."""
        async with asyncio.timeout(timeout):
            while not (found := look()):
                waiting = asyncio.get_running_loop().create_future()
                self._waiting.add(waiting)
                try:
                    await waiting
                finally:
                    self._waiting.discard(waiting)
        return found
