"""How long a loop waits before it tries the database once more."""

import asyncio
import random

import structlog

from bot.errors import Contended, StoreError

log = structlog.get_logger()

LONGEST_PAUSE = 5.0  # seconds between two tries of a database that is away: the loops wait one behind another
SHORT_PAUSE = 0.02  # seconds, at most: who stood in each other's way must not begin again together


async def pause_after(error: StoreError, pause: float, *, loop: str) -> float:
    """Waits, `pause` seconds for a database that cannot work; returns how long the next wait would be."""
    if isinstance(error, Contended):  # who stood in each other's way must not begin again together
        await asyncio.sleep(random.uniform(0, SHORT_PAUSE))
        return pause
    log.error("store_unavailable", loop=loop, error=str(error), pause=pause)
    await asyncio.sleep(pause)
    return min(pause * 2, LONGEST_PAUSE)
