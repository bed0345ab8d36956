"""The way in: stored first, acknowledged afterwards, and nothing that goes wrong stops it."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.telegram.polling import LONGEST_PAUSE, Polling, split
from bot.channels.telegram.updates import KINDS
from bot.delivery.channel import Raw
from bot.dialogue.event import Said
from bot.errors import ChannelDown, NotSent, StoreError, Uncertain, Undecodable
from tests.channels.telegram.tiny import (
    GARBAGE,
    HALF,
    NOW,
    RESET,
    Pauses,
    StillClock,
    TinyApi,
    channel_of,
    fails,
    serving,
)
from tests.rig import FakeClock


def update(number: int, text: str = "x", chat: int = 4242) -> dict[str, Any]:
    place = {"id": chat, "type": "private" if chat > 0 else "group"}
    said = {"message_id": number, "date": 1, "chat": place, "from": {"id": 4242}, "text": text}
    return {"update_id": number, "message": said}


def batch(*updates: dict[str, Any]) -> dict[str, Any]:
    return {"ok": True, "result": list(updates)}


class Inbox:
    """What has been taken in; refuses as often as told."""

    def __init__(self, refusals: int = 0) -> None:
        self.raws: list[Raw] = []
        self.refusals = refusals
        self.committed = -1

    async def __call__(self, raws: Sequence[Raw]) -> None:
        await asyncio.sleep(0)
        if self.refusals:
            self.refusals -= 1
            raise StoreError("disk full")
        self.raws.extend(raws)
        self.committed = max(int(raw.key) for raw in raws)


async def received(api: TinyApi, inbox: Inbox, polls: int, pauses: Pauses | None = None) -> list[dict[str, Any]]:
    """Receives until so many calls were made; gives them."""
    async with channel_of(api.url, pause=pauses or Pauses()) as channel:
        task = asyncio.create_task(channel.receive(inbox))
        try:
            return await api.until("getUpdates", polls)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.mark.sockets
async def test_updates_come_in_with_key_chat_and_arrival() -> None:
    inbox = Inbox()
    async with serving() as api:
        api.lay_down("getUpdates", batch(update(10), update(11, "/register", chat=-5)))
        calls = await received(api, inbox, 2)
    assert [(raw.key, raw.chat, raw.group, raw.at) for raw in inbox.raws] == [
        ("10", "4242", False, NOW),
        ("11", "-5", True, NOW),
    ]
    assert calls[0] == {"timeout": 50, "allowed_updates": list(KINDS)}
    assert calls[1]["offset"] == 12


@pytest.mark.sockets
async def test_what_people_say_to_each_other_in_a_group_is_not_taken_in() -> None:
    inbox = Inbox()
    async with serving() as api:
        api.lay_down("getUpdates", batch(update(10, "闲聊", chat=-5)), batch(update(11), update(12, "谢谢", chat=-5)))
        calls = await received(api, inbox, 3)
    assert [raw.key for raw in inbox.raws] == ["11"]
    assert [call.get("offset") for call in calls[:3]] == [None, 11, 13]


@pytest.mark.sockets
async def test_the_offset_moves_only_after_the_commit() -> None:
    inbox = Inbox()
    seen: list[tuple[int, int]] = []
    async with serving() as api:
        for number in range(1, 200):
            api.lay_down("getUpdates", batch(update(number)))
        async with channel_of(api.url) as channel:
            asked = channel._polling._ask

            async def asking(parameters: dict[str, Any]) -> bytes:
                seen.append((parameters.get("offset", 0), inbox.committed))
                return await asked(parameters)

            channel._polling._ask = asking
            task = asyncio.create_task(channel.receive(inbox))
            await api.until("getUpdates", 200)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    assert [raw.key for raw in inbox.raws] == [str(number) for number in range(1, 200)]
    assert len(seen) >= 200
    assert all(offset <= committed + 1 for offset, committed in seen)


@pytest.mark.sockets
async def test_what_is_not_stored_is_not_acknowledged() -> None:
    inbox, pauses = Inbox(refusals=3), Pauses()
    async with serving() as api:
        api.lay_down("getUpdates", *[batch(update(10))] * 4)
        calls = await received(api, inbox, 5, pauses)
    assert ["offset" in call for call in calls] == [False, False, False, False, True]
    assert pauses.seconds == [1.0, 2.0, 4.0]
    assert [raw.key for raw in inbox.raws] == ["10"]


@pytest.mark.sockets
async def test_a_store_that_is_away_is_tried_every_five_seconds_at_most() -> None:
    inbox, pauses = Inbox(refusals=6), Pauses()
    async with serving() as api:
        api.lay_down("getUpdates", *[batch(update(10))] * 7)
        await received(api, inbox, 8, pauses)
    assert pauses.seconds == [1.0, 2.0, 4.0, 5.0, 5.0, 5.0]


@pytest.mark.sockets
@pytest.mark.parametrize(
    "trouble",
    [
        fails(409, "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"),
        fails(401, "Unauthorized"),
        fails(502, "Bad Gateway"),
        (502, b"<html>"),
        GARBAGE,
        (200, b'{"ok":true,"result":[{"update_id":10,"mess'),
        (200, b'{"ok":true,"result":7}'),
        fails(200, "odd"),
        RESET,
        HALF,
    ],
)
async def test_trouble_is_survived(trouble: Any) -> None:
    inbox, pauses = Inbox(), Pauses()
    async with serving() as api:
        api.lay_down("getUpdates", batch(update(9)), trouble, trouble, batch(update(10)))
        calls = await received(api, inbox, 5, pauses)
    assert [raw.key for raw in inbox.raws] == ["9", "10"]
    assert [call.get("offset") for call in calls] == [None, 10, 10, 10, 11]
    assert pauses.seconds == [1.0, 2.0]


@pytest.mark.parametrize(
    ("cause", "is_rival"),
    [
        ("409 Conflict: terminated by other getUpdates request; make sure that only one", True),
        ("409 Conflict: can't use getUpdates method while webhook is active", False),
        ("401 Unauthorized", False),
    ],
)
async def test_another_poller_is_remembered(cause: str, is_rival: bool) -> None:
    clock = FakeClock()

    async def ask(_parameters: dict[str, Any]) -> bytes:
        raise ChannelDown(cause)

    async def free() -> None:
        return None

    async def pause(_seconds: float) -> None:
        raise asyncio.CancelledError

    polling = Polling("telegram:1", ask, free, clock, pause)
    with pytest.raises(asyncio.CancelledError):
        await polling.run(Inbox())
    assert polling.rival_at == (clock.now() if is_rival else None)


@pytest.mark.sockets
async def test_too_many_requests_are_waited_for() -> None:
    pauses = Pauses()
    async with serving() as api:
        api.lay_down("getUpdates", fails(429, "Too Many Requests: retry after 60", retry_after=60))
        await received(api, Inbox(), 2, pauses)
    assert pauses.seconds == [60.0]


@pytest.mark.sockets
async def test_a_webhook_in_the_way_is_removed_and_nothing_dropped() -> None:
    words = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete it first"
    inbox = Inbox()
    async with serving() as api:
        api.lay_down("getUpdates", fails(409, words), batch(update(10)))
        await received(api, inbox, 3)
    assert api.calls("deleteWebhook") == [{"drop_pending_updates": False}]
    assert len(inbox.raws) == 1


@pytest.mark.sockets
async def test_a_bad_update_harms_no_other() -> None:
    inbox = Inbox()
    bad = [
        b'{"update_id":11,"message":{"text":5}}',
        rb'{"update_id":12,"message":{"text":"\ud83d","x":{"y":"]}\""}}}',
        b'{"update_id":13,"x":' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"update_id":14,"x":"\xff"}',
    ]
    updates = [json.dumps(update(10)).encode(), *bad, json.dumps(update(15)).encode()]
    async with serving() as api, channel_of(api.url) as channel:
        api.lay_down("getUpdates", (200, b'{"ok":true,"result":[' + b",".join(updates) + b"]}"))
        calls = await received(api, inbox, 2)
        assert calls[1]["offset"] == 16
        assert [raw.key for raw in inbox.raws] == ["10", "11", "12", "13", "14", "15"]
        assert [raw.body[8:] for raw in inbox.raws] == updates
        for raw in (inbox.raws[0], inbox.raws[-1]):
            assert channel.decode(raw.body).what == Said("x")
        with pytest.raises(Undecodable):
            channel.decode(inbox.raws[1].body)


@pytest.mark.sockets
async def test_without_a_network_it_keeps_trying() -> None:
    async with serving() as api:
        url = api.url
    seconds: list[float] = []

    async def pause(length: float) -> None:
        seconds.append(length)
        if len(seconds) == 7:
            raise asyncio.CancelledError

    async with channel_of(url, pause=pause) as channel:
        assert not await channel.check()
        with pytest.raises(asyncio.CancelledError):
            await channel.receive(Inbox())
    assert seconds == [1.0, 2.0, 4.0, 8.0, 16.0, LONGEST_PAUSE, LONGEST_PAUSE]


async def test_updates_without_ids_make_no_hot_loop() -> None:
    async def ask(_parameters: dict[str, Any]) -> bytes:
        return b'{"ok":true,"result":[{"message":{}}]}'

    async def free() -> None:
        raise AssertionError

    inbox: list[Raw] = []

    async def take_in(raws: Sequence[Raw]) -> None:
        inbox.extend(raws)

    polling = Polling("telegram:1", ask, free, StillClock(), Pauses())
    for _ in range(2):
        with pytest.raises(Uncertain):
            await polling.step(take_in)
    assert len({raw.key for raw in inbox}) == 1
    assert polling.heard_at == NOW


def test_refusals_are_told_by_cause() -> None:
    for status, kind in ((401, ChannelDown), (409, ChannelDown), (429, NotSent), (500, Uncertain)):
        with pytest.raises(kind):
            split(json.dumps(fails(status, "words")[1]).encode())


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=20,
)


@given(updates=st.lists(st.dictionaries(st.text(max_size=5), values, max_size=4), max_size=5))
def test_both_ways_of_splitting_agree(updates: list[dict[str, Any]]) -> None:
    raws = [json.dumps(item).encode() for item in updates]
    payload = b'{"ok": true, "result": [' + b", ".join(raws) + b"]}"
    assert split(payload) == raws
    broken = rb'{"odd":"\ud83d","update_id":1}'
    assert split(b'{"ok":true,"result":[' + b",".join([*raws, broken]) + b"]}") == [*raws, broken]
