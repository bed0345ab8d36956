"""From inbox and timers through the handlers to the outbox: what one event's fault does to it and to the others."""

import asyncio
import threading

import pytest
import sqlalchemy
from structlog.testing import CapturingLogger

from bot.delivery import dispatcher
from bot.delivery.dispatcher import AT_MOST
from bot.dialogue.conversation import Arrival
from bot.dialogue.event import Finished
from bot.dialogue.screen import Screen
from bot.errors import NotFound, StoreError
from bot.store import claims, queues
from bot.store.facts import fact
from bot.store.queues import InboxState, Owed, Policy, TimerState, conversation, inbox, outbox, timer
from bot.store.transaction import Transaction
from bot.telling import Lane
from bot.text import as_text
from tests.delivery.stage import CONTENT, IDENTITY, LOOKUP, Stage, writes


def on_a_server(stage: Stage) -> bool:
    return stage.writer.run(lambda tx: tx.is_postgresql)


def inbox_states(stage: Stage) -> list[str]:
    return [row.state for row in stage.rows(inbox)]


def tries(stage: Stage) -> list[int]:
    return [row.tries for row in stage.rows(inbox)]


async def test_an_update_is_handled_once_and_answered(stage: Stage) -> None:
    await stage.says("wang", "hello")
    await stage.settle()
    await stage.settle()
    assert stage.desk.seen == ["hello"]
    assert stage.owed() == ["got hello"]
    assert inbox_states(stage) == [InboxState.DONE]


async def test_a_batch_takes_one_event_of_each_conversation(stage: Stage) -> None:
    for chat, text in (("wang", "one"), ("wang", "two"), ("li", "three")):
        await stage.says(chat, text)
    assert (await stage.dispatcher.step()).handled == 2
    assert stage.desk.seen == ["one", "three"]


async def test_one_ring_is_enough_for_all_that_a_chat_said(stage: Stage) -> None:
    for number in range(5):
        await stage.says("wang", str(number))
    loop, heard = asyncio.get_running_loop(), asyncio.Event()
    stage.desk.heard = lambda: len(stage.desk.seen) == 5 and loop.call_soon_threadsafe(heard.set)
    running = asyncio.create_task(stage.dispatcher.run())
    async with asyncio.timeout(10):
        await heard.wait()
    stage.dispatcher.stop()
    await running
    assert stage.desk.seen == ["0", "1", "2", "3", "4"]


async def test_a_batch_is_cut_off_when_its_time_is_over(stage: Stage) -> None:
    stage.dispatcher = stage.a_dispatcher(longest=-1.0)
    for chat in ("wang", "li", "zhao"):
        await stage.says(chat, chat)
    batch = await stage.dispatcher.step()
    assert (batch.handled, batch.more) == (1, True)
    await stage.settle()
    assert sorted(stage.desk.seen) == ["li", "wang", "zhao"]


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
    async with asyncio.timeout(10):
        await stage.out.wait()
    assert not handling.done()
    go_on.set()
    await held
    assert (await handling).handled == 1


async def test_nothing_is_looked_for_behind_the_last(stage: Stage) -> None:
    await stage.says("wang", "hello")
    batch = await stage.dispatcher.step()
    assert (batch.handled, batch.more) == (1, False)


async def test_many_due_timers_do_not_hold_up_people(stage: Stage) -> None:
    for number in range(120):
        stage.arms("deadline", key=f"case:{number}")
    await stage.says("wang", "hello")
    await stage.dispatcher.step()
    assert "hello" in stage.desk.seen


async def test_a_batch_has_at_most_a_hundred_events(stage: Stage) -> None:
    for number in range(AT_MOST + 20):
        await stage.says(f"chat{number}", str(number))
    batch = await stage.dispatcher.step()
    assert (batch.handled, batch.more) == (AT_MOST, True)
    await stage.settle()
    assert len(stage.desk.seen) == AT_MOST + 20


# --- faults ---


async def test_an_office_error_undoes_that_event_only(stage: Stage) -> None:
    stage.desk.on("wrong", writes("wrong", NotFound("case")))
    stage.desk.on("right", writes("right"))
    await stage.says("wang", "wrong")
    await stage.says("li", "right")
    assert (await stage.dispatcher.step()).handled == 2
    assert stage.facts() == {"right"}
    assert stage.owed() == ["no: case", "wrote right"]
    assert inbox_states(stage) == [InboxState.DONE, InboxState.DONE]


async def test_an_office_error_leaves_the_conversation_as_it_was(stage: Stage) -> None:
    def remember(_tx: Transaction, arrival: Arrival) -> list[Screen]:
        arrival.conversation.memory["said"] = arrival.event.what.text
        if arrival.event.what.text == "wrong":
            raise NotFound("case")
        return []

    for text in ("right", "wrong", "look"):
        stage.desk.on(text, remember if text != "look" else lambda *_: [])
        await stage.says("wang", text)
    await stage.settle()
    assert stage.desk.arrivals[-1].conversation.memory == {"said": "right"}


async def test_any_other_error_is_set_aside_after_three_tries_and_the_person_is_told(stage: Stage) -> None:
    stage.desk.on("wrong", writes("wrong", KeyError("bug")))
    await stage.says("wang", "wrong")
    for counted in (1, 2, 3):
        assert stage.owed() == []
        await stage.dispatcher.step()
        assert tries(stage) == [counted]
    assert inbox_states(stage) == [InboxState.SET_ASIDE]
    reference = f"{stage.rows(inbox)[0].id:x}"[-8:]
    assert stage.owed() == [f"sorry: {reference}"]
    assert stage.facts() == set()
    await stage.settle()
    assert stage.desk.seen == ["wrong"] * 3


async def test_the_log_names_the_reference_that_the_person_was_told(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs = CapturingLogger()
    monkeypatch.setattr(dispatcher, "log", logs)
    for name in ("wrong", "deadline"):
        stage.desk.on(name, writes(name, KeyError("bug")))
    await stage.says("wang", "wrong")
    stage.arms("deadline", due_in=0)
    for _try in range(4):
        await stage.dispatcher.step()
    told = stage.owed()[0].removeprefix("sorry: ")
    failed = [call.kwargs for call in logs.calls if call.args == ("event_failed",)]
    assert [(each["tries"], each["reference"]) for each in failed if each["kind"] == "Said"] == [
        (number, told) for number in (1, 2, 3)
    ]
    assert {each["kind"] for each in failed} == {"Said", "deadline"}


async def test_an_event_that_was_set_aside_does_not_stop_its_chat(stage: Stage) -> None:
    stage.desk.on("wrong", writes("wrong", KeyError("bug")))
    await stage.says("wang", "wrong")
    await stage.says("wang", "right")
    await stage.settle()
    assert stage.desk.seen == ["wrong"] * 3 + ["right"]


async def test_a_counted_try_is_committed_before_the_next_event(stage: Stage) -> None:
    stage.desk.on("wrong", writes("wrong", KeyError("bug")))
    await stage.says("wang", "wrong")
    await stage.says("li", "right")
    assert (await stage.dispatcher.step()).handled == 1
    assert (tries(stage), stage.desk.seen) == ([1, 0], ["wrong"])
    await stage.settle()
    assert [words[:5] for words in stage.owed()] == ["sorry", "got r"]


async def test_where_even_the_apology_fails_the_event_is_set_aside(stage: Stage) -> None:
    stage.desk.on("wrong", writes("wrong", KeyError("bug")))
    stage.desk.apology_fault = KeyError("no words")
    await stage.says("wang", "wrong")
    await stage.says("li", "right")
    await stage.settle()
    assert inbox_states(stage) == [InboxState.SET_ASIDE, InboxState.DONE]
    assert stage.owed() == ["got right"]


async def test_a_store_error_rolls_back_the_batch_and_counts_no_try(stage: Stage) -> None:
    stage.desk.on("first", writes("first"))
    stage.desk.on("second", writes("second", StoreError("disk full")))
    await stage.says("wang", "first")
    await stage.says("li", "second")
    with pytest.raises(StoreError):
        await stage.settle()
    first = set() if not on_a_server(stage) else {"first"}  # there the first was a batch of its own
    assert stage.facts() == first
    assert tries(stage) == [0, 0]
    assert inbox_states(stage) == ["done" if first else "new", "new"]
    stage.desk.on("second", writes("second"))
    await stage.settle()
    assert stage.facts() == {"first", "second"}


async def test_a_database_that_cannot_work_is_waited_for_ever_longer(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    sound, handled, loop = asyncio.sleep, asyncio.Event(), asyncio.get_running_loop()

    def works_again(_tx: Transaction, _arrival: Arrival) -> list[Screen]:
        loop.call_soon_threadsafe(handled.set)
        return []

    async def pausing(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 6:
            stage.desk.on("hello", works_again)
        await sound(0)

    monkeypatch.setattr(dispatcher.asyncio, "sleep", pausing)
    stage.desk.on("hello", writes("hello", StoreError("disk full")))
    await stage.says("wang", "hello")
    running = asyncio.create_task(stage.dispatcher.run())
    async with asyncio.timeout(10):
        await handled.wait()
    stage.dispatcher.stop()
    await running
    assert pauses == [1, 2, 4, 5, 5, 5]  # the loops wait one behind another, and all must be back within half a minute
    assert tries(stage) == [0]


async def test_a_failed_read_is_that_events_alone(stage: Stage) -> None:
    """On a server it breaks the whole transaction: the batch is rolled back and redone one event at a time."""

    def reads_nonsense(tx: Transaction, _arrival: Arrival) -> list[Screen]:
        tx.read(sqlalchemy.text("SELECT nothing FROM nowhere"))
        return []

    stage.desk.on("nonsense", reads_nonsense)
    for chat, said in (("wang", "before"), ("li", "nonsense"), ("zhao", "after")):
        await stage.says(chat, said)
    await stage.settle()
    assert inbox_states(stage) == [InboxState.DONE, InboxState.SET_ASIDE, InboxState.DONE]
    assert tries(stage) == [0, 3, 0]
    assert {"got before", "got after"} < set(stage.owed())


def owes_without_a_key(tx: Transaction, _arrival: Arrival) -> list[Screen]:
    """Collects a row that no database takes: only the flush finds out."""
    queues.owe(tx, Owed(id=1, channel="silent", address=1, lane=Lane.REPLY, policy=Policy.HOLD,
                        key=None, body=b"", not_before=tx.now))  # type: ignore[arg-type]  # the key is what is wrong  # fmt: skip
    return []


async def test_a_failed_flush_is_redone_one_event_at_a_time(stage: Stage) -> None:
    stage.desk.on("poison", owes_without_a_key)
    stage.desk.on("right", writes("right"))
    await stage.says("wang", "poison")
    await stage.says("li", "right")
    await stage.says("zhao", "hello")
    await stage.settle()
    assert inbox_states(stage) == [InboxState.SET_ASIDE, InboxState.DONE, InboxState.DONE]
    assert tries(stage) == [3, 0, 0]
    assert stage.facts() == {"right"}
    assert {"wrote right", "got hello"} < set(stage.owed())


async def test_a_timer_that_breaks_the_flush_is_not_blamed_on_a_person(stage: Stage) -> None:
    stage.desk.on("poison", owes_without_a_key)
    stage.arms("poison")
    await stage.says("wang", "hello")
    for _minute in range(4):
        await stage.settle()
        stage.clock.advance(minutes=1)
    assert (tries(stage), inbox_states(stage)) == ([0], [InboxState.DONE])
    assert [row.state for row in stage.rows(timer)] == [TimerState.SET_ASIDE]


async def test_a_failed_commit_is_redone_and_takes_effect_once(stage: Stage) -> None:
    failures = [RuntimeError("commit")]

    def fail_once(name: str) -> None:
        if name == "mid-batch" and failures:
            raise failures.pop()

    stage.dispatcher = stage.a_dispatcher(failpoint=fail_once)
    stage.desk.on("one", writes("one"))
    await stage.says("wang", "one")
    await stage.says("li", "two")
    await stage.settle()
    assert stage.facts() == {"one"}
    assert sorted(stage.owed()) == ["got two", "wrote one"]
    assert tries(stage) == [0, 0]


async def test_the_first_batch_after_an_unclean_stop_handles_one_event(stage: Stage) -> None:
    stage.dispatcher = stage.a_dispatcher(singly=True)
    stage.arms("deadline")
    await stage.says("wang", "one")
    await stage.says("li", "two")
    assert (await stage.dispatcher.step()).handled == 1
    assert (await stage.dispatcher.step()).handled == 2


@pytest.mark.parametrize("fault", [ValueError("shape"), KeyError("chat"), RecursionError()])
async def test_an_update_that_cannot_be_decoded_is_set_aside_alone(
    stage: Stage, fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = stage.channel.decode

    def decode(body: bytes):
        if body == b"odd":
            raise fault
        return sound(body)

    monkeypatch.setattr(stage.channel, "decode", decode)
    await stage.hands_in("wang", b"odd")
    await stage.says("wang", "hello")
    await stage.says("li", "hello")
    await stage.settle()
    assert inbox_states(stage) == [InboxState.SET_ASIDE, InboxState.DONE, InboxState.DONE]


async def test_an_update_whose_seal_is_broken_is_set_aside_alone(stage: Stage) -> None:
    row = {
        "id": stage.ids(),
        "channel": "silent",
        "key": "x",
        "lane": 5,
        "raw": b"cut",
        "received_at": stage.clock.now(),
    }
    stage.writer.run(lambda tx: claims.take_in(tx, [row]))
    await stage.says("li", "hello")
    await stage.settle()
    assert inbox_states(stage) == [InboxState.SET_ASIDE, InboxState.DONE]


async def test_a_conversation_that_cannot_be_read_never_breaks_an_update(stage: Stage) -> None:
    await stage.says("wang", "one")
    lane = LOOKUP.lane("silent", "wang")
    stage.writer.run(lambda tx: queues.save_conversation(tx, lane, b"not ours"))
    await stage.settle()
    assert stage.owed() == ["got one"]


# --- timers ---


async def test_from_a_job_an_office_error_counts_as_an_ordinary_one(stage: Stage) -> None:
    import msgspec

    raw = IDENTITY.seal(msgspec.msgpack.encode(Finished("fetch", 7, {})), b"inbox")
    row = {"id": stage.ids(), "channel": "job", "key": "1", "lane": -1, "raw": raw, "received_at": stage.clock.now()}
    stage.writer.run(lambda tx: claims.take_in(tx, [row]))
    stage.desk.on("fetch", writes("fetch", NotFound("case")))
    await stage.dispatcher.step()
    assert (tries(stage), inbox_states(stage)) == ([1], [InboxState.NEW])


# --- what is owed ---


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


async def test_an_event_sees_what_earlier_events_of_its_batch_wrote(stage: Stage) -> None:
    def look(tx: Transaction, _arrival: Arrival) -> list[Screen]:
        return [Screen(as_text(",".join(sorted(tx.read(fact.select()).scalars()))))]

    stage.desk.on("write", writes("written"))
    stage.desk.on("look", look)
    await stage.says("wang", "write")
    await stage.says("li", "look")
    await stage.settle()
    assert stage.owed() == ["wrote written", "written"]


async def test_on_a_server_an_event_that_writes_office_rows_is_the_last_of_its_batch(stage: Stage) -> None:
    stage.desk.on("write", writes("written"))
    await stage.says("wang", "write")
    await stage.says("li", "look")
    assert (await stage.dispatcher.step()).handled == (1 if on_a_server(stage) else 2)
