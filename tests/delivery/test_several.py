"""Dispatchers and workers beside others on one database: what each may count on, and what it must not disturb."""

import asyncio
import random

import pytest
from sqlalchemy.engine import URL

from bot.delivery.bell import Bell
from bot.delivery.dispatcher import AT_ONCE_AGAIN
from bot.delivery.jobs import Worker
from bot.delivery.patience import SHORT_PAUSE
from bot.dialogue.conversation import Arrival
from bot.dialogue.screen import Screen
from bot.errors import Changed, Contended
from bot.ids import Ids
from bot.store import queues, withdrawal
from bot.store.engine import writer_engine
from bot.store.queues import JobState, inbox, job, outbox
from bot.store.transaction import Transaction
from bot.store.writer import Writer
from bot.text import as_text
from tests.delivery.stage import CONTENT, IDENTITY, Stage
from tests.rig import FakeClock


async def test_what_others_stood_in_the_way_of_is_done_again_and_nothing_counted(stage: Stage) -> None:
    times = 0

    def act(_tx: Transaction, _arrival: Arrival) -> list[Screen]:
        nonlocal times
        times += 1
        if times < 3:
            raise Contended("sqlstate 40P01")
        return [Screen(as_text("done"))]

    stage.desk.on("hello", act)
    await stage.says("wang", "hello")
    await stage.settle()
    assert stage.owed() == ["done"]
    assert [row.tries for row in stage.rows(inbox)] == [0]
    assert stage.dispatcher.contended == 2


async def test_who_stands_in_the_way_for_long_is_waited_for_in_short_pauses(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database works: only one that does not is given a second and more."""
    times, pauses, sleep = 0, [0.0], asyncio.sleep

    def act(_tx: Transaction, _arrival: Arrival) -> list[Screen]:
        nonlocal times
        times += 1
        if times < 3 * AT_ONCE_AGAIN:
            raise Contended("sqlstate 40P01")
        stage.dispatcher.stop()
        return [Screen(as_text("done"))]

    async def passes(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0)

    stage.desk.on("hello", act)
    await stage.says("wang", "hello")
    monkeypatch.setattr(asyncio, "sleep", passes)
    await stage.dispatcher.run()
    assert stage.owed() == ["done"]
    assert max(pauses) <= SHORT_PAUSE


async def test_what_somebody_changed_meanwhile_is_looked_at_once_more_before_a_person_is_told(stage: Stage) -> None:
    """On a server another writer may come between two statements; with one writer alone it cannot be."""
    faults = [Changed("case.changed")]

    def act(_tx: Transaction, _arrival: Arrival) -> list[Screen]:
        if faults:
            raise faults.pop()
        return [Screen(as_text("done"))]

    stage.desk.on("hello", act)
    await stage.says("wang", "hello")
    await stage.settle()
    is_server = stage.writer.run(lambda tx: tx.is_postgresql)
    assert stage.owed() == (["done"] if is_server else ["no: case.changed"])


async def test_a_person_is_told_when_it_stays_changed(stage: Stage) -> None:
    def act(_tx: Transaction, _arrival: Arrival) -> list[Screen]:
        raise Changed("notice.agreed")

    stage.desk.on("hello", act)
    await stage.says("wang", "hello")
    await stage.settle()
    assert stage.owed() == ["no: notice.agreed"]


async def test_answers_keep_their_order_where_one_machines_clock_is_fast(stage: Stage) -> None:
    """A sender goes by the ids of what is owed; the first answer is made where it is five seconds later."""
    slow, server = stage.ids, stage.writer.run(lambda tx: tx.is_postgresql)
    stage.ids = Ids(lambda: int(stage.clock.now().timestamp() * 1000) + 5000 * server, random.Random(3))
    fast = stage.a_dispatcher()
    await stage.says("wang", "one")
    await fast.step()
    stage.ids = slow
    stage.dispatcher = stage.a_dispatcher()
    await stage.says("wang", "two")
    await stage.settle()
    assert stage.owed() == ["got one", "got two"]


async def test_a_chat_in_another_writers_hands_is_passed_over(url: URL, stage: Stage, clock: FakeClock) -> None:
    """The others that wait behind it are handled all the same, however few a batch takes."""
    for chat in ("wang", "li", "zhao"):
        await stage.says(chat, chat)
    if not stage.writer.run(lambda tx: tx.is_postgresql):
        assert (await stage.dispatcher.step()).handled == 3
        return
    other, first = Writer(writer_engine(url), clock), stage.rows(inbox)[0].lane

    def holding(tx: Transaction) -> list[int]:
        lock = queues.conversation.select().where(queues.conversation.c.id == first).with_for_update()
        tx.flushed().execute(lock)
        return stage.writer.run(lambda inner: stage.dispatcher._batch(inner, 2).handled) * [1]

    assert len(other.run(holding)) == 2
    assert sorted(stage.desk.seen) == ["li", "zhao"]
    other.close()


async def test_a_message_taken_back_between_reading_and_claiming_is_not_sent(stage: Stage) -> None:
    """Its chat is asked for just before it is claimed: there another writer takes it back."""
    if not stage.is_on_a_server:
        pytest.skip("an embedded database has one writer")
    row = stage.owes("hello")
    sender = stage.a_sender()

    class Fence:
        is_sure = True

        def check(self, tx: Transaction) -> None:
            withdrawal.cancel_rows(tx, [row])

    sender.ledger.fence = Fence()
    await stage.sends(sender)
    assert (stage.channel.texts, stage.row(outbox, row).state) == ([], "cancelled")


async def test_a_worker_leaves_to_others_what_is_done_elsewhere(stage: Stage) -> None:
    async def work(_subject: int, _data: dict[str, object]) -> dict[str, object]:
        return {}

    def start(tx: Transaction) -> None:
        for kind in ("fetch", "page"):
            data = CONTENT.seal(b"{}", b"job")
            queues.start_job(tx, id=stage.ids(), key=kind, kind=kind, subject=1, data=data)

    stage.writer.run(start)
    worker = Worker({"fetch": work, "page": work}, writer=stage.writer, content=CONTENT, raw=IDENTITY, ids=stage.ids,
                    bell=Bell(), done=stage.bell, besides=lambda: ("page",))  # fmt: skip
    assert await worker.step() == 1
    assert {row.kind: row.state for row in stage.rows(job)} == {"fetch": JobState.DONE, "page": JobState.WAITING}
