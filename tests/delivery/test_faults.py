"""What one event's fault does to it, and that it does nothing to the others."""

import msgspec
import pytest
from sqlalchemy.exc import DataError
from structlog.testing import CapturingLogger

from bot.delivery import dispatcher
from bot.dialogue.conversation import Arrival
from bot.dialogue.event import Event, Finished
from bot.dialogue.screen import Screen
from bot.errors import NotFound
from bot.store import claims, queues
from bot.store.queues import InboxState, inbox
from bot.store.transaction import Transaction
from tests.delivery.stage import IDENTITY, LOOKUP, Stage, name_of, writes


async def test_an_office_error_undoes_that_event_only(stage: Stage) -> None:
    stage.desk.on("wrong", writes("wrong", NotFound("case")))
    stage.desk.on("right", writes("right"))
    await stage.says("wang", "wrong")
    await stage.says("li", "right")
    assert (await stage.dispatcher.step()).handled == 2
    assert stage.facts() == {"right"}
    assert stage.owed() == ["no: case", "wrote right"]
    assert stage.inbox_states() == [InboxState.DONE, InboxState.DONE]


async def test_an_office_error_leaves_the_conversation_as_it_was(stage: Stage) -> None:
    def remember(_tx: Transaction, arrival: Arrival) -> list[Screen]:
        said = name_of(arrival.event.what)
        arrival.conversation.memory["said"] = said
        if said == "wrong":
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
        assert stage.tries() == [counted]
    assert stage.inbox_states() == [InboxState.SET_ASIDE]
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
    assert (stage.tries(), stage.desk.seen) == ([1, 0], ["wrong"])
    await stage.settle()
    assert [words[:5] for words in stage.owed()] == ["sorry", "got r"]


async def test_where_even_the_apology_fails_the_event_is_set_aside(stage: Stage) -> None:
    stage.desk.on("wrong", writes("wrong", KeyError("bug")))
    stage.desk.apology_fault = KeyError("no words")
    await stage.says("wang", "wrong")
    await stage.says("li", "right")
    await stage.settle()
    assert stage.inbox_states() == [InboxState.SET_ASIDE, InboxState.DONE]
    assert stage.owed() == ["got right"]


async def test_a_person_for_whom_no_statement_works_does_not_stop_the_others(stage: Stage) -> None:
    """On a server a fault ends its transaction: the words of regret would meet it again, time after time."""
    fault = DataError("INSERT", None, ValueError("value too long"))
    stage.desk.on("wrong", writes("wrong", fault))
    stage.desk.apology_fault = fault
    await stage.says("wang", "wrong")
    await stage.says("li", "right")
    await stage.settle()
    assert stage.inbox_states() == [InboxState.SET_ASIDE, InboxState.DONE]
    assert stage.owed() == ["got right"]


@pytest.mark.parametrize("fault", [ValueError("shape"), KeyError("chat"), RecursionError()])
async def test_an_update_that_cannot_be_decoded_is_set_aside_alone(
    stage: Stage, fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = stage.channel.decode

    def decode(body: bytes) -> Event:
        if body == b"odd":
            raise fault
        return sound(body)

    monkeypatch.setattr(stage.channel, "decode", decode)
    await stage.hands_in("wang", b"odd")
    await stage.says("wang", "hello")
    await stage.says("li", "hello")
    await stage.settle()
    assert stage.inbox_states() == [InboxState.SET_ASIDE, InboxState.DONE, InboxState.DONE]


async def test_what_came_over_a_channel_that_is_not_here_waits_for_it(stage: Stage) -> None:
    """`huiyin chat` on the database of a stopped office hears its terminal alone."""
    await stage.says("wang", "hello")
    dispatcher = stage.a_dispatcher(["terminal"])
    batch = await dispatcher.step()
    assert (batch.handled, batch.more) == (0, False)
    assert [(row.state, row.tries) for row in stage.rows(inbox)] == [("new", 0)]
    await stage.settle()
    assert stage.owed() == ["got hello"]


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
    assert stage.inbox_states() == [InboxState.SET_ASIDE, InboxState.DONE]


async def test_a_conversation_that_cannot_be_read_never_breaks_an_update(stage: Stage) -> None:
    await stage.says("wang", "one")
    lane = LOOKUP.lane("silent", "wang")
    stage.writer.run(lambda tx: queues.save_conversation(tx, lane, b"not ours"))
    await stage.settle()
    assert stage.owed() == ["got one"]


async def test_from_a_job_an_office_error_counts_as_an_ordinary_one(stage: Stage) -> None:
    raw = IDENTITY.seal(msgspec.msgpack.encode(Finished("fetch", 7, {})), b"inbox")
    row = {"id": stage.ids(), "channel": "job", "key": "1", "lane": -1, "raw": raw, "received_at": stage.clock.now()}
    stage.writer.run(lambda tx: claims.take_in(tx, [row]))
    stage.desk.on("fetch", writes("fetch", NotFound("case")))
    await stage.dispatcher.step()
    assert (stage.tries(), stage.inbox_states()) == ([1], [InboxState.NEW])
