"""Faults: what breaks, whether it was done, and that it ends."""

import asyncio
from typing import Any

import aiohttp
import pytest

from tests.fakebotapi import FakeBotApi, Fault, ManualClock, Person
from tests.fakebotapi.conftest import Client

pytestmark = pytest.mark.sockets


@pytest.fixture
def alice(api: FakeBotApi) -> Person:
    alice = api.person("Alice")
    alice.starts()
    return alice


def sending(client: Client, alice: Person) -> Any:
    return client.call("sendMessage", chat_id=alice.id, text="x")


@pytest.mark.parametrize(
    "kind, done", [(Fault.RESET_BEFORE, 0), (Fault.RESET_AFTER, 1), (Fault.HALF, 1), (Fault.BAD_JSON, 1)]
)
async def test_broken_answers(api: FakeBotApi, client: Client, alice: Person, kind: Fault, done: int) -> None:
    api.faults.add(kind, method="sendMessage")
    with pytest.raises((aiohttp.ClientError, ValueError, OSError)):
        await sending(client, alice)
    assert len(alice.received) == len(api.journal.sent(alice.id)) == done
    assert api.journal.calls("sendMessage")[0].outcome == f"fault:{kind}"
    assert (await sending(client, alice))["ok"]


@pytest.mark.parametrize(
    "kind, code, more",
    [
        (Fault.FLOOD, 429, {"parameters": {"retry_after": 3600}}),
        (Fault.UNAUTHORIZED, 401, {"description": "Unauthorized"}),
        (Fault.FORBIDDEN, 403, {"description": "Forbidden: bot was blocked by the user"}),
        (Fault.NOT_FOUND, 404, {"description": "Not Found"}),
        (Fault.CONFLICT, 409, {}),
        (Fault.MIGRATE, 400, {"parameters": {"migrate_to_chat_id": -1009999999999}}),
        (Fault.SERVER_ERROR, 500, {"description": "Internal Server Error"}),
    ],
)
async def test_refusals(
    api: FakeBotApi, client: Client, *, alice: Person, kind: Fault, code: int, more: dict[str, Any]
) -> None:
    api.faults.add(kind, seconds=3600)
    found = await sending(client, alice)
    assert found | more == found
    assert found["error_code"] == code
    assert alice.received == []


async def test_a_gateway_shows_a_page(api: FakeBotApi, client: Client, alice: Person) -> None:
    api.faults.add(Fault.BAD_GATEWAY)
    async with client.session.post(f"{api.base_url}{api.token}/getMe") as answer:
        assert (answer.status, answer.content_type) == (502, "text/html")


async def test_what_hangs_is_released(api: FakeBotApi, client: Client, alice: Person) -> None:
    api.faults.add(Fault.HANG, after=True)
    waiting = asyncio.create_task(sending(client, alice))
    await api.journal.wait(lambda entry: entry.outcome == "fault:hang")
    assert len(alice.received) == 1
    assert not waiting.done()
    api.faults.release()
    with pytest.raises(aiohttp.ClientError):
        await waiting


async def test_latency_passes_with_the_clock(
    api: FakeBotApi, client: Client, alice: Person, clock: ManualClock
) -> None:
    armed = api.faults.add(Fault.LATENCY, seconds=5)
    waiting = asyncio.create_task(sending(client, alice))
    await api.until(lambda: armed.met)
    clock.advance(4.9)
    assert alice.received == []
    clock.advance(0.1)
    assert (await waiting)["ok"]


async def test_what_is_late_is_done_for_a_client_that_left(
    api: FakeBotApi, client: Client, alice: Person, clock: ManualClock
) -> None:
    armed = api.faults.add(Fault.LATENCY, seconds=5)
    waiting = asyncio.create_task(sending(client, alice))
    await api.until(lambda: armed.met)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    clock.advance(5)
    await alice.sees("x")


async def test_nobody_listens_until_cleared(api: FakeBotApi, client: Client, alice: Person) -> None:
    await client.asked("getMe")
    api.faults.add(Fault.REFUSE)
    async with aiohttp.ClientSession() as fresh:
        with pytest.raises(aiohttp.ClientConnectorError):
            await fresh.post(f"{api.base_url}{api.token}/getMe")
    api.faults.clear()
    assert (await sending(client, alice))["ok"]
    assert len(alice.received) == 1


async def test_a_fault_chooses_its_requests(api: FakeBotApi, client: Client, alice: Person) -> None:
    bob = api.person("Bob")
    bob.starts()
    api.faults.add(Fault.SERVER_ERROR, method="sendMessage", chat=bob.id, times=2)
    api.faults.add("flood", method="getMe", times=None, share=0.5)
    assert (await sending(client, alice))["ok"]
    assert [(await sending(client, bob))["ok"] for _ in range(3)] == [False, False, True]
    answers = [(await client.call("getMe"))["ok"] for _ in range(40)]
    assert 5 < sum(answers) < 35
    api.faults.clear()
    assert (await client.call("getMe"))["ok"]
