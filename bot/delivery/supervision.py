"""Keeping loops alive: a loop that fails starts again after a pause. It never hides the fault."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger()

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0


class Supervisor:
    """Runs named loops until stopped."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._failed_at: dict[str, float] = {}

    def start(self, name: str, loop: Callable[[], Awaitable[None]]) -> None:
        self._tasks[name] = asyncio.create_task(self._keep(name, loop), name=name)

    async def stop(self, *names: str, patience: float = 0.0) -> None:
        """Ends the named loops, in this order; each gets `patience` seconds to end by itself."""
        for name in names:
            task = self._tasks.pop(name, None)
            if task is None:
                continue
            if patience:
                await asyncio.wait((task,), timeout=patience)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._tasks)

    @property
    def failing(self) -> tuple[str, ...]:
        """The loops that have ended by themselves, or failed within the longest pause."""
        now = asyncio.get_running_loop().time()
        return tuple(
            name
            for name, task in self._tasks.items()
            if task.done() or now - self._failed_at.get(name, float("-inf")) <= LONGEST_PAUSE
        )

    async def _keep(self, name: str, loop: Callable[[], Awaitable[None]]) -> None:
        pause = FIRST_PAUSE
        while True:
            started = asyncio.get_running_loop().time()
            try:
                await loop()
                return
            except asyncio.CancelledError:
                raise
            except Exception as error:  # whatever it was: said, and tried again
                self._failed_at[name] = asyncio.get_running_loop().time()
                log.error("loop_failed", loop=name, error=type(error).__name__, exc_info=error)
            if asyncio.get_running_loop().time() - started > LONGEST_PAUSE:
                pause = FIRST_PAUSE
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
