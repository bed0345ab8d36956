"""From an HTTP request to its answer: bot, method, faults, journal; it knows no method's meaning.

Source: https://core.telegram.org/bots/api#making-requests.
"""

import asyncio
import re
from collections.abc import Awaitable
from typing import Any

from aiohttp import web

from tests.fakebotapi.accounts import Account
from tests.fakebotapi.faults import Armed, Fault, Faults
from tests.fakebotapi.hub import Hub
from tests.fakebotapi.journal import CALL
from tests.fakebotapi.listener import reset
from tests.fakebotapi.query import Query, Upload, read
from tests.fakebotapi.refusals import Refusal
from tests.fakebotapi.registry import METHODS, Method, Raw
from tests.fakebotapi.updates import encode

_TOKEN = re.compile(r"\d{1,19}:[A-Za-z0-9_-]{20,}")
_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><center>nginx</center></body></html>"


class Requests:
    def __init__(self, hub: Hub, faults: Faults) -> None:
        self._hub = hub
        self._faults = faults
        self._tasks: set[asyncio.Task[tuple[int, bytes]]] = set()

    async def close(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        if path.startswith("/file/bot"):
            return self._file(path.removeprefix("/file/bot"))
        token, _, name = path.removeprefix("/bot").partition("/")
        account = self._hub.accounts.get(token)
        if account is None or not path.startswith("/bot"):
            known = path.startswith("/bot") and _TOKEN.fullmatch(token)
            return _refused(Refusal(401, "Unauthorized") if known else Refusal(404, "Not Found"))
        method = METHODS.get(name.lower())
        values: dict[str, Any] = {}
        files: dict[str, Upload] = {}
        try:
            values, files = await read(request)
            if method is None:
                raise Refusal(404, "Not Found: method not found")
        except Refusal as refusal:
            return _refused(self._note(account, name, values, refusal))
        return await self._answer(request, account, method, Query(method.name, values, files))

    async def _answer(
        self, request: web.BaseRequest, account: Account, method: Method, query: Query
    ) -> web.StreamResponse:
        if unknown := query.values.keys() - method.known:
            self._hub.complain(f"{method.name}: unknown parameters {', '.join(sorted(unknown))}")
        armed = self._faults.meet(method.name, query.values.get("chat_id"))
        if armed is None:
            status, body = await self._run(account, method, query, None)
            return web.Response(status=status, body=body, content_type="application/json")
        self._hub.changes.notify()
        return await self._faulty(request, account, method, query, armed)

    async def _faulty(
        self, request: web.BaseRequest, account: Account, method: Method, query: Query, armed: Armed
    ) -> web.StreamResponse:
        if armed.kind is Fault.LATENCY:
            status, body = await self._late(account, method, query, armed)
            return web.Response(status=status, body=body, content_type="application/json")
        status, body = 200, b""
        if armed.comes_after:
            status, body = await self._run(account, method, query, armed)
        else:
            self._hub.journal.write(
                CALL, account.id, method=method.name, chat=query.values.get("chat_id"), parameters=query.journaled(),
                outcome=f"fault:{armed.kind}",
            )  # fmt: skip
        return await self._broken(request, armed, status, body)

    async def _late(self, account: Account, method: Method, query: Query, armed: Armed) -> tuple[int, bytes]:
        """Done even if the client has gone away meanwhile, as by the real server."""

        passed = self._hub.ticker.timer(armed.seconds)

        async def run() -> tuple[int, bytes]:
            await passed
            return await self._run(account, method, query, None)

        task = asyncio.get_running_loop().create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    async def _broken(
        self, request: web.BaseRequest, armed: Armed, status: int, body: bytes
    ) -> web.StreamResponse:  # fmt: skip
        refusal = armed.refusal()
        if refusal is not None:
            return _refused(refusal)
        if armed.kind is Fault.BAD_GATEWAY:
            return web.Response(status=502, body=_PAGE, content_type="text/html")
        if armed.kind is Fault.BAD_JSON:
            return web.Response(body=b'{"ok":true,"result":{"message_id":', content_type="application/json")
        if armed.kind is Fault.HALF:
            return await _half(request, status, body)
        if armed.kind is Fault.HANG:
            await self._faults.hold()
        reset(request.transport)
        return web.Response(status=status, body=body)

    async def _run(
        self, account: Account, method: Method, query: Query, armed: Armed | None
    ) -> tuple[int, bytes]:  # fmt: skip
        """Carries the call out and writes it down."""
        try:
            if account.settings.logged_out:
                raise Refusal(400, "Bad Request: Logged out")
            result = method.run(account, query)
            if isinstance(result, Awaitable):
                result = await result
        except Refusal as refusal:
            self._note(account, method.name, query.journaled(), refusal, armed)
            return refusal.code, encode(refusal.body)
        body = b'{"ok":true,"result":' + (result if isinstance(result, Raw) else encode(result)) + b"}"
        self._hub.journal.write(
            CALL, account.id, method=method.name, chat=query.values.get("chat_id"), parameters=query.journaled(),
            outcome=f"fault:{armed.kind}" if armed else "ok", effect=True, message_id=_number(result),
        )  # fmt: skip
        return 200, body

    def _note(
        self, account: Account, name: str, values: dict[str, Any], refusal: Refusal, armed: Armed | None = None
    ) -> Refusal:
        self._hub.journal.write(
            CALL, account.id, method=name, chat=values.get("chat_id"), parameters=values,
            outcome=f"fault:{armed.kind}" if armed else str(refusal.code), description=refusal.description,
        )  # fmt: skip
        return refusal

    def _file(self, rest: str) -> web.Response:
        token, _, path = rest.partition("/")
        account = self._hub.accounts.get(token)
        data = self._hub.files.at(account.id, path) if account else None
        if data is None:
            return _refused(Refusal(404, "Not Found"))
        return web.Response(body=data, content_type="application/octet-stream")


def _refused(refusal: Refusal) -> web.Response:
    return web.Response(status=refusal.code, body=encode(refusal.body), content_type="application/json")


async def _half(request: web.BaseRequest, status: int, body: bytes) -> web.StreamResponse:
    response = web.StreamResponse(status=status, headers={"Content-Type": "application/json"})
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


def _number(result: Any) -> int | None:
    if isinstance(result, list) and result:
        result = result[0]
    return result.get("message_id") if isinstance(result, dict) else None
