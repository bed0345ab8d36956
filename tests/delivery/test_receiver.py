"""From a channel into the inbox: safe before it is acknowledged, sealed, once."""

import asyncio
import threading

import pytest
from sqlalchemy import select

from bot.delivery.channel import Raw
from bot.delivery.receiver import RAW, Receiver
from bot.errors import StoreError
from bot.store.queues import conversation, inbox
from tests.delivery.stage import IDENTITY, LOOKUP, Stage


def raw(stage: Stage, key: str, chat: str = "wang", body: bytes = b"words") -> Raw:
    return Raw(key, chat, body, stage.clock.now())


async def test_what_came_in_one_call_is_stored_in_order_with_its_chat(stage: Stage) -> None:
    await stage.receiver.take_in([raw(stage, "1"), raw(stage, "2", "li"), raw(stage, "3")])
    rows = stage.rows(inbox)
    wang, li = LOOKUP.lane("silent", "wang"), LOOKUP.lane("silent", "li")
    assert [(row.key, row.lane, row.state) for row in rows] == [
        ("1", wang, "new"),
        ("2", li, "new"),
        ("3", wang, "new"),
    ]
    assert {row.id for row in stage.rows(conversation)} == {wang, li}


async def test_what_names_no_chat_does_not_wait_for_its_like(stage: Stage) -> None:
    """Nor does it leave a conversation each."""
    await stage.receiver.take_in([raw(stage, str(number), chat="") for number in range(100, 140)])
    assert len({row.lane for row in stage.rows(inbox)}) == len(stage.rows(conversation)) == 10


async def test_what_is_stored_is_sealed(stage: Stage) -> None:
    await stage.receiver.take_in([raw(stage, "1")])
    (row,) = stage.rows(inbox)
    assert b"words" not in row.raw
    assert IDENTITY.open(row.raw, RAW) == b"words"


async def test_an_update_handed_over_twice_is_stored_once(stage: Stage) -> None:
    for _again in range(2):
        await stage.receiver.take_in([raw(stage, "1"), raw(stage, "2")])
    assert [row.key for row in stage.rows(inbox)] == ["1", "2"]


async def test_an_update_that_comes_again_after_it_was_handled_changes_nothing(stage: Stage) -> None:
    await stage.says("wang", "hello")
    await stage.settle()
    stage._keys -= 1
    await stage.says("wang", "hello")
    await stage.settle()
    assert stage.desk.seen == ["hello"]


async def test_what_could_not_be_stored_is_not_acknowledged(stage: Stage) -> None:
    def fail(name: str) -> None:
        if name == "inbox commit":
            raise StoreError("disk full")

    receiver = Receiver(stage.channel, writer=stage.writer, seal=IDENTITY, lookup=LOOKUP, ids=stage.ids,
                        bell=stage.bell, failpoint=fail)  # fmt: skip
    with pytest.raises(StoreError):
        await receiver.take_in([raw(stage, "1")])
    assert stage.rows(inbox) == []


async def test_the_dispatcher_is_woken_before_the_commit_and_the_platform_answered_after_it(stage: Stage) -> None:
    """So the dispatcher's batch stands behind the rows in the writer and may share their transaction."""
    begun, go_on = threading.Event(), threading.Event()

    def holds_up(name: str) -> None:
        if name == "inbox commit":
            begun.set()
            go_on.wait()

    receiver = Receiver(stage.channel, writer=stage.writer, seal=IDENTITY, lookup=LOOKUP, ids=stage.ids,
                        bell=stage.bell, failpoint=holds_up)  # fmt: skip
    taking = asyncio.create_task(receiver.take_in([raw(stage, "1")]))
    await asyncio.to_thread(begun.wait)
    batch = stage.writer.submit(lambda tx: [row.key for row in tx.flushed().execute(select(inbox))])
    rung, answered = stage.bell.is_rung, taking.done()
    go_on.set()
    assert await batch == ["1"]
    await taking
    assert (rung, answered) == (True, False)


async def test_a_call_that_brought_nothing_wakes_nobody(stage: Stage) -> None:
    await stage.receiver.take_in([])
    assert not stage.bell._event.is_set()


async def test_an_update_in_odd_characters_is_stored(stage: Stage) -> None:
    await stage.receiver.take_in([raw(stage, "1", "\ud800 half", b"\x00\xff")])
    assert IDENTITY.open(stage.rows(inbox)[0].raw, RAW) == b"\x00\xff"
