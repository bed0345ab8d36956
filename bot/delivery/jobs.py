"""Work that leaves the process or takes long: leased, done outside, its result put into the inbox."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import timedelta
from typing import Any, TypeVar

import msgspec
import structlog

from bot.delivery.bell import Bell
from bot.delivery.patience import pause_after, written
from bot.delivery.receiver import RAW
from bot.dialogue.event import Finished
from bot.errors import NotSent, Refused, StoreError
from bot.ids import Ids
from bot.sealing import Sealer
from bot.store import jobs
from bot.store.jobs import Lease
from bot.store.queues import JobState
from bot.store.transaction import Transaction
from bot.store.writer import Failpoint, Writer, no_failpoint

log = structlog.get_logger()

AT_ONCE = 4
LEASE = timedelta(minutes=10)  # longer than the longest work: a file that takes five minutes
RETRIES = 5
RETRIES_UNREACHABLE = 60  # the platform is away: some days of asking again
LONGEST_WAIT = timedelta(hours=2)
JOB = b"job"

T = TypeVar("T")
Work = Callable[[int, dict[str, Any]], Awaitable[dict[str, Any]]]
"""Does a job: (subject, data) to a result. Refused ends it; anything else is tried again."""


class Worker:
    """Runs leased jobs, a few at once."""

    def __init__(
        self,
        works: Mapping[str, Work],
        *,
        writer: Writer,
        content: Sealer,
        raw: Sealer,
        ids: Ids,
        bell: Bell,
        done: Bell,
        besides: Callable[[], Collection[str]] = tuple,
        failpoint: Failpoint = no_failpoint,
    ) -> None:
        self._works = works
        self._writer = writer
        self._content = content
        self._raw = raw
        self._ids = ids
        self._bell = bell
        self._done = done
        self._besides = besides  # kinds that another process does, as things are
        self._failpoint = failpoint
        self._at_hand: set[asyncio.Task[None]] = set()
        self.failed = 0  # jobs of this run that ended without success

    async def run(self) -> None:
        """Leases and does jobs until cancelled; what was at hand then is leased again later."""
        pause = 1.0
        try:
            while True:
                await self._bell.wait()
                try:
                    while await self._begin():
                        pass
                    pause = 1.0
                except StoreError as error:
                    pause = await pause_after(error, pause, loop="jobs")
                    self._bell.ring()
        finally:
            for task in self._at_hand:
                task.cancel()
            await asyncio.gather(*self._at_hand, return_exceptions=True)

    async def step(self) -> int:
        """Does the jobs that are open now, to their end; how many that was."""
        begun = await self._begin()
        await asyncio.gather(*self._at_hand)
        return begun

    async def _begin(self) -> int:
        """Leases open jobs, as many as there is room for; each goes its way, and the next needs not wait for all."""
        room = AT_ONCE - len(self._at_hand)
        if room <= 0:
            return 0
        leases = await self._writer.submit(lambda tx: jobs.lease_jobs(tx, room, LEASE, self._besides()))
        for lease in leases:
            task = asyncio.create_task(self._do(lease))
            self._at_hand.add(task)
            task.add_done_callback(self._ended)
        return len(leases)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._at_hand.discard(task)
        self._bell.ring()
        if not task.cancelled() and (error := task.exception()) is not None:  # our own fault: its lease runs out
            log.error("job_lost", error=type(error).__name__, exc_info=error)

    async def _do(self, lease: Lease) -> None:
        try:
            data = msgspec.json.decode(self._content.open(lease.data, JOB))
            result = await self._works[lease.kind](lease.subject, data)
        except Refused as error:
            await self._finish(lease, JobState.FAILED, {"failed": error.cause})
        except NotSent as error:
            await self._failed(lease, error.cause, RETRIES_UNREACHABLE, error.retry_in)
        except Exception as error:
            await self._failed(lease, type(error).__name__, RETRIES)
        else:
            await self._finish(lease, JobState.DONE, result)

    async def _failed(self, lease: Lease, cause: str, tries: int, pause: timedelta = timedelta(0)) -> None:
        """Once more, ever later and not before the platform wants to be asked; after so many tries it has ended."""
        log.warning("job_failed", job=lease.id, kind=lease.kind, tries=lease.tries, error=cause)
        if lease.tries >= tries:
            await self._finish(lease, JobState.FAILED, {"failed": cause})
            return
        later = max(pause, min(timedelta(seconds=5 * 3 ** min(lease.tries, 10)), LONGEST_WAIT))
        await written(self._writer, lambda tx: jobs.retry_job(tx, lease, tx.now + later, cause), loop="jobs")

    async def _finish(self, lease: Lease, state: JobState, result: dict[str, Any]) -> None:
        self._failpoint("job")
        body = msgspec.msgpack.encode(Finished(lease.kind, lease.subject, result))
        sealed = self._raw.seal(body, RAW)

        def finish(tx: Transaction) -> bool:
            return jobs.finish_job(tx, lease, state, id_=self._ids(), raw=sealed, error=str(result.get("failed", "")))

        if not await written(self._writer, finish, loop="jobs"):
            log.warning("job_fenced", job=lease.id)
        elif state is JobState.FAILED:
            self.failed += 1
        self._done.ring()
