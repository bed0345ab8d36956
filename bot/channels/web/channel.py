"""One side of the web chat as a channel: pages that are open, and what is sent to them. It knows no cases."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from bot.channels.web import wire
from bot.channels.web.history import History
from bot.clock import Clock
from bot.delivery.channel import Abilities, Intake, Menu, Outgoing, Raw, Sent
from bot.dialogue.event import Event, FileKind, FileRef, Linked, Pressed, Said, Spot, Who
from bot.errors import NotSent, Refused, Undecodable
from bot.text import storable

SEEN_WITHIN = 10.0  # seconds: a page that does not answer is as good as closed
CLOSED = "closed"
# A page may open while the sender still writes down that it was closed: the waking is said again.
WAKE_AGAIN = (0.0, 1.0, 5.0, 30.0)  # seconds

Show = Callable[[bytes], Awaitable[None]]
Woke = Callable[[str, str], None]

_json = msgspec.json.Encoder().encode
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Event).decode


class WebChannel:
    """A side: "web:resident" or "web:office". A page is a function that shows it a message."""

    abilities = Abilities(edits=True, buttons=True, idempotent_send=True, per_second=2000, press_seconds=86_400)

    def __init__(self, name: str, *, history: History, spool: Path, woke: Woke, clock: Clock, address: str) -> None:
        self.name = name
        self.address = address  # of the page; the server fills in the port
        self._history = history
        self._spool = spool
        self._woke = woke
        self._clock = clock
        self._intake: Intake | None = None
        self._listening = asyncio.Event()
        self._pages: dict[str, set[Show]] = defaultdict(set)
        self._waiting: dict[str, asyncio.Event] = {}

    def decode(self, body: bytes) -> Event:
        try:
            return _decode(body)
        except msgspec.MsgspecError as error:
            raise Undecodable(str(error)) from None

    async def receive(self, intake: Intake) -> None:
        self._intake = intake
        self._listening.set()
        try:
            await asyncio.Event().wait()
        finally:
            self._listening.clear()

    async def opened(self, chat: str, show: Show) -> None:
        """A page is there: it gets the talk so far, and what waits for it."""
        await show(_json(wire.History([_message(body) for body in await self._history.recent(chat)])))
        self._pages[chat].add(show)
        for seconds in WAKE_AGAIN:
            asyncio.get_running_loop().call_later(seconds, self._wake, chat)

    def _wake(self, chat: str) -> None:
        if chat in self._pages:
            self._woke(self.name, chat)

    def closed(self, chat: str, show: Show) -> None:
        self._pages[chat].discard(show)
        if not self._pages[chat]:
            del self._pages[chat]

    async def heard(self, chat: str, said: wire.FromPage, language: str) -> None:
        """Something from a page; when this returns it is safe. Repeats change nothing."""
        if isinstance(said, wire.Seen):
            if (waiting := self._waiting.get(said.id)) is not None:
                waiting.set()
            return
        now = self._clock.now()
        what, message = _event_of(said)
        if what is None:
            return
        event = Event(what, now, Who(chat, chat, language), message)
        await self._listening.wait()
        assert self._intake is not None
        await self._intake([Raw(f"{chat[:16]}:{said.id}", chat, _encode(event), now)])
        if (shown := _own(said, now)) is not None:
            body = _json(shown)
            await self._history.add(chat, body, now)
            await self._show_all(chat, body)

    async def send(self, outgoing: Outgoing) -> Sent:
        """Into the history, then to every open page; sent when one of them has shown it."""
        if outgoing.answers and outgoing.screen.toast:
            await self._show_all(outgoing.chat, _json(wire.Toast(outgoing.screen.toast)))
        if not outgoing.screen.text and not outgoing.screen.files:
            return Sent()
        id_ = outgoing.edits or str(outgoing.id)
        body = _json(_bubble(id_, outgoing, self._clock.now()))
        changed = outgoing.edits is not None and await self._history.change(outgoing.chat, int(id_), body)
        if not changed:
            await self._history.add(outgoing.chat, body, self._clock.now(), id=int(id_))
        if outgoing.chat not in self._pages:
            raise NotSent(CLOSED, timedelta(days=1))
        seen = self._waiting.setdefault(id_, asyncio.Event())
        try:
            await self._show_all(outgoing.chat, body)
            await asyncio.wait_for(seen.wait(), SEEN_WITHIN)
        except TimeoutError:
            raise NotSent(CLOSED, timedelta(seconds=30)) from None
        finally:
            self._waiting.pop(id_, None)
        return Sent((id_,))

    async def fetch(self, ref: str, at_most: int) -> bytes:
        """A file that was handed up."""
        if not ref.isalnum():
            raise Refused("gone")
        try:
            data = await asyncio.to_thread((self._spool / ref).read_bytes)
        except FileNotFoundError:
            raise Refused("gone") from None
        if len(data) > at_most:
            raise Refused("too_large")
        return data

    async def may_show(self, chat: str, digest: str) -> bool:
        """Whether a file was ever shown in this chat."""
        return any(digest.encode() in body for body in await self._history.recent(chat))

    async def publish(self, menu: Menu) -> None:
        """A page has no menu of commands; its entries are buttons."""

    def say_link(self, code: str) -> str:
        return f"{self.address}?start={code}" if code else self.address

    async def close(self) -> None:
        self._pages.clear()

    async def _show_all(self, chat: str, body: bytes) -> None:
        for show in tuple(self._pages.get(chat, ())):
            with contextlib.suppress(ConnectionError, RuntimeError):
                await show(body)


def _message(body: bytes) -> wire.Message:
    return msgspec.json.decode(body, type=wire.Message)


def _bubble(id_: str, outgoing: Outgoing, now: datetime) -> wire.Message:
    screen = outgoing.screen
    rows = [
        [wire.ButtonShown(button.label, button.action, button.url, button.request or "") for button in row]
        for row in screen.rows
    ]
    return wire.Message(
        id=id_,
        at=int(now.timestamp() * 1000),
        text=[(piece.words, piece.style.value, piece.href) for piece in screen.text.pieces],
        rows=rows,
        files=[wire.FileShown(file.digest, file.kind, file.name) for file in screen.files],
        repeat=outgoing.repeat,
    )


def _event_of(said: wire.FromPage) -> tuple[Said | Pressed | Linked | None, str | None]:
    match said:
        case wire.Hello(start=start, id=id_) if id_:
            return Linked(storable(start)), None
        case wire.Say():
            files = tuple(_file(file) for file in said.files[:10])
            return Said(storable(said.text)[:64_000], files, reply_to=said.reply_to), said.id
        case wire.Press():
            return Pressed(said.action[:128], said.id), said.message
        case wire.Spot():
            return Said(spot=Spot(said.latitude, said.longitude)), said.id
        case _:
            return None, None


def _file(file: wire.FileSaid) -> FileRef:
    kind = FileKind(file.kind) if file.kind in set(FileKind) else FileKind.DOCUMENT
    return FileRef(kind, file.ref, file.size, storable(file.name)[:200], file.mime[:80], file.seconds)


def _own(said: wire.FromPage, now: datetime) -> wire.Message | None:
    """The page's own bubble, kept for the next time it opens."""
    at = int(now.astimezone(UTC).timestamp() * 1000)
    if isinstance(said, wire.Say):
        files = [wire.FileShown("", file.kind, file.name) for file in said.files]
        return wire.Message(said.id, at, True, [(storable(said.text), "p", "")], [], files)
    if isinstance(said, wire.Spot):
        return wire.Message(said.id, at, True, [(f"📍 {said.latitude:.5f}, {said.longitude:.5f}", "p", "")])
    return None
