"""From inbox and timers through the handlers to the outbox: once, in secret, and whoever goes on is woken."""

import asyncio
import threading

from bot.dialogue.conversation import Arrival
from bot.dialogue.screen import Screen
from bot.store import queues
from bot.store.queues import InboxState, conversation, inbox, outbox
from bot.store.transaction import Transaction
from bot.text import as_text
from tests.delivery.stage import CONTENT, Stage


async def test_an_update_is_handled_once_and_answered(stage: Stage) -> None:
    await stage.says("wang", "hello")
    await stage.settle()
    await stage.settle()
    assert stage.desk.seen == ["hello"]
    assert stage.owed() == ["got hello"]
    assert stage.inbox_states() == [InboxState.DONE]


async def test_one_ring_is_enough_for_all_that_a_chat_said(stage: Stage) -> None:
    for number in range(5):
        await stage.says("wang", str(number))
    loop, heard = asyncio.get_running_loop(), asyncio.Event()

    def hears() -> None:
        if len(stage.desk.seen) == 5:
            loop.call_soon_threadsafe(heard.set)

    stage.desk.heard = hears
    running = asyncio.create_task(stage.dispatcher.run())
    async with asyncio.timeout(60):
        await heard.wait()
    stage.dispatcher.stop()
    await running
    assert stage.desk.seen == ["0", "1", "2", "3", "4"]


async def test_only_whoever_has_something_to_do_is_woken(stage: Stage) -> None:
    def starts_a_job(tx: Transaction, _arrival: Arrival) -> list[Screen]:
        queues.start_job(
            tx, id=stage.ids(), key=f"chart:{stage.ids()}", kind="chart", subject=1, data=CONTENT.seal(b"{}", b"job")
        )
        return []

    stage.desk.on("draw", starts_a_job)
    await stage.says("wang", "hello")
    await stage.settle()
    assert (stage.out.is_rung, stage.jobs.is_rung) == (True, False)
    await stage.out.wait()
    await stage.says("wang", "draw")
    await stage.settle()
    assert stage.jobs.is_rung
    await stage.jobs.wait()
    await stage.out.wait()  # who had to send the last time looks once more
    await stage.says("wang", "draw")
    await stage.settle()
    assert (stage.out.is_rung, stage.jobs.is_rung) == (False, True)


async def test_who_had_to_send_the_last_time_is_woken_before_the_commit(stage: Stage) -> None:
    await stage.says("wang", "hello")
    await stage.settle()
    await stage.out.wait()
    await stage.says("wang", "again")
    go_on = threading.Event()
    held = stage.writer.submit(lambda _tx: go_on.wait())
    handling = asyncio.create_task(stage.dispatcher.step())
    async with asyncio.timeout(60):
        await stage.out.wait()
    assert not handling.done()
    go_on.set()
    await held
    assert (await handling).handled == 1


async def test_the_database_holds_no_words_in_clear(stage: Stage) -> None:
    def remember(_tx: Transaction, arrival: Arrival) -> list[Screen]:
        arrival.conversation.memory["draft"] = "secret"
        return [Screen(as_text("secret"))]

    stage.desk.on("secret", remember)
    await stage.says("secretchat", "secret")
    raw = bytes(stage.rows(inbox)[0].raw)
    await stage.settle()
    held = [raw, *(row.body for row in stage.rows(outbox)), *(row.state for row in stage.rows(conversation))]
    assert len(held) == 3
    assert all(b"secret" not in bytes(sealed) for sealed in held)
