"""How fast messages may go out, and the loops' bells: in a loop whose seconds pass at once."""

import asyncio
import random
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.delivery.bell import Bell, end_ticking, ticking
from bot.delivery.pacing import LandingWindow, Share, Spacing, Trickle, ring_at
from bot.delivery.supervision import Supervisor
from tests.delivery.stage import CoarseLoop, InstantLoop, in_no_time, most_in_a_second


def landings(permits: int, count: int, slowest: float, seed: int) -> list[float]:
    """When `count` messages land at the platform: at some moment between each send and its answer."""
    drawn, landed = random.Random(seed), []

    async def send(window: LandingWindow) -> None:
        before, after = drawn.uniform(0, slowest), drawn.uniform(0, slowest)
        await asyncio.sleep(before)
        landed.append(asyncio.get_running_loop().time())
        await asyncio.sleep(after)
        window.give_back()

    async def run() -> None:
        freed = asyncio.Event()
        window = LandingWindow(permits, freed.set)
        tasks: list[asyncio.Task[None]] = []
        while len(tasks) < count:
            while window.free > 0 and len(tasks) < count:
                window.take()
                tasks.append(asyncio.create_task(send(window)))
            freed.clear()
            if window.free <= 0:
                await freed.wait()
        await asyncio.gather(*tasks)

    in_no_time(run())
    return landed


@settings(max_examples=30, deadline=None)
@given(permits=st.integers(1, 30), slowest=st.floats(0, 3), seed=st.integers(0, 999))
def test_the_landing_window_never_lets_more_land_in_any_second(permits: int, slowest: float, seed: int) -> None:
    landed = landings(permits, permits * 4, slowest, seed)
    assert len(landed) == permits * 4
    assert most_in_a_second([round(moment, 6) for moment in landed]) <= permits


def test_a_permit_comes_back_a_second_after_the_answer() -> None:
    async def run() -> list[int]:
        window, seen = LandingWindow(2, lambda: None), []
        window.take(2)
        window.give_back()
        for pause in (0.0, 0.99, 0.02):
            await asyncio.sleep(pause)
            seen.append(window.free)
        return seen

    assert in_no_time(run()) == [0, 0, 1]


def test_a_permit_that_was_not_used_comes_back_at_once() -> None:
    freed = []

    async def run() -> int:
        window = LandingWindow(1, lambda: freed.append(True))
        window.take()
        window.give_back(used=False)
        return window.free

    assert in_no_time(run()) == 1
    assert freed == [True]


def test_a_chat_is_left_alone_for_its_spacing_after_a_message() -> None:
    async def run() -> list[bool]:
        spacing, busy = Spacing(1.0, lambda _address: None), []
        spacing.begin(7)
        busy.append(7 in spacing.busy)
        spacing.end(7, spaced=True)
        for pause in (0.9, 0.2):
            await asyncio.sleep(pause)
            busy.append(7 in spacing.busy)
        return busy

    assert in_no_time(run()) == [True, True, False]


@pytest.mark.parametrize("seconds, spaced", [(1.0, False), (0.0, True)])
def test_a_chat_is_free_at_once_where_nothing_was_shown_or_no_spacing_is_asked(seconds: float, spaced: bool) -> None:
    async def run() -> set[int]:
        spacing = Spacing(seconds, lambda _address: None)
        spacing.begin(7)
        spacing.end(7, spaced=spaced)
        return spacing.busy

    assert in_no_time(run()) == set()


def test_a_ring_during_work_is_not_lost() -> None:
    async def run() -> None:
        bell = Bell()
        bell.ring()
        await bell.wait()
        bell.ring()
        bell.ring()
        await bell.wait()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(bell.wait(), 1)

    in_no_time(run())


async def test_the_tick_rings_every_bell() -> None:
    bells = Bell(), Bell()
    scheduler = ticking(*bells, seconds=0.01)
    scheduler.start()
    async with asyncio.timeout(60):
        for _twice in range(2):
            await asyncio.gather(*(bell.wait() for bell in bells))
    await end_ticking(scheduler)


async def test_the_tick_rings_in_the_loops_own_thread() -> None:
    """An event of asyncio's may not be set in another one."""
    rung_in: list[int] = []

    class Watched(Bell):
        def ring(self) -> None:
            rung_in.append(threading.get_ident())
            super().ring()

    bell = Watched()
    scheduler = ticking(bell, seconds=0.01)
    scheduler.start()
    async with asyncio.timeout(60):
        await bell.wait()
    await end_ticking(scheduler)
    assert set(rung_in) == {threading.get_ident()}


async def test_a_tick_that_has_begun_is_no_fault_where_the_ticking_ends(caplog: pytest.LogCaptureFixture) -> None:
    scheduler = ticking(Bell())
    scheduler.start()
    (job,) = scheduler.get_jobs()
    job.modify(next_run_time=datetime.now(UTC))
    asyncio.get_running_loop().call_soon(scheduler._process_jobs)  # as its own timer does, in this very moment
    await end_ticking(scheduler)
    for _turn in range(5):
        await asyncio.sleep(0)
    assert caplog.records == []


def test_a_loop_that_fails_starts_again_after_a_growing_pause() -> None:
    begun: list[float] = []

    async def fails() -> None:
        begun.append(asyncio.get_running_loop().time())
        if len(begun) < 4:
            raise KeyError("bug")

    async def run() -> None:
        supervisor = Supervisor()
        supervisor.start("sender", fails)
        await asyncio.sleep(60)
        await supervisor.stop("sender")

    in_no_time(run())
    assert [round(moment) for moment in begun] == [0, 1, 3, 7]


def test_loops_stop_in_the_order_they_are_named() -> None:
    ended: list[str] = []

    async def run() -> None:
        supervisor = Supervisor()

        def loop(name: str) -> Callable[[], Awaitable[None]]:
            async def forever() -> None:
                try:
                    await asyncio.Event().wait()
                finally:
                    ended.append(name)

            return forever

        for name in ("sender", "receiver"):
            supervisor.start(name, loop(name))
        await asyncio.sleep(0)
        await supervisor.stop("receiver", "sender")

    in_no_time(run())
    assert ended == ["receiver", "sender"]


def test_notices_begin_one_after_another_and_catch_up_a_little() -> None:
    async def run() -> list[float]:
        begun: list[float] = []
        loop = asyncio.get_running_loop()
        freed = asyncio.Event()
        trickle = Trickle(25, freed.set)
        await asyncio.sleep(5)
        while len(begun) < 100:
            if not (room := trickle.room):
                freed.clear()
                await freed.wait()
                continue
            trickle.take(room)
            begun += [round(loop.time(), 3)] * room
        return begun

    begun = in_no_time(run())
    assert begun.count(begun[0]) == 2  # a tenth of a second after the pause
    assert max(begun.count(moment) for moment in begun[2:]) <= 1
    assert most_in_a_second(begun) <= 27
    assert begun[-1] - begun[0] == pytest.approx(98 / 25, abs=0.1)


@pytest.mark.parametrize("loop", [InstantLoop, CoarseLoop])
def test_the_next_notice_is_rung_for_when_its_turn_has_come(loop: type[asyncio.AbstractEventLoop]) -> None:
    """A ring before that finds no room, and nobody rings again."""

    async def run() -> list[int]:
        rooms: list[int] = []
        rung = asyncio.Event()
        trickle = Trickle(27, rung.set)
        for _notice in range(50):
            trickle.take(1)
            await rung.wait()
            rung.clear()
            rooms.append(trickle.room)
        return rooms

    assert in_no_time(run(), loop) == [1] * 50


@pytest.mark.parametrize("loop", [InstantLoop, CoarseLoop])
def test_nothing_rings_before_its_moment(loop: type[asyncio.AbstractEventLoop]) -> None:
    async def run() -> list[float]:
        early = []
        for span in (0.1, 0.37037, 2.0, 30.0) * 25:
            moment = asyncio.get_running_loop().time() + span
            rung = asyncio.Event()
            ring_at(moment, rung.set)
            await rung.wait()
            if asyncio.get_running_loop().time() < moment:
                early.append(moment)
        return early

    assert in_no_time(run(), loop) == []


def test_what_is_left_to_answers_grows_when_one_had_to_wait_and_shrinks_again() -> None:
    async def run() -> list[int]:
        share, seen = Share(28), []
        await asyncio.sleep(1)
        seen.append(share.left)
        for pause in (0.0, 0.1, 0.3, 0.3, 0.3):
            await asyncio.sleep(pause)
            share.exhausted()
            seen.append(share.left)
        await asyncio.sleep(2)
        seen.append(share.left)
        await asyncio.sleep(10)
        return [*seen, share.left]

    assert in_no_time(run()) == [3, 7, 6, 10, 13, 14, 10, 3]
