"""Looking twice a minute, and telling once an hour and kind what is over its limit. It repairs nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog

from bot.clock import Clock
from bot.errors import StoreError
from bot.health.report import Line, Report, worst

log = structlog.get_logger()

EVERY = 30.0  # seconds
AGAIN = timedelta(hours=1)
PATIENCE = 10.0  # seconds that the writer may take to note an alarm

Look = Callable[[], Awaitable[Report]]
Tell = Callable[[list[Line]], Awaitable[None]]
"""Sees to it that administrators hear of these lines."""


class Watch:
    """Who raises the alarm. What it told is in memory; a restart within the hour is caught by the messages' keys."""

    def __init__(self, look: Look, tell: Tell, clock: Clock) -> None:
        self._look = look
        self._tell = tell
        self._clock = clock
        self._told_at: dict[str, datetime] = {}

    async def run(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            await self.step()

    async def step(self) -> list[Line]:
        """One look; the lines that were told of."""
        now, found = self._clock.now(), worst((await self._look()).lines)
        fresh = [line for name, line in found.items() if now - self._told_at.get(name, now - AGAIN) >= AGAIN]
        for line in fresh:
            say = log.error if line.over else log.warning
            say("over_limit" if line.over else "set_aside", name=line.name, of=line.of, count=line.count,
                seconds=round(line.seconds) if line.seconds is not None else None)  # fmt: skip
        if not fresh:
            return []
        try:
            async with asyncio.timeout(PATIENCE):
                await self._tell(fresh)
        except (StoreError, TimeoutError) as error:
            log.error("alarm_not_told", lines=len(fresh), error=type(error).__name__)
            return []
        self._told_at |= {line.name: now for line in fresh}
        return fresh
