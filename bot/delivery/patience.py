"""How long a loop waits before it tries the database once more."""

import asyncio
import random
from collections.abc import Callable
from typing import TypeVar

import structlog

from bot.errors import Contended, Fenced, StoreError
from bot.store.transaction import Transaction
from bot.store.writer import Writer

log = structlog.get_logger()

T = TypeVar("T")

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


async def written(writer: Writer, act: Callable[[Transaction], T], *, loop: str) -> T:
    """What must be written: a database that cannot work is waited for. Raises Fenced where it is another's by now."""
    pause = 1.0
    while True:
        try:
            return await writer.submit(act)
        except Fenced:
            raise
        except StoreError as error:
            pause = await pause_after(error, pause, loop=loop)
