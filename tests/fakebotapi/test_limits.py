"""How fast a bot may send."""

from collections.abc import AsyncIterator

import pytest

from tests.fakebotapi import FakeBotApi, ManualClock
from tests.fakebotapi.conftest import Client

pytestmark = pytest.mark.sockets


@pytest.fixture
async def api(clock: ManualClock) -> AsyncIterator[FakeBotApi]:
    async with FakeBotApi(clock=clock) as api:
        yield api


async def test_thirty_messages_in_any_second(api: FakeBotApi, client: Client, clock: ManualClock) -> None:
    crowd = api.crowd(40)
    answers = [await client.call("sendMessage", chat_id=person.id, text="x") for person in crowd]
    assert [answer["ok"] for answer in answers] == [True] * 30 + [False] * 10
    assert answers[-1]["error_code"] == 429
    assert answers[-1]["description"] == "Too Many Requests: retry after 1"
    assert answers[-1]["parameters"] == {"retry_after": 1}
    assert api.limits.refused == 10
    clock.advance(1)
    assert (await client.call("sendMessage", chat_id=crowd[0].id, text="x"))["ok"]


async def test_paid_broadcasts_go_faster(api: FakeBotApi, client: Client) -> None:
    api.limits.paid = True
    crowd = api.crowd(60)
    for person in crowd:
        await client.asked("sendMessage", chat_id=person.id, text="x", allow_paid_broadcast=True)
    assert (await client.refused("sendMessage", chat_id=crowd[0].id, text="x"))[0] == 429


async def test_about_one_a_second_in_a_private_chat(api: FakeBotApi, client: Client, clock: ManualClock) -> None:
    (alice,) = api.crowd(1)
    passed = [(await client.call("sendMessage", chat_id=alice.id, text="x"))["ok"] for _ in range(21)]
    assert passed == [True] * 20 + [False]
    for _ in range(3):
        clock.advance(1)
        await client.asked("sendMessage", chat_id=alice.id, text="x")
    assert (await client.refused("sendMessage", chat_id=alice.id, text="x"))[0] == 429


async def test_twenty_a_minute_in_a_group(api: FakeBotApi, client: Client, clock: ManualClock) -> None:
    group = api.group("社区工作群")
    for _ in range(20):
        await client.asked("sendMessage", chat_id=group.id, text="x")
        clock.advance(1)
    found = await client.call("sendMessage", chat_id=group.id, text="x")
    assert found["parameters"] == {"retry_after": 40}
    clock.advance(40)
    await client.asked("sendMessage", chat_id=group.id, text="x")


async def test_limits_can_be_switched_off(api: FakeBotApi, client: Client) -> None:
    api.limits.on = False
    (alice,) = api.crowd(1)
    for _ in range(40):
        await client.asked("sendMessage", chat_id=alice.id, text="x")
