"""Work that leaves the process: leased, done outside, its result an event like any other."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from bot.delivery.bell import Bell
from bot.delivery.jobs import JOB, LEASE, LONGEST_WAIT, RETRIES, RETRIES_UNREACHABLE, Worker
from bot.delivery.patience import SHORT_PAUSE
from bot.dialogue.event import Finished
from bot.errors import Contended, NotSent, Refused, StoreError
from bot.store import jobs, queues
from bot.store.queues import JobState, inbox, job
from bot.store.transaction import Transaction
from tests.delivery.stage import CONTENT, IDENTITY, Stage


class Work:
    """Does what the test says, and counts."""

    def __init__(self) -> None:
        self.faults: list[Exception] = []
        self.asked: list[tuple[int, dict[str, Any]]] = []

    async def __call__(self, subject: int, data: dict[str, Any]) -> dict[str, Any]:
        self.asked.append((subject, data))
        if self.faults:
            raise self.faults.pop(0)
        return {"digest": "abc"}


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def worker(stage: Stage, work: Work) -> Worker:
    return Worker({"fetch": work}, writer=stage.writer, content=CONTENT, raw=IDENTITY, ids=stage.ids, bell=Bell(),
                  done=stage.bell)  # fmt: skip


def starts(stage: Stage, subject: int = 7, kind: str = "fetch") -> None:
    data = CONTENT.seal(msgspec.json.encode({"ref": "photo"}), JOB)
    stage.writer.run(
        lambda tx: queues.start_job(tx, id=stage.ids(), key=f"{kind}:{subject}", kind=kind, subject=subject, data=data)
    )


def results(stage: Stage) -> list[tuple[str, int, dict[str, Any]]]:
    found = []
    for arrival in stage.desk.arrivals:
        assert isinstance(arrival.event.what, Finished)
        found.append((arrival.event.what.kind, arrival.event.what.subject, arrival.event.what.result))
    return found


async def test_the_result_of_a_job_arrives_as_an_event(stage: Stage, worker: Worker, work: Work) -> None:
    starts(stage)
    assert await worker.step() == 1
    assert await worker.step() == 0
    await stage.settle()
    assert work.asked == [(7, {"ref": "photo"})]
    assert results(stage) == [("fetch", 7, {"digest": "abc"})]
    assert [row.channel for row in stage.rows(inbox)] == ["job"]


async def test_a_job_that_is_refused_ends_and_says_why(stage: Stage, worker: Worker, work: Work) -> None:
    work.faults = [Refused("too_large")]
    starts(stage)
    await worker.step()
    await stage.settle()
    assert results(stage) == [("fetch", 7, {"failed": "too_large"})]
    assert [row.state for row in stage.rows(job)] == [JobState.FAILED]


@pytest.mark.parametrize(
    ("fault", "tries"), [(NotSent("network", timedelta(seconds=1)), RETRIES_UNREACHABLE), (KeyError("bug"), RETRIES)]
)
async def test_a_job_that_fails_is_tried_again_ever_later_and_then_given_up(
    stage: Stage, worker: Worker, work: Work, fault: Exception, tries: int
) -> None:
    work.faults = [fault] * tries
    starts(stage)
    waits = []
    for _try in range(tries - 1):
        assert await worker.step() == 1
        waits.append(stage.rows(job)[0].not_before - stage.clock.now())
        assert await worker.step() == 0
        stage.clock.advance(seconds=waits[-1].total_seconds())
    growing = [wait for wait in waits if wait < LONGEST_WAIT]
    assert growing == sorted(set(growing))
    assert waits == growing + [LONGEST_WAIT] * (len(waits) - len(growing))
    await worker.step()
    await stage.settle()
    assert len(work.asked) == tries
    assert [failed["failed"] for _kind, _subject, failed in results(stage)] == [getattr(fault, "cause", "KeyError")]


async def test_a_platform_that_asks_for_patience_is_not_asked_before(stage: Stage, worker: Worker, work: Work) -> None:
    work.faults = [NotSent("flood", timedelta(minutes=30))]
    starts(stage)
    await worker.step()
    stage.clock.advance(minutes=29)
    assert await worker.step() == 0
    stage.clock.advance(minutes=1)
    assert await worker.step() == 1
    await stage.settle()
    assert results(stage) == [("fetch", 7, {"digest": "abc"})]


async def test_a_slow_job_holds_up_no_other(stage: Stage, worker: Worker) -> None:
    """One large file is fetched for minutes; others come in meanwhile."""
    slow, both = asyncio.Event(), asyncio.Event()
    done: list[int] = []

    async def fetch(subject: int, _data: dict[str, Any]) -> dict[str, Any]:
        if subject == 0:
            await slow.wait()
        done.append(subject)
        if len(done) == 8:
            both.set()
        return {}

    worker._works = {"fetch": fetch}
    for subject in range(9):
        starts(stage, subject)
    worker._bell.ring()
    running = asyncio.create_task(worker.run())
    await asyncio.wait_for(both.wait(), 10)
    assert sorted(done) == list(range(1, 9))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await stage.writer.submit(lambda _tx: None)  # it may have been asked for more
    states = {row.subject: row.state for row in stage.rows(job)}
    assert states[0] == JobState.LEASED


async def test_a_job_of_an_unknown_kind_is_given_up_in_the_end(stage: Stage, worker: Worker) -> None:
    starts(stage, kind="forgotten")
    for _try in range(RETRIES):
        await worker.step()
        stage.clock.advance(hours=1)
    await stage.settle()
    assert results(stage) == [("forgotten", 7, {"failed": "KeyError"})]


async def test_one_failing_job_does_not_keep_another_from_its_end(stage: Stage, worker: Worker, work: Work) -> None:
    starts(stage, 1)
    starts(stage, 2)
    work.faults = [KeyError("bug")]
    assert await worker.step() == 2
    assert sorted(row.state for row in stage.rows(job)) == [JobState.DONE, JobState.WAITING]


async def test_a_job_whose_worker_died_is_done_by_the_next_one(stage: Stage, worker: Worker, work: Work) -> None:
    starts(stage)
    stage.writer.run(lambda tx: jobs.lease_jobs(tx, 1, LEASE))
    assert await worker.step() == 0
    stage.clock.advance(seconds=LEASE.total_seconds())
    assert await worker.step() == 1
    await stage.settle()
    assert len(results(stage)) == 1


async def test_a_worker_that_took_longer_than_its_lease_changes_nothing(stage: Stage, worker: Worker) -> None:
    async def slow(_subject: int, _data: dict[str, Any]) -> dict[str, Any]:
        stage.clock.advance(seconds=LEASE.total_seconds())
        await stage.writer.submit(lambda tx: jobs.lease_jobs(tx, 1, LEASE))  # somebody else has it now
        return {"digest": "late"}

    worker._works = {"fetch": slow}
    starts(stage)
    await worker.step()
    assert stage.rows(inbox) == []
    assert [row.state for row in stage.rows(job)] == [JobState.LEASED]


@pytest.mark.parametrize("fault", [None, KeyError("bug")])
async def test_what_came_of_a_job_is_written_as_soon_as_the_database_works_again(
    stage: Stage, worker: Worker, work: Work, monkeypatch: pytest.MonkeyPatch, fault: Exception | None
) -> None:
    """Else its lease would have to run out first, and the work would be done twice."""
    pauses, sleep, submit = [], asyncio.sleep, stage.writer.submit
    work.faults = [fault] if fault is not None else []

    async def passes(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0)

    async def in_vain(act: Callable[[Transaction], Any]) -> Any:
        if work.asked and len(pauses) < 4:
            raise StoreError("disk full") if len(pauses) < 3 else Contended("sqlstate 40P01")
        return await submit(act)

    monkeypatch.setattr(stage.writer, "submit", in_vain)
    monkeypatch.setattr(asyncio, "sleep", passes)
    starts(stage)
    assert await worker.step() == 1
    assert pauses[:3] == [1, 2, 4]
    assert pauses[3] <= SHORT_PAUSE
    assert [row.state for row in stage.rows(job)] == [JobState.WAITING if fault else JobState.DONE]
    assert len(work.asked) == 1


async def test_a_worker_that_could_not_look_for_jobs_looks_again_by_itself(
    stage: Stage, worker: Worker, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults, submit, done = [StoreError("disk full")], stage.writer.submit, asyncio.Event()

    async def in_vain_once(act: Callable[[Transaction], Any]) -> Any:
        if faults:
            raise faults.pop()
        return await submit(act)

    async def passes(_error: StoreError, pause: float, *, loop: str) -> float:
        return pause

    monkeypatch.setattr(stage.writer, "submit", in_vain_once)
    monkeypatch.setattr("bot.delivery.jobs.pause_after", passes)
    monkeypatch.setattr(stage.bell, "ring", done.set)
    starts(stage)
    worker._bell.ring()
    running = asyncio.create_task(worker.run())
    await asyncio.wait_for(done.wait(), 10)
    running.cancel()
    assert len(work.asked) == 1


async def test_the_result_of_a_job_is_sealed(stage: Stage, worker: Worker) -> None:
    starts(stage)
    await worker.step()
    assert b"digest" not in stage.rows(inbox)[0].raw
