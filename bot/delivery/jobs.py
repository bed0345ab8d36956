"""Work that leaves the process or takes long: leased, done outside, its result put into the inbox."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import timedelta
from typing import Any, TypeVar

import msgspec
import structlog

from bot.delivery.bell import Bell
from bot.delivery.patience import pause_after
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
LEASE = timedelta(minutes=5)
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
        self.failed = 0  # jobs of this run that ended without success

    async def run(self) -> None:
        """Leases and does jobs until cancelled; what was leased meanwhile is leased again later."""
        pause = 1.0
        while True:
            await self._bell.wait()
            try:
                while await self.step():
                    pass
                pause = 1.0
            except StoreError as error:
                pause = await pause_after(error, pause, loop="jobs")
                self._bell.ring()

    async def step(self) -> int:
        """Does the jobs that are open now; how many that was."""
        leases = await self._writer.submit(lambda tx: jobs.lease_jobs(tx, AT_ONCE, LEASE, self._besides()))
        await asyncio.gather(*(self._do(lease) for lease in leases))
        return len(leases)

    async def _do(self, lease: Lease) -> None:
        try:
            data = msgspec.json.decode(self._content.open(lease.data, JOB))
            result = await self._works[lease.kind](lease.subject, data)
        except Refused as error:
            await self._finish(lease, JobState.FAILED, {"failed": error.cause})
        except Exception as error:
            cause = error.cause if isinstance(error, NotSent) else type(error).__name__
            log.warning("job_failed", job=lease.id, kind=lease.kind, tries=lease.tries, error=cause)
            if lease.tries >= (RETRIES_UNREACHABLE if isinstance(error, NotSent) else RETRIES):
                await self._finish(lease, JobState.FAILED, {"failed": cause})
            else:
                again = min(timedelta(seconds=5 * 3 ** min(lease.tries, 10)), LONGEST_WAIT)
                await self._written(lambda tx: jobs.retry_job(tx, lease, tx.now + again, cause))
        else:
            await self._finish(lease, JobState.DONE, result)

    async def _finish(self, lease: Lease, state: JobState, result: dict[str, Any]) -> None:
        self._failpoint("job")
        body = msgspec.msgpack.encode(Finished(lease.kind, lease.subject, result))
        sealed = self._raw.seal(body, RAW)

        def finish(tx: Transaction) -> bool:
            return jobs.finish_job(tx, lease, state, id_=self._ids(), raw=sealed, error=str(result.get("failed", "")))

        if not await self._written(finish):
            log.warning("job_fenced", job=lease.id)
        elif state is JobState.FAILED:
            self.failed += 1
        self._done.ring()

    async def _written(self, act: Callable[[Transaction], T]) -> T:
        """What came of a job. A database that cannot work is waited for: else the lease would have to run out first."""
        pause = 1.0
        while True:
            try:
                return await self._writer.submit(act)
            except StoreError as error:
                pause = await pause_after(error, pause, loop="jobs")
