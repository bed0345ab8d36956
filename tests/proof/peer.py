"""A Bot API that forgets nothing unconfirmed and repeats a little of what is: the other side of the kills."""

import asyncio
import json
import random
from typing import Any

from aiohttp import web

REPEATED = 0.05  # of what was confirmed, at every new start of a poller
LONG_POLL = 2.0  # seconds


class Peer:
    """Updates by id; what a `getUpdates` call with a higher offset confirmed is forgotten, but for a few."""

    def __init__(self, seed: int = 5) -> None:
        self.sent: list[dict[str, Any]] = []  # every sendMessage that got here, in order
        self.url = ""
        self._random = random.Random(seed)
        self._updates: dict[int, dict[str, Any]] = {}
        self._confirmed: dict[int, dict[str, Any]] = {}
        self._next = 1000
        self._messages = 5000
        self._changed = asyncio.Event()
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> "Peer":
        app = web.Application()
        app.router.add_route("*", "/bot{token}/{method}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_error: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def says(self, chat: int, text: str) -> None:
        self._messages += 1
        person = {"id": chat, "is_bot": False, "first_name": "A", "language_code": "zh-hans"}
        message = {"message_id": self._messages, "date": 1_789_434_720, "from": person, "text": text,
                   "chat": {"id": chat, "type": "private", "first_name": "A"}}  # fmt: skip
        self._add({"message": message})

    def presses(self, chat: int, action: str, message: int) -> None:
        person = {"id": chat, "is_bot": False, "first_name": "A", "language_code": "zh-hans"}
        shown = {"message_id": message, "date": 1_789_434_720, "chat": {"id": chat, "type": "private"}}
        self._add({"callback_query": {"id": str(self._next), "from": person, "chat_instance": "1", "data": action,
                                      "message": shown}})  # fmt: skip

    @property
    def is_drained(self) -> bool:
        """Whether everything has been confirmed."""
        return not self._updates

    def to(self, chat: int) -> list[dict[str, Any]]:
        return [message for message in self.sent if message["chat_id"] == chat]

    def _add(self, update: dict[str, Any]) -> None:
        self._updates[self._next] = {"update_id": self._next, **update}
        self._next += 1
        self._changed.set()

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        params = json.loads(body) if body[:1] == b"{" else dict(await request.post())
        match request.match_info["method"]:
            case "getUpdates":
                result: Any = await self._get_updates(int(params.get("offset") or 0))
            case "getMe":
                result = {"id": 123456789, "is_bot": True, "first_name": "回音", "username": "Huiyin_bot"}
            case "sendMessage" | "editMessageText":
                self._messages += 1
                self.sent.append({**params, "message_id": self._messages})
                result = {"message_id": self._messages, "date": 1_789_434_720, "chat": {"id": params["chat_id"]}}
            case _:
                result = True
        return web.json_response({"ok": True, "result": result})

    async def _get_updates(self, offset: int) -> list[dict[str, Any]]:
        if not offset:  # a new poller: a little of what it confirmed comes once more
            again = [id_ for id_ in self._confirmed if self._random.random() < REPEATED]
            self._updates.update({id_: self._confirmed.pop(id_) for id_ in again})
        for id_ in [id_ for id_ in self._updates if id_ < offset]:
            self._confirmed[id_] = self._updates.pop(id_)
        if not self._updates:
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), LONG_POLL)
            except TimeoutError:
                return []
        return [self._updates[id_] for id_ in sorted(self._updates)[:100]]
