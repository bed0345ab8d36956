"""Delivery by webhook: order, retries, secrets."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from tests.fakebotapi import FakeBotApi, ManualClock
from tests.fakebotapi.conftest import Client

pytestmark = pytest.mark.sockets


class Receiver:
    """Takes updates and answers what was laid down, else 200; `hold` keeps answers back."""

    def __init__(self) -> None:
        self.url = ""
        self.got: list[tuple[str, int]] = []  # text and update id
        self.secrets: list[str | None] = []
        self.answers: deque[web.Response] = deque()
        self.hold: Callable[[str], Awaitable[None]] | None = None

    async def take(self, request: web.Request) -> web.Response:
        update: dict[str, Any] = await request.json()
        text = update["message"]["text"]
        self.got.append((text, update["update_id"]))
        self.secrets.append(request.headers.get("X-Telegram-Bot-Api-Secret-Token"))
        if self.hold is not None:
            await self.hold(text)
        return self.answers.popleft() if self.answers else web.Response()

    @property
    def texts(self) -> list[str]:
        return [text for text, _number in self.got]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield receiver
    await runner.cleanup()


async def test_updates_come_with_the_secret_and_a_2xx_confirms(
    api: FakeBotApi, client: Client, receiver: Receiver
) -> None:
    api.person("Alice").says("before")
    await client.asked("setWebhook", url=receiver.url, secret_token="canary-secret")
    said = api.person("Alice").says("after")
    await api.until(lambda: api.is_drained)
    assert receiver.texts == ["before", "after"]
    assert receiver.secrets == ["canary-secret"] * 2
    assert api.journal.fates(said.update_id or 0) == ["queued", "handed", "confirmed"]
    assert (await client.asked("getWebhookInfo"))["url"] == receiver.url


async def test_getupdates_is_refused_meanwhile(api: FakeBotApi, client: Client, receiver: Receiver) -> None:
    waiting = client.polling(timeout=30)
    await api.until(lambda: api.account.poll and api.account.poll.waiting)
    await client.asked("setWebhook", url=receiver.url)
    assert (await waiting)["description"] == "Conflict: terminated by setWebhook request"
    words = (
        "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
    )
    assert await client.refused("getUpdates") == (409, words)
    await client.asked("deleteWebhook")
    assert await client.updates(offset=1) == []


async def failures(api: FakeBotApi, count: int) -> None:
    """Until so many tries have failed: whatever comes next waits for the clock, or is under way."""
    await api.until(lambda: sum(entry.what == "failed" for entry in api.journal.entries) >= count)


async def test_a_failing_update_is_tried_again_and_its_chat_waits(
    api: FakeBotApi, client: Client, receiver: Receiver, clock: ManualClock
) -> None:
    receiver.answers.extend(web.Response(status=code) for code in (500, 500, 302, 200, 503))
    await client.asked("setWebhook", url=receiver.url)
    alice, bob = api.person("Alice"), api.person("Bob")
    alice.says("a1")
    alice.says("a2")
    await failures(api, 2)  # the second try is at once
    clock.advance(2)
    await failures(api, 3)
    said = bob.says("b")
    await api.until(lambda: api.journal.confirmed(said.update_id or 0))
    assert receiver.texts == ["a1", "a1", "a1", "b"]
    clock.advance(3.9)
    assert len(receiver.got) == 4
    clock.advance(0.1)
    await failures(api, 4)
    assert receiver.texts[4:] == ["a1"]
    clock.advance(8)
    await api.until(lambda: api.is_drained)
    assert receiver.texts[5:] == ["a1", "a2"]


async def test_retry_after_is_honoured(api: FakeBotApi, client: Client, receiver: Receiver, clock: ManualClock) -> None:
    receiver.answers.append(web.Response(status=503, headers={"Retry-After": "100"}))
    await client.asked("setWebhook", url=receiver.url)
    said = api.person("Alice").says("a")
    await failures(api, 1)
    began = clock()
    clock.advance(100)
    await api.until(lambda: api.is_drained)
    assert (api.journal.confirmed_at(said.update_id or 0) or 0) >= began + 100
    info = await client.asked("getWebhookInfo")
    assert info["last_error_message"] == "Wrong response from the webhook: 503"


async def test_what_nobody_takes_expires(
    api: FakeBotApi, client: Client, receiver: Receiver, clock: ManualClock
) -> None:
    receiver.answers.extend(web.Response(status=500) for _ in range(2))
    await client.asked("setWebhook", url=receiver.url)
    said = api.person("Alice").says("a")
    await failures(api, 2)
    clock.advance(86400)
    await api.until(lambda: api.is_drained)
    assert api.journal.fates(said.update_id or 0)[-1] == "expired"


async def test_a_day_of_410_takes_the_webhook_away(
    api: FakeBotApi, client: Client, receiver: Receiver, clock: ManualClock
) -> None:
    receiver.answers.extend(web.Response(status=410, headers={"Retry-After": "3600"}) for _ in range(30))
    await client.asked("setWebhook", url=receiver.url)
    said = api.person("Alice").says("a")
    for hour in range(24):
        await failures(api, hour + 1)
        clock.advance(3600)
    assert (await client.asked("getWebhookInfo"))["url"] == ""
    assert api.journal.fates(said.update_id or 0)[-1] == "expired"


async def test_not_more_connections_than_allowed(api: FakeBotApi, client: Client, receiver: Receiver) -> None:
    let_go, two = asyncio.Event(), asyncio.Event()

    async def hold(_text: str) -> None:
        if len(receiver.got) == 2:
            two.set()
        await let_go.wait()

    receiver.hold = hold
    await client.asked("setWebhook", url=receiver.url, max_connections=2)
    for person in api.crowd(5):
        person.says(person.name)
    await two.wait()
    assert sum(entry.what == "handed" for entry in api.journal.entries) == 2
    let_go.set()
    await api.until(lambda: api.is_drained)
    assert sorted(receiver.texts) == ["P0", "P1", "P2", "P3", "P4"]


async def test_an_answer_can_hold_a_call(api: FakeBotApi, client: Client, receiver: Receiver) -> None:
    alice = api.person("Alice")
    receiver.answers.append(web.json_response({"method": "sendMessage", "chat_id": alice.id, "text": "收到"}))
    await client.asked("setWebhook", url=receiver.url)
    alice.says("a")
    assert (await alice.sees("收到")).by_bot


async def test_webhooks_refused(api: FakeBotApi, client: Client) -> None:
    refused = await client.refused("setWebhook", url="https://a.b", secret_token="字")
    assert refused == (400, "Bad Request: secret token contains unallowed characters")
    api.hub.plain_webhooks = False
    refused = await client.refused("setWebhook", url="http://a.b")
    assert refused == (400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook")


async def test_pending_updates_can_be_dropped(api: FakeBotApi, client: Client) -> None:
    api.person("Alice").says("a")
    assert (await client.asked("getWebhookInfo"))["pending_update_count"] == 1
    await client.asked("deleteWebhook", drop_pending_updates=True)
    assert (await client.asked("getWebhookInfo"))["pending_update_count"] == 0
