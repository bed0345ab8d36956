"""The loops on a stage: a desk that does as it is told, a channel that fails on demand, rows that can be looked at."""

import asyncio
import heapq
import selectors
from collections.abc import Callable, Coroutine, Sequence
from contextvars import Context
from datetime import datetime, timedelta
from typing import Any, TypeVar, TypeVarTuple

import msgspec
from sqlalchemy import Row, Table, select

from bot.channels.silent import SilentChannel
from bot.delivery.asking import Chat
from bot.delivery.bell import Bell
from bot.delivery.channel import Abilities, Outgoing, Raw, Sent
from bot.delivery.dispatcher import Dispatcher
from bot.delivery.ledger import Ledger
from bot.delivery.owing import OUTBOX
from bot.delivery.receiver import Receiver
from bot.delivery.sender import Sender
from bot.dialogue.conversation import Arrival, Reply
from bot.dialogue.event import Due, Event, Finished, Pressed, Said, What, Who
from bot.dialogue.screen import Screen
from bot.errors import OfficeError, StoreError
from bot.identity import Identity
from bot.ids import Ids
from bot.sealing import Lookup, Sealer
from bot.store import queues
from bot.store.facts import fact
from bot.store.queues import Owed, Policy
from bot.store.transaction import Transaction
from bot.store.writer import Failpoint, Writer, no_failpoint
from bot.telling import Lane, Letters, Telling
from bot.text import as_text
from tests.rig import FakeClock

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")
Act = Callable[[Transaction, Arrival], Sequence[Screen] | None]

CONTENT, IDENTITY, LOOKUP = Sealer(bytes(32)), Sealer(bytes(range(32))), Lookup(b"lookup" * 6)


def name_of(what: What) -> str:
    match what:
        case Said(text=text):
            return text
        case Pressed(action=action):
            return action
        case Due(kind=kind) | Finished(kind=kind):
            return kind
    return type(what).__name__


class ScriptedDesk:
    """Answers every event with its own name, unless the script says otherwise."""

    def __init__(self) -> None:
        self.script: dict[str, Act] = {}
        self.seen: list[str] = []
        self.arrivals: list[Arrival] = []
        self.told: list[Telling] = []
        self.written: list[Letters] = []
        self.every: dict[str, timedelta] = {}
        self.chats: dict[int, str] = {}
        self.heard: Callable[[], None] = lambda: None
        self.apology_fault: Exception | None = None

    def on(self, name: str, act: Act) -> None:
        self.script[name] = act

    def prepare(self, tx: Transaction, arrivals: Sequence[Arrival]) -> None:
        self.told.clear()

    def handle(self, tx: Transaction, arrival: Arrival) -> Reply:
        name = name_of(arrival.event.what)
        self.seen.append(name)
        self.arrivals.append(arrival)
        self.heard()
        act = self.script.get(name)
        screens = act(tx, arrival) if act else [Screen(as_text(f"got {name}"))]
        return self._reply(arrival, list(screens or ()))

    def excuse(self, tx: Transaction, arrival: Arrival, error: OfficeError) -> Reply:
        self.told.clear()
        return self._reply(arrival, [Screen(as_text(f"no: {error.reason}"))])

    def apologise(self, tx: Transaction, arrival: Arrival, reference: str | None) -> Reply:
        if self.apology_fault is not None:
            raise self.apology_fault
        return self._reply(arrival, [Screen(as_text(f"sorry: {reference}"))] if reference is not None else [])

    def tellings(self, tx: Transaction) -> Sequence[Telling]:
        told, self.told = self.told, []
        return told

    def letters(self, tx: Transaction) -> Sequence[Letters]:
        written, self.written = self.written, []
        return written

    def write(self, tx: Transaction, letters: Letters, language: str | None) -> Screen:
        return Screen(as_text(f"{letters.kind} in {language}"))

    def render(self, tx: Transaction, telling: Telling) -> tuple[str, Screen] | None:
        if telling.kind == "nothing":
            return None
        if telling.kind == "faulty":
            raise KeyError("no such words")
        if telling.kind == "full":
            raise StoreError("disk full")
        return "silent", Screen(as_text(f"told {telling.kind}"))

    def render_plain(self, tx: Transaction, telling: Telling) -> tuple[str, Screen] | None:
        return "silent", Screen(as_text("there is news"))

    def recurs(self, kind: str, after: datetime) -> datetime | None:
        return after + self.every[kind] if kind in self.every else None

    def _reply(self, arrival: Arrival, screens: list[Screen]) -> Reply:
        if arrival.event.who is None:
            return Reply(None, None, screens)
        address = arrival.lane or 0
        self.chats[address] = arrival.event.who.chat
        return Reply(address, address, screens, arrival.channel)


class ScriptedChannel(SilentChannel):
    """Keeps what goes out; fails for a text as often as there are troubles for it; waits while held."""

    def __init__(self) -> None:
        super().__init__()
        self.abilities = Abilities()
        self.sent: list[Outgoing] = []
        self.begun: list[str] = []
        self.began = asyncio.Event()
        self.troubles: dict[str, list[Exception]] = {}
        self.held: dict[str, asyncio.Event] = {}

    @property
    def texts(self) -> list[str]:
        return [str(outgoing.screen.text) for outgoing in self.sent]

    async def send(self, outgoing: Outgoing) -> Sent:
        text = str(outgoing.screen.text)
        self.begun.append(text)
        self.began.set()
        if text in self.held:
            await self.held[text].wait()
        if self.troubles.get(text):
            raise self.troubles[text].pop(0)
        self.sent.append(outgoing)
        return Sent((outgoing.edits or f"m{outgoing.id}",))


class Stage:
    """Everything between the inbox and the channel."""

    def __init__(self, writer: Writer, clock: FakeClock, ids: Ids) -> None:
        self.writer = writer
        self.clock = clock
        self.ids = ids
        self.desk = ScriptedDesk()
        self.channel = ScriptedChannel()
        self.bell, self.out, self.jobs = Bell(), Bell(), Bell()
        self.receiver = Receiver(
            self.channel, writer=writer, seal=IDENTITY, lookup=LOOKUP, ids=ids, bell=self.bell
        )  # fmt: skip
        self.dispatcher = self.a_dispatcher()
        self.lost: list[tuple[int, int | None, int, bool]] = []
        self.audiences: dict[int, str] = {}  # of addresses that are groups
        self.moved: dict[int, str] = {}
        self._keys = 0

    def a_dispatcher(
        self, channels: Sequence[str] = ("silent",), *, failpoint: Failpoint = no_failpoint, singly: bool = False,
        longest: float = 60.0,
    ) -> Dispatcher:  # fmt: skip
        """A busy machine does not cut its batches, unless told."""
        return Dispatcher(writer=self.writer, channels=dict.fromkeys(channels, self.channel), desk=self.desk,
                          content=CONTENT, raw=IDENTITY, ids=self.ids, bell=self.bell, senders={"silent": self.out},
                          jobs=self.jobs, failpoint=failpoint, singly=singly, longest=longest)  # fmt: skip

    def a_sender(self, *, epoch: int = 1) -> Sender:
        identity = Identity(IDENTITY)

        def reach(_tx: Transaction, addresses: Sequence[int]) -> dict[int, Chat]:
            found = {}
            for address in addresses:
                sealed = identity.seal_chat(self.moved.get(address, f"chat{address}"))
                found[address] = Chat(sealed, self.audiences.get(address))
            return found

        def moved(_tx: Transaction, address: int, chat: str) -> bool:
            is_group = address in self.audiences
            if is_group:
                self.moved[address] = chat
            return is_group

        def lost(_tx: Transaction, row: int, subject: int | None, address: int, gone: bool) -> None:
            self.lost.append((row, subject, address, gone))

        ledger = Ledger(self.channel, content=CONTENT, identity=identity, reach=reach, lost=lost, moved=moved,
                        epoch=epoch)  # fmt: skip
        return Sender(self.channel, writer=self.writer, ledger=ledger, bell=self.out)

    # --- in ---

    async def says(self, chat: str, text: str) -> None:
        await self.does(chat, Said(text), f"in-{text}")

    async def presses(self, chat: str, action: str) -> None:
        await self.does(chat, Pressed(action, f"press-{action}"), "card")

    async def does(self, chat: str, what: What, message: str | None = None) -> None:
        await self.hands_in(chat, msgspec.msgpack.encode(Event(what, self.clock.now(), Who(chat, chat), message)))

    async def hands_in(self, chat: str, body: bytes) -> None:
        self._keys += 1
        await self.receiver.take_in([Raw(str(self._keys), chat, body, self.clock.now())])

    def arms(self, kind: str, *, key: str = "", due_in: float = 0, lane: int | None = None) -> None:
        def act(tx: Transaction) -> None:
            due_at = tx.now + timedelta(seconds=due_in)
            queues.arm(tx, id=self.ids(), key=key or kind, kind=kind, due_at=due_at, lane=lane)

        self.writer.run(act)

    def owes(self, text: str, *, address: int = 1, policy: Policy = Policy.RESEND, **more: Any) -> int:
        id_ = self.ids()

        def act(tx: Transaction) -> None:
            body = CONTENT.seal(msgspec.msgpack.encode(Screen(as_text(text))), OUTBOX)
            rest: dict[str, Any] = {"lane": Lane.REPLY, "not_before": tx.now, "body": body} | more
            queues.owe(tx, Owed(id=id_, channel="silent", address=address, policy=policy, key=str(id_), **rest))

        self.writer.run(act)
        return id_

    # --- on ---

    async def settle(self) -> None:
        """Batches until nothing more waits."""
        while (batch := await self.dispatcher.step()).handled or batch.more:
            pass

    async def sends(self, sender: Sender) -> None:
        """Everything that may go out now goes out and is recorded."""
        while await sender.step():
            await sender.idle()

    # --- looked at ---

    def rows(self, table: Table) -> list[Row[Any]]:
        return list(self.writer.run(lambda tx: tx.flushed().execute(select(table).order_by(table.c.id)).all()))

    def row(self, table: Table, id_: int) -> Row[Any]:
        return next(row for row in self.rows(table) if row.id == id_)

    @property
    def is_on_a_server(self) -> bool:
        return self.writer.run(lambda tx: tx.is_postgresql)

    def inbox_states(self) -> list[str]:
        return [row.state for row in self.rows(queues.inbox)]

    def tries(self) -> list[int]:
        return [row.tries for row in self.rows(queues.inbox)]

    def owed(self) -> list[str]:
        """The words of everything that is queued, oldest first."""
        decode = msgspec.msgpack.Decoder(Screen).decode
        waiting = [row for row in self.rows(queues.outbox) if row.state == "queued"]
        return [str(decode(CONTENT.open(row.body, OUTBOX)).text) for row in waiting]

    def facts(self) -> set[str]:
        """What acts of the office have written: facts stand for its tables."""
        return set(self.writer.run(lambda tx: tx.read(select(fact.c.name)).scalars().all()))


def writes(name: str, error: Exception | None = None) -> Act:
    """An act of the office: writes a row directly and perhaps fails after it."""

    def act(tx: Transaction, arrival: Arrival) -> list[Screen]:
        tx.write(fact.insert().values(name=name, value="1"))
        if error is not None:
            raise error
        return [Screen(as_text(f"wrote {name}"))]

    return act


class _Instant(selectors.DefaultSelector):
    """Does not wait: time goes to the next moment at once."""

    passed = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        found = super().select(0)
        if not found and timeout:
            self.passed += timeout
        return found


class InstantLoop(asyncio.SelectorEventLoop):
    """A loop whose time is as long as its timers say and takes none: for code that waits by `call_later`."""

    def __init__(self) -> None:
        self._instant = _Instant()
        super().__init__(self._instant)

    def time(self) -> float:
        return self._instant.passed


class CoarseLoop(InstantLoop):
    """As uvloop's: its time are whole milliseconds, and every span is rounded to them."""

    def time(self) -> float:
        return round(super().time() * 1000) / 1000

    def call_at(
        self, when: float, callback: Callable[[*Arguments], object], *args: *Arguments, context: Context | None = None
    ) -> asyncio.TimerHandle:
        span = round((when - self.time()) * 1000) / 1000
        return super().call_at(self.time() + span, callback, *args, context=context)


def in_no_time(main: Coroutine[Any, Any, T], loop: type[asyncio.AbstractEventLoop] = InstantLoop) -> T:
    """Runs a coroutine in a loop whose hours pass at once."""
    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(main)


def most_in_a_second(moments: Sequence[float]) -> int:
    """The largest number of moments within any half-open second."""
    window: list[float] = []
    most = 0
    for moment in sorted(moments):
        heapq.heappush(window, moment)
        while window[0] <= moment - 1.0:
            heapq.heappop(window)
        most = max(most, len(window))
    return most
