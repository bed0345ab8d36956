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
                log.error("loop_failed", loop=name, error=type(error).__name__, exc_info=error)
            if asyncio.get_running_loop().time() - started > LONGEST_PAUSE:
                pause = FIRST_PAUSE
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
