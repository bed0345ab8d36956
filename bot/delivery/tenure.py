"""What only one process does at a time: it waits for the lease, works while it has it, and ends when it is lost."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Protocol

import structlog

from bot.errors import StoreError
from bot.store import leases
from bot.store.transaction import Transaction
from bot.store.writer import Writer

log = structlog.get_logger()

RENEWED = 2.0  # seconds between two words of the holder; three may get lost
TRIED = 1.0  # seconds between two tries of whoever waits
# A machine that sleeps, or is moved while it stands still, is silent too: not every clock counts that time.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Fence(Protocol):
    """What a loop asks before anything that only the holder of its lease may do."""

    @property
    def is_sure(self) -> bool:
        """Whether nobody else can hold it at this moment, as far as can be told without asking."""
        ...

    def check(self, tx: Transaction) -> None:
        """Raises Fenced where somebody else has it; if not, it stays so until the commit."""
        ...


class Alone:
    """For whoever has the database to itself: the lock of its file is the lease."""

    is_sure = True

    def check(self, tx: Transaction) -> None:
        return None


class Tenure:
    """One holder's time with one lease."""

    def __init__(self, name: str, epoch: int, sure_until: float) -> None:
        self.name = name
        self.epoch = epoch
        self._sure_until = sure_until

    @property
    def is_sure(self) -> bool:
        return clock() < self._sure_until

    def check(self, tx: Transaction) -> None:
        leases.check(tx, self.name, self.epoch)

    def extend(self, until: float) -> None:
        self._sure_until = until

    @property
    def seconds_left(self) -> float:
        return max(0.0, self._sure_until - clock())


def clock() -> float:
    """Seconds that also pass while this process is stopped."""
    return time.clock_gettime(_CLOCK)


class Keeper:
    """Has `begin` called with each tenure, and `end` when it is over."""

    def __init__(
        self,
        name: str,
        *,
        writer: Writer,
        holder: str,
        begin: Callable[[Tenure], Awaitable[None]],
        end: Callable[[], Awaitable[None]],
        term: timedelta = leases.TERM,
    ) -> None:
        self.name = name
        self._writer = writer
        self._holder = holder
        self._begin = begin
        self._end = end
        self._term = term
        self.tenure: Tenure | None = None

    async def run(self) -> None:
        """Until cancelled; then the lease is free at once."""
        while True:
            tenure = await self._taken()
            log.info("lease_taken", lease=self.name, epoch=tenure.epoch)
            try:
                await self._begin(tenure)
                await self._kept(tenure)
            finally:
                self.tenure = None
                await self._end()
                await self._released(tenure.epoch)
            log.error("lease_lost", lease=self.name, epoch=tenure.epoch)

    async def _released(self, epoch: int) -> None:
        with contextlib.suppress(StoreError):
            await self._writer.submit(lambda tx: leases.release(tx, self.name, epoch))

    async def _taken(self) -> Tenure:
        waits = False
        while True:
            asked_at = clock()
            with contextlib.suppress(StoreError):
                epoch = await self._writer.submit(lambda tx: leases.take(tx, self.name, self._holder, self._term))
                if epoch is not None:
                    self.tenure = Tenure(self.name, epoch, asked_at + self._term.total_seconds())
                    return self.tenure
                if not waits:
                    log.info("standing_by", lease=self.name)
                    waits = True
            await asyncio.sleep(TRIED)

    async def _kept(self, tenure: Tenure) -> None:
        """Until somebody else has it, or might have it because the database has not answered for a whole term."""
        while tenure.is_sure:
            await asyncio.sleep(min(RENEWED, tenure.seconds_left))
            asked_at = clock()
            try:
                async with asyncio.timeout(max(RENEWED, tenure.seconds_left)):
                    renewed = await self._writer.submit(
                        lambda tx: leases.renew(tx, self.name, tenure.epoch, self._term)
                    )
            except (StoreError, TimeoutError) as error:
                log.warning("lease_not_renewed", lease=self.name, error=type(error).__name__)
                continue
            if not renewed:
                return
            tenure.extend(asked_at + self._term.total_seconds())


ALONE = Alone()
