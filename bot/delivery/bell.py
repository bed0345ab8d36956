"""Who is waiting for work, and the ring that wakes them. A bell holds no time that matters."""

import asyncio

from apscheduler.schedulers.asyncio import AsyncIOScheduler


class Bell:
    """Rings until answered: a ring during work is not lost."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        self._event.set()

    @property
    def is_rung(self) -> bool:
        """Whether a ring waits for its answer."""
        return self._event.is_set()

    async def wait(self) -> None:
        await self._event.wait()
        self._event.clear()


def ticking(*bells: Bell, seconds: float = 1.0) -> AsyncIOScheduler:
    """A scheduler in memory that rings the bells; what is due stands in rows, so a late tick loses nothing."""
    scheduler = AsyncIOScheduler(timezone="UTC")

    async def ring() -> None:  # asynchronous, or it would run in another thread, where no bell may be rung
        for bell in bells:
            bell.ring()

    scheduler.add_job(ring, "interval", seconds=seconds, misfire_grace_time=None, coalesce=True, max_instances=1)
    return scheduler


async def end_ticking(scheduler: AsyncIOScheduler) -> None:
    """A tick that has begun ends first: one that is broken off would look like a fault in the log."""
    scheduler.pause()
    await asyncio.sleep(0)
    scheduler.shutdown(wait=False)
