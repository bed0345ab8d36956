"""The open pages of each chat, and what is on its way to them. It keeps nothing."""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from aiohttp import WSCloseCode, web

from bot.channels.web import wire
from bot.channels.web.wire import Bubble, Show, Told

MOST_PAGES = 8  # of one chat; the oldest gives way


class Closed(Exception):
    """The last page of the chat went away."""


class Page:
    """One open page. Until it is welcomed, what it is told waits, so that news never comes before the old."""

    def __init__(self, socket: web.WebSocketResponse, lang: str) -> None:
        self.lang = lang
        self._socket = socket
        self._held: list[Told] | None = []

    async def tell(self, told: Told) -> None:
        """Tells the page; a page that has gone away hears nothing and nobody minds."""
        if self._held is not None:
            self._held.append(told)
            return
        with contextlib.suppress(ConnectionError, RuntimeError):
            await self._socket.send_str(wire.write(told))

    async def welcome(self, told: Told) -> None:
        held, self._held = self._held or [], None
        for item in (told, *held):
            await self.tell(item)

    async def close(self, code: WSCloseCode) -> None:
        with contextlib.suppress(ConnectionError, RuntimeError):
            await self._socket.close(code=code)


@dataclass
class _OnItsWay:
    bubble: Bubble
    seen: "asyncio.Future[None]"


@dataclass
class _Chat:
    pages: list[Page] = field(default_factory=list)
    on_their_way: dict[str, _OnItsWay] = field(default_factory=dict)


class Connections:
    """All open pages of one side."""

    def __init__(self) -> None:
        self._chats: dict[str, _Chat] = {}
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def chats(self) -> list[str]:
        return list(self._chats)

    def is_open(self, chat: str) -> bool:
        return chat in self._chats

    async def join(self, chat: str, page: Page) -> None:
        """From now on the page hears everything, also what is on its way already."""
        here = self._chats.setdefault(chat, _Chat())
        here.pages.append(page)
        for item in list(here.on_their_way.values()):
            await page.tell(Show(item.bubble))
        if len(here.pages) > MOST_PAGES:
            task = asyncio.create_task(here.pages[0].close(WSCloseCode.TRY_AGAIN_LATER))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def leave(self, chat: str, page: Page) -> None:
        here = self._chats.get(chat)
        if here is None or page not in here.pages:
            return
        here.pages.remove(page)
        if here.pages:
            return
        del self._chats[chat]
        for item in here.on_their_way.values():
            if not item.seen.done():
                item.seen.set_exception(Closed())

    async def tell(self, chat: str, told: Told, *, besides: Page | None = None) -> None:
        """Tells every open page of the chat."""
        here = self._chats.get(chat)
        pages = [page for page in here.pages if page is not besides] if here else []
        await asyncio.gather(*(page.tell(told) for page in pages))

    @contextlib.contextmanager
    def showing(self, chat: str, bubble: Bubble) -> "Iterator[asyncio.Future[None]]":
        """For the time of the block the message is on its way; the future is done when a page shows it."""
        here = self._chats.get(chat)
        if here is None:
            raise Closed
        item = _OnItsWay(bubble, asyncio.get_running_loop().create_future())
        here.on_their_way[bubble.id] = item
        try:
            yield item.seen
        finally:
            if here.on_their_way.get(bubble.id) is item:
                del here.on_their_way[bubble.id]
            if not item.seen.cancel() and not item.seen.cancelled():
                item.seen.exception()  # whoever waited was told or is gone

    def seen(self, chat: str, message: str) -> None:
        here = self._chats.get(chat)
        item = here.on_their_way.get(message) if here else None
        if item is not None and not item.seen.done():
            item.seen.set_result(None)

    async def close(self) -> None:
        """Sends all pages away; they come back when we do."""
        pages = [page for here in self._chats.values() for page in here.pages]
        await asyncio.gather(*(page.close(WSCloseCode.SERVICE_RESTART) for page in pages))
