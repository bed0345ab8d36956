"""How long a loop waits before it tries the database once more."""

import asyncio
import random

import structlog

from bot.delivery.dispatcher import LONGEST_PAUSE, SHORT_PAUSE
from bot.errors import Contended, StoreError

log = structlog.get_logger()


async def pause_after(error: StoreError, pause: float, *, loop: str) -> float:
    """Waits, `pause` seconds for a database that cannot work; returns how long the next wait would be."""
    if isinstance(error, Contended):  # who stood in each other's way must not begin again together
        await asyncio.sleep(random.uniform(0, SHORT_PAUSE))
        return pause
    log.error("store_unavailable", loop=loop, error=str(error), pause=pause)
    await asyncio.sleep(pause)
    return min(pause * 2, LONGEST_PAUSE)
