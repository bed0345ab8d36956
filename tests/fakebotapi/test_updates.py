"""getUpdates as the real server answers it."""

import asyncio
from typing import Any

import pytest

from tests.fakebotapi import FakeBotApi, ManualClock
from tests.fakebotapi.conftest import Client

pytestmark = pytest.mark.sockets


def ids(updates: list[dict[str, Any]]) -> list[int]:
    return [update["update_id"] for update in updates]


async def test_a_higher_offset_forgets_everything_below_at_the_call(api: FakeBotApi, client: Client) -> None:
    alice = api.person("Alice")
    for word in "abc":
        alice.says(word)
    first, second, third = ids(await client.updates())
    assert second == first + 1
    waiting = client.polling(offset=third + 1, timeout=50)
    await api.until(lambda: api.is_drained)
    assert api.journal.confirmed_at(third) is not None
    waiting.cancel()
    assert await client.updates(offset=first) == []


async def test_no_offset_begins_at_the_head(api: FakeBotApi, client: Client, clock: ManualClock) -> None:
    said = [api.person("Alice").says(word).update_id for word in "abc"]
    assert ids(await client.updates()) == said
    clock.advance(1)
    assert ids(await client.updates(offset=0)) == said
    assert ids(await client.updates(offset=said[1])) == said[1:]
    assert ids(await client.updates()) == said[1:]


async def test_a_negative_offset_keeps_only_the_last(api: FakeBotApi, client: Client) -> None:
    said = [api.person("Alice").says(word).update_id for word in "abcd"]
    assert ids(await client.updates(offset=-2)) == said[2:]
    assert ids(await client.updates()) == said[2:]


async def test_an_offset_far_beyond_the_end_begins_at_the_head(api: FakeBotApi, client: Client) -> None:
    api.jump_ids(1000)
    said = api.person("Alice").says("a").update_id
    assert ids(await client.updates(offset=900_000)) == [said] == [1000]


async def test_the_same_offset_again_at_once_gets_one_update(
    api: FakeBotApi, client: Client, clock: ManualClock
) -> None:
    for word in "abc":
        api.person("Alice").says(word)
    assert len(await client.updates()) == 3
    assert len(await client.updates()) == 1
    clock.advance(0.5)
    assert len(await client.updates()) == 3


async def test_the_same_offset_again_soon_has_to_wait(api: FakeBotApi, client: Client, clock: ManualClock) -> None:
    assert await client.updates() == []
    clock.advance(1)
    waiting = client.polling(timeout=0)
    await api.until(lambda: api.account.poll and api.account.poll.waiting)
    clock.advance(2.9)
    assert not waiting.done()
    clock.advance(0.1)
    assert (await waiting)["result"] == []


async def test_at_most_a_hundred_at_a_time(api: FakeBotApi, client: Client) -> None:
    for number in range(120):
        api.person("Alice").says(str(number))
    first = ids(await client.updates(limit=1000))
    assert len(first) == 100
    assert len(await client.updates(offset=first[-1] + 1)) == 20


async def test_a_long_poll_ends_with_an_update_or_its_time(api: FakeBotApi, client: Client, clock: ManualClock) -> None:
    waiting = client.polling(timeout=30)
    await api.until(lambda: api.account.poll and api.account.poll.waiting)
    api.person("Alice").says("hello")
    assert (await waiting)["result"][0]["message"]["text"] == "hello"
    again = client.polling(offset=10**6 * 999, timeout=30)
    again.cancel()


async def test_a_second_poller_ends_the_first(api: FakeBotApi, client: Client) -> None:
    first = client.polling(timeout=30)
    await api.until(lambda: api.account.poll and api.account.poll.waiting)
    waiting = api.account.poll.waiting if api.account.poll else None
    second = client.polling(timeout=30, offset=1)
    words = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
    assert await first == {"ok": False, "error_code": 409, "description": words}
    await api.until(lambda: api.account.poll and api.account.poll.waiting not in (None, waiting))
    api.person("Alice").says("a")
    assert len((await second)["result"]) == 1


async def test_only_the_kinds_asked_for_are_kept(api: FakeBotApi, client: Client, clock: ManualClock) -> None:
    alice = api.person("Alice")
    await client.updates(allowed_updates=["message", "message_reaction"])
    said = alice.says("a")
    alice.edits(said, "b")
    alice.reacts(said)
    clock.advance(5)
    assert [sorted(update)[0] for update in await client.updates()] == ["message", "message_reaction"]
    clock.advance(5)
    await client.updates(allowed_updates=[])
    assert alice.reacts(said) is None
    assert alice.edits(said, "c").update_id is not None
    assert [entry.method for entry in api.journal.entries if entry.what == "unwanted"] == [
        "edited_message",
        "message_reaction",
    ]


async def test_messages_are_kept_a_day_and_presses_150_seconds(
    api: FakeBotApi, client: Client, clock: ManualClock
) -> None:
    alice = api.person("Alice")
    alice.says("a")
    keyboard = {"inline_keyboard": [[{"text": "x", "callback_data": "x"}]]}
    await client.asked("sendMessage", chat_id=alice.id, text="b", reply_markup=keyboard)
    alice.presses("x")
    assert len(await client.updates()) == 2
    clock.advance(150)
    assert len(await client.updates()) == 1
    clock.advance(86400 - 150)
    assert await client.updates() == []
    assert [entry.method for entry in api.journal.entries if entry.what == "expired"] == ["callback_query", "message"]


async def test_an_update_over_64_kib_is_dropped_and_counted(api: FakeBotApi, client: Client) -> None:
    assert api.raw_update({"message": {"text": "x" * 65536}}) is None
    assert api.account.queue.dropped == 1
    assert await client.updates() == []


async def test_confirmed_updates_can_come_again(api: FakeBotApi, client: Client) -> None:
    api.redeliver(1.0)
    said = [api.person("Alice").says(word).update_id or 0 for word in "abc"]
    await client.updates(offset=said[2])
    assert ids(await client.updates()) == said
    after = ids(await client.updates(offset=said[1]))
    assert after[-1] == said[2]
    assert api.journal.fates(said[0]).count("handed") >= 1


async def test_ids_that_jumped_back_come_first(api: FakeBotApi, client: Client, clock: ManualClock) -> None:
    alice = api.person("Alice")
    api.jump_ids(5000)
    alice.says("a")
    api.jump_ids(1000)
    alice.says("b")
    assert ids(await client.updates()) == [1000, 5000]
    assert ids(await client.updates(offset=1001)) == [5000]


async def test_anything_can_be_put_in(api: FakeBotApi, client: Client) -> None:
    api.raw_update({"update_id": 77, "new_kind": {"number": 10**30}})
    api.raw_update(b'{"message":{"text":"\\ud800"}}')
    url = f"{api.base_url}{api.token}/getUpdates"
    async with client.session.get(url) as answer:
        payload = await answer.read()
    expected = b'{"update_id":77,"new_kind":{"number":1%s}},{"update_id":78,"message":{"text":"\\ud800"}}' % (b"0" * 30)
    assert payload == b'{"ok":true,"result":[' + expected + b"]}"


async def test_a_poller_that_goes_away_leaves_its_updates(api: FakeBotApi, client: Client) -> None:
    waiting = client.polling(timeout=30)
    await api.until(lambda: api.account.poll and api.account.poll.waiting)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.sleep(0)
    said = api.person("Alice").says("a")
    assert ids(await client.updates()) == [said.update_id]
