"""A web chat with a scripted office behind it: a real database, real sockets, and visitors who speak the protocol."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse, CookieJar, WSMsgType

from bot.channels.web.channel import WebChannel
from bot.channels.web.history import History
from bot.channels.web.server import WebServer
from bot.channels.web.sides import OFFICE, RESIDENT, Side
from bot.clock import SystemClock
from bot.delivery.channel import Outgoing, Raw
from bot.dialogue.event import Event, Linked, Pressed, Said
from bot.dialogue.screen import Button, Mode, Request, Screen, Shown
from bot.errors import NotSent, Refused
from bot.ids import Ids
from bot.sealing import Lookup, Sealer
from bot.store.engine import read_url, writer_engine
from bot.store.writer import Writer
from bot.text import Text, as_text, bold, join, link, quote
from tests.sample import lay

PATIENCE = 60.0  # seconds: the machine may be busy, and waiting costs nothing
OFFICE_NAME = "青石街道办事处"
COMMANDS = (("menu", "我能做什么"), ("cases", "我的事"), ("help", "帮助"))
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763"
    "a8a9a90100022f0117d3b1a0c30000000049454e44ae426082"
)

Answer = Callable[["Clerk", Event], list[Screen]]


def writer_on(url: str) -> Writer:
    """A writer on a migrated database."""
    lay(url)
    return Writer(writer_engine(read_url(url)), SystemClock())


class Clerk:
    """Stands for everything behind one channel: takes messages in once each, and answers them by a script."""

    def __init__(self, channel: WebChannel, answer: Answer, ids: Ids, writer: Writer) -> None:
        self.channel = channel
        self._writer = writer
        self.events: list[Event] = []
        self.raws: list[Raw] = []
        self.faults: list[Exception] = []  # raised by the next intakes
        self.owed: list[Outgoing] = []  # until a page has shown it and it is in the history
        self.cards: dict[str, str] = {}
        self._answer = answer
        self._ids = ids
        self._keys: set[str] = set()
        self._bell = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self.channel.receive(self.take_in)), asyncio.create_task(self._deliver())]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def woke(self) -> None:
        self._bell.set()

    async def take_in(self, raws: Sequence[Raw]) -> None:
        self.raws += raws
        if self.faults:
            raise self.faults.pop(0)
        for raw in raws:
            if raw.key in self._keys:
                continue
            self._keys.add(raw.key)
            if raw.besides is not None:
                await self._writer.submit(raw.besides)
            event = self.channel.decode(raw.body)
            self.events.append(event)
            for number, screen in enumerate(self._answer(self, event)):
                self.owe(screen, event, first=number == 0)

    def owe(self, screen: Screen, event: Event, *, first: bool = True) -> None:
        what = event.what
        press = what.press if isinstance(what, Pressed) else None
        assert event.who is not None
        self.owed.append(
            Outgoing(
                self._ids(),
                event.who.chat,
                screen,
                edits=event.message if press and screen.mode is Mode.IN_PLACE else None,
                answers=press if first else None,
            )
        )
        self._bell.set()

    async def _deliver(self) -> None:
        while True:
            await self._bell.wait()
            self._bell.clear()
            for outgoing in list(self.owed):
                try:
                    await self.channel.send(outgoing)
                except NotSent as failed:
                    if failed.cause != "closed":  # the page is slow; a closed one rings when it opens
                        self._bell.set()
                else:
                    self.owed.remove(outgoing)


def silent(_clerk: Clerk, _event: Event) -> list[Screen]:
    return []


def talkative(clerk: Clerk, event: Event) -> list[Screen]:
    """Enough of an office to try the page with."""
    match event.what:
        case Linked(code=""):
            words = join(
                [
                    as_text("您好，我是青石街道的自动助手“回音”，是程序，不是真人。"),
                    "要修什么、问什么，打字、语音、照片都行。",
                ]
            )
            yes, no = Button("好，开始", "consent.yes"), Button("不同意，只看政策", "consent.no")
            return [Screen(words, ((yes, no), (Button("细说", "consent.more"),)), prompt=True)]
        case Linked(code=code):
            return [Screen(as_text(f"您从现在起在这里工作（{code}）。"), ((Button("待办", "queue"),),))]
        case Pressed(action="consent.yes"):
            done = Screen(as_text("好的，您说吧。"), mode=Mode.IN_PLACE, toast="记下了")
            return [done, _where()]
        case Pressed(action=action):
            return [Screen(as_text(f"按了 {action}"))]
        case Said(text="照片"):
            return [Screen(as_text("修好了，看照片。"), files=(Shown("a" * 64, "photo", "楼道灯.png"),))]
        case Said(text="常用"):
            return [Screen(as_text("在下面。"), lasting=(("我有困难·报修", "我要投诉"), ("我提建议", "我要办事")))]
        case Said(text="样式"):
            evil = quote("<img src=x onerror=alert(1)>【登记】")
            return [
                Screen(
                    join([bold("住院报销"), evil, link("看依据", "https://example.org/a"), link("坏", "javascript:1")])
                )
            ]
        case Said(spot=spot) if spot is not None:
            return [Screen(as_text(f"位置 {spot.latitude} {spot.longitude}"))]
        case Said(files=files) if files:
            return [Screen(as_text(f"收到 {len(files)} 个文件：{files[0].kind.value}"))]
        case Said(text=text):
            return [
                Screen(
                    join(["我这样登记：", quote(text)]),
                    ((Button("登记", "form.submit~3"), Button("算了", "form.cancel~3")),),
                )
            ]
    return []


def _where() -> Screen:
    place, change = Button("发位置", request=Request.PLACE), Button("不对，改一下", "matter.change~2")
    return Screen(as_text("先办灯：在哪个小区、几号楼几单元？说语音也行。"), ((place, change),), prompt=True)


class House:
    """Both sides on one server. `restart` is a new process on the same data."""

    def __init__(self, folder: Path, answer: Answer = silent) -> None:
        self.folder = folder
        self.files: dict[str, bytes] = {"a" * 64: PICTURE, "b" * 64: b"%PDF-1.7 secret"}
        self.opened: list[tuple[str, str]] = []
        self.faults: list[str] = []  # of the page, in a browser
        self.clerks: dict[str, Clerk] = {}
        self._answer = answer
        self._writer = writer_on(f"sqlite:///{folder}/huiyin.db")
        self.lookup = Lookup(bytes(32))
        self.ids = Ids(lambda: int(datetime.now(UTC).timestamp() * 1000), random.Random(7))
        self.port = 0
        self.has_room = True  # on the disk

    @property
    def resident(self) -> Clerk:
        return self.clerks[RESIDENT.name]

    @property
    def office(self) -> Clerk:
        return self.clerks[OFFICE.name]

    @property
    def url(self) -> str:
        return self.server.url

    async def start(self, *, receiving: bool = True) -> None:
        resident, office = self._channel(RESIDENT), self._channel(OFFICE)
        for channel in (resident, office):
            old = self.clerks.get(channel.name)
            clerk = Clerk(channel, self._answer, self.ids, self._writer)
            if old is not None:  # what was owed and what was stored outlive the process
                clerk.owed, clerk._keys, clerk.events = old.owed, old._keys, old.events
            self.clerks[channel.name] = clerk
            if receiving:
                clerk.start()
        self.server = WebServer(resident, office, host="127.0.0.1", port=self.port, url=None, name=OFFICE_NAME,
                                spool=self.folder / "spool", read_file=self._read,
                                has_room=lambda: self.has_room)  # fmt: skip
        await self.server.start()
        self.port = self.server.port

    async def stop(self) -> None:
        for clerk in self.clerks.values():
            await clerk.stop()
        await self.server.stop()

    async def close(self) -> None:
        await self.stop()
        self._writer.close()

    def _channel(self, side: Side) -> WebChannel:
        history = History(side.name, self._writer, Sealer(bytes(32)), self.lookup, self.ids)
        return WebChannel(side.name, history=history, spool=self.folder / "spool", host=self, clock=SystemClock())

    async def menu_of(self, _channel: str, _chat: str, _language: str) -> tuple[tuple[str, str], ...]:
        return COMMANDS

    async def _read(self, digest: str) -> bytes:
        if digest not in self.files:
            raise Refused("gone")
        return self.files[digest]

    def woke(self, channel: str, chat: str) -> None:
        self.opened.append((channel, chat))
        self.clerks[channel].woke()


class Visitor:
    """A browser without a screen."""

    def __init__(self, house: House, side: Side = RESIDENT) -> None:
        self.house = house
        self.side = side
        self.session = ClientSession(cookie_jar=CookieJar(unsafe=True))
        self.socket: ClientWebSocketResponse
        self._sockets: list[ClientWebSocketResponse] = []

    @property
    def root(self) -> str:
        return f"{self.house.url}{self.side.root}"

    @property
    def origin(self) -> dict[str, str]:
        return {"Origin": self.house.url}

    @property
    def chat(self) -> str:
        return next(chat for channel, chat in reversed(self.house.opened) if channel == self.side.name)

    async def opens(self) -> dict[str, Any]:
        """Opens the page; returns the welcome."""
        async with self.session.post(f"{self.root}/session", headers=self.origin) as answer:
            assert answer.status == 204
        self.socket = await self.session.ws_connect(self.root, headers=self.origin)
        self._sockets.append(self.socket)
        await self.tells({"t": "hello", "lang": "zh-CN"})
        return await self.hears("welcome")

    async def tells(self, frame: dict[str, Any]) -> None:
        await self.socket.send_str(json.dumps(frame))

    async def says(self, text: str, id_: str = "m1", **fields: Any) -> None:
        await self.tells({"t": "say", "id": id_, "text": text, **fields})

    async def hears(self, kind: str) -> dict[str, Any]:
        """The next frame of this kind; others are passed over."""
        while True:
            message = await asyncio.wait_for(self.socket.receive(), PATIENCE)
            assert message.type is WSMsgType.TEXT, message
            frame: dict[str, Any] = json.loads(message.data)
            if frame["t"] == kind:
                return frame

    async def sees(self) -> dict[str, Any]:
        """The next message from the bot, acknowledged."""
        shown: dict[str, Any] = (await self.hears("show"))["message"]
        await self.tells({"t": "seen", "id": shown["id"]})
        return shown

    async def goes(self) -> None:
        await self.socket.close()

    async def close(self) -> None:
        for socket in self._sockets:
            await socket.close()
        await self.session.close()


@asynccontextmanager
async def a_house(folder: Path, answer: Answer = silent, *, receiving: bool = True) -> AsyncIterator[House]:
    house = House(folder, answer)
    await house.start(receiving=receiving)
    try:
        yield house
    finally:
        await house.close()


@asynccontextmanager
async def a_visitor(house: House, side: Side = RESIDENT) -> AsyncIterator[Visitor]:
    visitor = Visitor(house, side)
    try:
        yield visitor
    finally:
        await visitor.close()


def out(words: str | Text | Screen, chat: str, id_: int = 1, **fields: Any) -> Outgoing:
    return Outgoing(id_, chat, words if isinstance(words, Screen) else Screen(as_text(words)), **fields)


async def until(holds: Callable[[], object]) -> None:
    """Waits until something that other tasks bring about holds."""
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - whatever brings it about has no event to wait for
            await asyncio.sleep(0.005)
