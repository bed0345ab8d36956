"""One side of the web chat as a channel. *Sent* means that a page has said it shows the message."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol, TypeVar

import structlog
from msgspec.structs import replace

from bot.channels.web import decoding, wire
from bot.channels.web.connections import Closed, Connections, Page
from bot.channels.web.history import History, digests
from bot.channels.web.sides import SIDES
from bot.channels.web.spool import Spool
from bot.channels.web.wire import Bubble, Doing, Frame
from bot.clock import Clock
from bot.delivery.channel import Abilities, Intake, Menu, Outgoing, Raw, Sent
from bot.dialogue.event import Event, FileKind, Spot
from bot.dialogue.screen import Mode, Screen
from bot.errors import NotSent, StoreError
from bot.store.transaction import Transaction
from bot.text import Piece, storable

log = structlog.get_logger()

T = TypeVar("T")


RECENT = 100  # messages a page shows at first, and adds at a time
TOGETHER = 100  # messages stored in one commit
SEEN_WITHIN = 10.0  # seconds
AGAIN_SOON = timedelta(seconds=5)
CLOSED_FOR = timedelta(days=1)
# A page may open while the sender still writes down that it was closed: the waking is said again after these seconds.
WAKE_AGAIN = (1.0, 5.0, 30.0)
MISSED_FOR = 60.0  # seconds
MOST_AT_ONCE = 100_000  # sends; fewer pages can be open
MOST_REMEMBERED = 10_000  # messages taken, files shown


class Host(Protocol):
    """The office behind the pages, as a page that opens needs it."""

    def woke(self, channel: str, chat: str) -> None:
        """What waits for this page may go out."""
        ...

    async def menu_of(self, channel: str, chat: str, language: str) -> tuple[tuple[str, str], ...]:
        """Its commands with their lines, by the roles held at this moment; `language` is the page's own."""
        ...


class WebChannel:
    """The pages of one side, "web:resident" or "web:office"; the server hands it what they say."""

    # A page that never says what it shows keeps a send on its way for ten seconds: there is room for all of them.
    abilities = Abilities(idempotent_send=True, per_second=MOST_AT_ONCE, at_once=MOST_AT_ONCE, deletes=True,
                          pushes=False)  # fmt: skip

    def __init__(
        self, name: str, *, history: History, spool: Path, host: Host, clock: Clock, address: str = ""
    ) -> None:
        self.name = name
        self.side = SIDES[name]
        self.address = address  # of the page; the server tells it anew when it knows its port
        self._spool = Spool(spool)
        self._history = history
        self._host = host
        self._clock = clock
        self._connections = Connections()
        self.is_open = True  # pages are let in
        self._arrived: asyncio.Queue[tuple[Raw, asyncio.Future[None]]] = asyncio.Queue()
        self._missed: dict[str, float] = {}
        self._taken: OrderedDict[str, None] = OrderedDict()  # messages that are in the history
        self._shown: OrderedDict[tuple[str, str], None] = OrderedDict()  # files that pages were shown lately

    def decode(self, body: bytes) -> Event:
        return decoding.decode(body)

    async def receive(self, intake: Intake) -> None:
        """Stores what pages say. What arrives during one commit is stored by the next."""
        for chat in self._connections.chats:
            self._host.woke(self.name, chat)
        while True:
            batch = [await self._arrived.get()]
            while len(batch) < TOGETHER and not self._arrived.empty():
                batch.append(self._arrived.get_nowait())
            fault: BaseException | None = NotSent("stopping", AGAIN_SOON)
            try:
                await intake([raw for raw, _stored in batch])
                fault = None
            except Exception as error:  # nothing is acknowledged: the pages keep it and say it again
                fault = error
                log.error("intake_failed", channel=self.name, error=type(error).__name__)
            finally:
                for _raw, stored in batch:
                    _settle(stored, fault)

    async def send(self, outgoing: Outgoing) -> Sent:
        chat, screen = outgoing.chat, outgoing.screen
        if outgoing.answers:
            await self._connections.tell(chat, wire.Answered(outgoing.answers, screen.toast))
        if not (str(screen.text).strip() or screen.files or screen.buttons):
            return Sent()
        bubble = self._bubble(outgoing)
        try:
            with self._connections.showing(chat, bubble) as seen:
                self._remember_files(chat, [bubble])
                await self._connections.tell(chat, wire.Show(bubble))
                async with asyncio.timeout(SEEN_WITHIN):
                    await seen
                if not screen.is_fleeting:
                    await self._history.put(chat, int(bubble.id), bubble)
        except Closed:
            self._miss(chat)
            raise NotSent("closed", CLOSED_FOR) from None
        except TimeoutError:  # it may be there, but the page drops what it has; in order, so it is "not sent"
            raise NotSent("not_seen", AGAIN_SOON) from None
        except StoreError:
            raise NotSent("store", AGAIN_SOON) from None
        return Sent((bubble.id,))

    async def delete(self, chat: str, messages: Sequence[str]) -> bool:
        """The whole talk: what a page shows of it and what lies here, however old it is."""
        try:
            await self.forget(chat)
        except StoreError:
            raise NotSent("store", AGAIN_SOON) from None
        return True

    async def fetch(self, ref: str, at_most: int) -> bytes:
        return await self._spool.get(ref, at_most)

    async def publish(self, menu: Menu) -> None:
        """Each page asks for its own when it opens."""

    def say_link(self, code: str) -> str:
        return f"{self.address}?start={code}" if code else self.address

    async def close(self) -> None:
        while not self._arrived.empty():
            _settle(self._arrived.get_nowait()[1], NotSent("stopping", AGAIN_SOON))
        await self._connections.close()

    def open(self) -> None:
        self.is_open = True

    async def shut(self) -> None:
        """Pages are sent away and not let in: another process speaks to them."""
        self.is_open = False
        await self._connections.close()

    async def forget(self, chat: str) -> None:
        """Deletes the talk here and on the pages that show it."""
        await self._history.forget(chat)
        for key in [key for key in self._shown if key[0] == chat]:
            del self._shown[key]
        await self._connections.tell(chat, wire.Cleared())

    # --- what the server tells ---

    async def joined(self, chat: str, page: Page) -> None:
        """A page is open: it gets what was said last, then what waits for it."""
        await self._connections.join(chat, page)
        messages = await self._history.recent(chat, RECENT + 1)
        self._remember_files(chat, messages)
        commands = await self._host.menu_of(self.name, chat, page.lang)
        await page.welcome(wire.Welcome(messages[-RECENT:], len(messages) > RECENT, commands))
        self._wake(chat)

    def left(self, chat: str, page: Page) -> None:
        self._connections.leave(chat, page)

    async def heard(self, chat: str, page: Page, frame: Frame) -> None:
        match frame:
            case wire.Say() | wire.Press() | wire.Start():
                await self._take(chat, page, frame)
            case wire.Seen(id=message):
                self._connections.seen(chat, message)
            case wire.Before(pos=position):
                messages = await self._history.recent(chat, RECENT + 1, wire.place_of(position))
                self._remember_files(chat, messages)
                await page.tell(wire.Earlier(messages[-RECENT:], len(messages) > RECENT))
            case wire.Ping():
                await page.tell(wire.Pong())
            case wire.Hello():
                pass  # said once already

    async def shows(self, chat: str, digest: str) -> bool:
        """Whether this chat was ever shown the file; only then may it have it."""
        return (chat, digest) in self._shown or await self._history.has_file(chat, digest)

    async def _take(self, chat: str, page: Page, doing: Doing) -> None:
        """Stores it with its place in the history, then acknowledges it; it can be said again.

        Both in one commit: what a handler takes out of the history must be there before the handler runs.
        """
        at = self._clock.now()
        place = self._history.place()
        raw = Raw(_key(chat, doing.id), chat, decoding.wrap(doing, chat=chat, lang=page.lang, at=at), at,
                  besides=self._noting(chat, doing, place, at))  # fmt: skip
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._arrived.put_nowait((raw, stored))
        try:
            await stored
            await self._show_others(chat, page, doing, place, at)
        except Exception as error:
            log.warning("message_not_taken", channel=self.name, error=type(error).__name__)
            await page.tell(wire.Later(doing.id))
            return
        await page.tell(wire.Taken(doing.id, str(place), at))

    def _noting(self, chat: str, doing: Doing, place: int, at: datetime) -> Callable[[Transaction], None] | None:
        """What the pages will show again, for the transaction that stores it."""
        if isinstance(doing, wire.Press):
            pressed = wire.place_of(doing.message)
            return self._history.choosing(chat, pressed, doing.action) if pressed is not None else None
        return self._history.putting(chat, place, _own(doing, place, at)) if isinstance(doing, wire.Say) else None

    async def _show_others(self, chat: str, page: Page, doing: Doing, place: int, at: datetime) -> None:
        """The other pages of the chat. A message that is sent again is there already."""
        key = _key(chat, doing.id)
        if isinstance(doing, wire.Press):
            await self._connections.tell(chat, wire.Chosen(doing.message, doing.action))
        elif isinstance(doing, wire.Say) and key not in self._taken:
            _remember(self._taken, key)
            await self._connections.tell(chat, wire.Show(_own(doing, place, at)), besides=page)

    def _bubble(self, outgoing: Outgoing) -> Bubble:
        screen, at = outgoing.screen, self._clock.now()
        edited = wire.place_of(outgoing.edits or "") if screen.mode is Mode.IN_PLACE else None
        place = str(edited or outgoing.id)
        return Bubble(
            id=place,
            pos=place,
            at=at,
            text=screen.text.pieces,
            rows=screen.rows,
            files=_files(screen),
            prompt=screen.prompt,
            lasting=screen.lasting,
            fleeting=screen.is_fleeting,
        )

    def _remember_files(self, chat: str, messages: list[Bubble]) -> None:
        for bubble in messages:
            for digest in digests(bubble):
                _remember(self._shown, (chat, digest))

    def _miss(self, chat: str) -> None:
        now = asyncio.get_running_loop().time()
        if len(self._missed) >= MOST_REMEMBERED:
            self._missed = {key: at for key, at in self._missed.items() if now - at < MISSED_FOR}
        self._missed[chat] = now

    def _wake(self, chat: str) -> None:
        self._host.woke(self.name, chat)
        loop = asyncio.get_running_loop()
        if loop.time() - self._missed.pop(chat, float("-inf")) < MISSED_FOR:
            for seconds in WAKE_AGAIN:
                loop.call_later(seconds, self._host.woke, self.name, chat)


def _key(chat: str, id_: str) -> str:
    """Unique in the channel, and tells nobody who reads the inbox which messages are from one person."""
    return hashlib.sha256(f"{chat}:{id_}".encode()).hexdigest()[:40]


def _remember(things: "OrderedDict[T, None]", thing: T) -> None:
    things[thing] = None
    things.move_to_end(thing)
    if len(things) > MOST_REMEMBERED:
        things.popitem(last=False)


def _own(said: wire.Say, place: int, at: datetime) -> Bubble:
    """A message as the page of whoever sent it shows it."""
    words = storable(said.label or said.text)
    return Bubble(
        id=said.id,
        mine=True,
        pos=str(place),
        at=at,
        text=(Piece(words),) if words else (),
        files=tuple(replace(file, ref=None) for file in said.files),  # the way to the file is not the page's to keep
        spot=Spot(said.spot.latitude, said.spot.longitude) if said.spot else None,
        quotes=said.reply,
    )


def _files(screen: Screen) -> tuple[wire.File, ...]:
    kinds = {kind.value: kind for kind in FileKind}
    return tuple(
        wire.File(kinds.get(shown.kind, FileKind.DOCUMENT), name=shown.name, digest=shown.digest)
        for shown in screen.files
    )


def _settle(stored: "asyncio.Future[None]", fault: BaseException | None) -> None:
    if stored.done():
        return
    if fault is None:
        stored.set_result(None)
    else:
        stored.set_exception(fault)
