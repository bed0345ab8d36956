"""A bot's channel with its webhook open, on a real store: forged calls are made to it, and its rows are counted."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from sqlalchemy import func, select

from bot.channels.telegram.channel import TelegramChannel
from bot.channels.telegram.endpoint import SECRET_HEADER
from bot.channels.telegram.webhook import Hook, Webhook
from bot.config import Settings
from bot.database import Store, open_store
from bot.delivery.bell import Bell
from bot.delivery.receiver import Receiver
from bot.ids import Ids
from bot.outside import Outside
from bot.store.queues import inbox
from tests.channels.telegram.tiny import channel_of
from tests.proof.outside import free_port, rows

PATIENCE = 60.0
UPDATE = {
    "update_id": 10,
    "message": {"message_id": 1, "date": 1, "chat": {"id": 42, "type": "private"}, "from": {"id": 42}, "text": "x"},
}


class Gate:
    """Stands in for waiting: keeps how long it would have been, and lets nobody on until told."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._go = asyncio.Semaphore(0)

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        await self._go.acquire()

    def open(self, times: int = 1) -> None:
        for _ in range(times):
            self._go.release()


class Held:
    """A failpoint at which the writer stops until it is let go."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.passes = 0
        self.reached, self.let_go = threading.Event(), threading.Event()

    def __call__(self, name: str) -> None:
        if name == self._name:
            self.passes += 1
            self.reached.set()
            assert self.let_go.wait(PATIENCE)


class Hooked:
    """The channel with what stands behind it."""

    def __init__(self, channel: TelegramChannel, settings: Settings, session: aiohttp.ClientSession) -> None:
        assert channel.webhook is not None
        self.channel = channel
        self.webhook: Webhook = channel.webhook
        self.receiving: asyncio.Task[None]
        self._settings = settings
        self._session = session

    @property
    def rows(self) -> int:
        return int(rows(self._settings, select(func.count()).select_from(inbox))[0][0])

    @property
    def path(self) -> str:
        return self.webhook.url.rpartition("/")[2]

    @property
    def secret(self) -> str:
        return self.webhook._secret

    async def call(
        self, update: Any = UPDATE, *, path: str | None = None, method: str = "POST", **headers: str | None
    ) -> int:
        """Calls as Telegram does, but for what is named; the status."""
        sent: dict[str, str | None] = {SECRET_HEADER: self.secret, "Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        body = update if isinstance(update, bytes) or not isinstance(update, dict) else json.dumps(update).encode()
        address = f"http://127.0.0.1:{self.webhook.endpoint.port}/{self.path if path is None else path}"
        wanted = {name: value for name, value in sent.items() if value is not None}
        async with self._session.request(method, address, data=body, headers=wanted) as answer:
            assert await answer.read() == b""
            return answer.status

    async def stop(self) -> None:
        self.receiving.cancel()
        await asyncio.gather(self.receiving, return_exceptions=True)


def settings_in(folder: Path) -> Settings:
    return Settings.model_validate(
        {
            "database": {"url": f"sqlite:///{folder}/huiyin.db"},
            "security": {"key_file": folder / "keys"},
            "files": {"folder": folder / "files"},
            "web": None,
        }
    )


@asynccontextmanager
async def hooked(
    folder: Path, api_url: str, *, failpoint: Callable[[str], None] = lambda _name: None, pause: Any = None, **how: Any
) -> AsyncIterator[Hooked]:
    """Receiving when it is handed over; `how` goes into the Hook."""
    settings = settings_in(folder)
    store = open_store(settings, Outside())
    port = free_port()
    hook = Hook(f"http://127.0.0.1:{port}/bots/", "127.0.0.1", port, store.keys.lookup, **how)
    try:
        async with channel_of(api_url, hook=hook, pause=pause or Gate()) as channel, session() as calls:
            found = Hooked(channel, settings, calls)
            await channel.listen()
            receiver = _receiver(channel, store, failpoint)
            found.receiving = asyncio.create_task(receiver.run())
            yield found
            await found.stop()
    finally:
        store.close()


@asynccontextmanager
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=50), auto_decompress=False) as opened:
        yield opened


def _receiver(channel: TelegramChannel, store: Store, failpoint: Callable[[str], None]) -> Receiver:
    import random

    ids = Ids(lambda: 1_789_000_000_000, random.Random(7))
    return Receiver(channel, writer=store.writer, seal=store.keys.identity, lookup=store.keys.lookup, ids=ids,
                    bell=Bell(), failpoint=failpoint)  # fmt: skip
