"""A scripted Bot API on the loopback address: each method answers what the test laid down, then something harmless."""

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from bot.channels.telegram.channel import TelegramChannel
from bot.errors import Refused

TOKEN = "123456789:AAcanaryCANARY-canary_CANARYcanary0"
NOW = datetime(2026, 9, 15, 1, 12, tzinfo=UTC)
ME = {"id": 123456789, "is_bot": True, "first_name": "回音", "username": "Huiyin_bot"}


class StillClock:
    def now(self) -> datetime:
        return NOW


def fails(code: int, description: str, **parameters: int) -> tuple[int, dict[str, Any]]:
    """A refusal in the Bot API's form."""
    body: dict[str, Any] = {"ok": False, "error_code": code, "description": description}
    if parameters:
        body["parameters"] = parameters
    return code, body


RESET, HALF, HANG = "reset", "half", "hang"
GARBAGE = (200, b"<html>")


class TinyApi:
    """`answers[method]` are given in turn; `asked` is the journal of (method, parameters)."""

    def __init__(self) -> None:
        self.answers: dict[str, deque[Any]] = defaultdict(deque)
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.files: dict[str, bytes] = {}
        self.url = ""
        self._messages = 100
        self._changed = asyncio.Condition()

    def lay_down(self, method: str, *answers: Any) -> None:
        self.answers[method].extend(answers)

    def calls(self, method: str) -> list[dict[str, Any]]:
        return [parameters for name, parameters in self.asked if name == method]

    @property
    def methods(self) -> list[str]:
        return [method for method, _ in self.asked]

    async def until(self, method: str, times: int) -> list[dict[str, Any]]:
        async with self._changed, asyncio.timeout(60):
            await self._changed.wait_for(lambda: len(self.calls(method)) >= times)
        return self.calls(method)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        assert request.match_info["token"] == TOKEN
        method = request.match_info["method"]
        parameters = await _parameters(request)
        async with self._changed:
            self.asked.append((method, parameters))
            self._changed.notify_all()
        answer = self.answers[method].popleft() if self.answers[method] else self._usual(method)
        if answer == HANG:
            await asyncio.sleep(3600)
        if answer == RESET:
            assert request.transport is not None
            request.transport.abort()
        if answer == HALF:
            response = web.StreamResponse(headers={"Content-Length": "1000"})
            await response.prepare(request)
            await response.write(b'{"ok":tr')
            assert request.transport is not None
            request.transport.close()
            return response
        status, body = answer if isinstance(answer, tuple) else (200, answer)
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return web.Response(status=status, body=raw, content_type="application/json")

    async def hand_out(self, request: web.Request) -> web.Response:
        found = self.files.get(request.match_info["path"])
        return web.Response(status=404) if found is None else web.Response(body=found)

    def _usual(self, method: str) -> Any:
        if method == "getUpdates":
            return HANG
        if method == "getMe":
            return {"ok": True, "result": ME}
        if method == "getWebhookInfo":
            return {"ok": True, "result": {"url": "", "pending_update_count": 0}}
        if not method.startswith("send"):
            return {"ok": True, "result": True}
        self._messages += 1
        sent = {"message_id": self._messages, "date": 1, "chat": {"id": 1, "type": "private"}}
        return {"ok": True, "result": sent}


async def _parameters(request: web.Request) -> dict[str, Any]:
    if not request.content_type.startswith("multipart/"):
        found: dict[str, Any] = json.loads(await request.read() or b"{}")
        return found
    form = await request.post()
    return {
        name: (value.filename, value.file.read()) if isinstance(value, web.FileField) else value
        for name, value in form.items()
    }


@asynccontextmanager
async def serving() -> AsyncIterator[TinyApi]:
    api = TinyApi()
    app = web.Application(client_max_size=2**27)
    app.router.add_route("*", "/bot{token}/{method}", api.handle)
    app.router.add_get("/file/bot{token}/{path:.+}", api.hand_out)
    runner = web.AppRunner(app, shutdown_timeout=0.01, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    api.url = f"http://{host}:{port}"
    try:
        yield api
    finally:
        await runner.cleanup()


FILES = {"photo": b"\x89PNG", "large": b"x" * (10 * 1024 * 1024 + 1)}


async def read_file(digest: str) -> bytes:
    if digest == "broken":
        raise OSError("disk")
    if digest not in FILES:
        raise Refused("gone")
    return FILES[digest]


class Pauses:
    """Stands in for waiting: keeps how long it would have been."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        await asyncio.sleep(0)


@asynccontextmanager
async def channel_of(url: str, **options: Any) -> AsyncIterator[TelegramChannel]:
    usual: dict[str, Any] = {"read_file": read_file, "pause": Pauses()}
    channel = TelegramChannel(
        TOKEN,
        base_url=f"{url}/bot",
        base_file_url=f"{url}/file/bot",
        clock=StillClock(),
        repeat_mark="（重发）",
        **usual | options,
    )
    try:
        yield channel
    finally:
        await channel.close()
