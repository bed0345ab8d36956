"""Who speaks and listens on which channel, in this process: at once, or only while it holds the lease for it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial

import structlog

from bot.delivery.channel import Attended, Channel, Introduced
from bot.delivery.receiver import Receiver
from bot.delivery.sender import Sender
from bot.delivery.supervision import Supervisor
from bot.delivery.tenure import ALONE, RENEWED, Fence, Keeper, Tenure
from bot.errors import StoreError
from bot.parts import Part
from bot.store import leases
from bot.store.writer import Writer

log = structlog.get_logger()

PAGES = "web"  # the lease of all channels whose people come to a page of ours

Receiving = Callable[[str, Fence], Receiver]
"""The receiver of a channel."""

Sending = Callable[[str, Fence, int], Sender]
"""The sender of a channel, with the epoch that its rows are marked with."""


class Duties:
    """The channels' loops of one process. `shared`: others may work on this database beside it."""

    def __init__(
        self,
        channels: Mapping[str, Channel],
        parts: frozenset[Part],
        *,
        supervisor: Supervisor,
        writer: Writer,
        receiving: Receiving,
        sending: Sending,
        shared: bool,
    ) -> None:
        self._channels = channels
        self._parts = parts
        self._supervisor = supervisor
        self._writer = writer
        self._receiving = receiving
        self._sending = sending
        self._shared = shared
        self.receivers: dict[str, Receiver] = {}
        self.senders: dict[str, Sender] = {}
        self.idle: frozenset[str] = frozenset()  # channels that are not received here at this moment
        self.has_pages = False  # whether pages are let in here
        self._keepers: dict[str, Keeper] = {}
        self._introducing: list[asyncio.Task[None]] = []
        self._known: asyncio.Task[None] | None = None

    @property
    def pages(self) -> list[str]:
        """The channels whose people come to us."""
        return [name for name, channel in self._channels.items() if not channel.abilities.pushes]

    @property
    def platforms(self) -> list[str]:
        return [name for name, channel in self._channels.items() if channel.abilities.pushes]

    @property
    def spoken(self) -> list[str]:
        """The channels on which this process may speak."""
        return [*(self.platforms if Part.SEND in self._parts else ()), *(self.pages if Part.WEB in self._parts else ())]

    def build(self, epoch: int) -> None:
        """Everything of a process that is alone; where others may be, each lease builds its own anew."""
        self.receivers |= {name: self._receiving(name, ALONE) for name in self._channels}
        self.senders |= {name: self._sending(name, ALONE, epoch) for name in self._channels}

    async def start_sending(self) -> None:
        if Part.SEND in self._parts:
            for name in self.platforms:
                await self._take_on(f"send {name}", partial(self._speak, name), partial(self._fall_silent, name))

    async def start_receiving(self, epoch: int) -> None:
        """Senders first: what was owed goes out before what comes in. Pages go both ways, so they come last."""
        if self._shared:
            self.idle = frozenset(self._channels)
            self._known = asyncio.create_task(self._stay_known(epoch))
            self._introducing = [
                asyncio.create_task(channel.introduce())
                for channel in self._channels.values()
                if isinstance(channel, Introduced)
            ]
        if Part.RECEIVE in self._parts:
            for name in self.platforms:
                await self._take_on(f"receive {name}", partial(self._listen, name), partial(self._turn_away, name))
        if Part.WEB in self._parts and self.pages:
            for channel in self._attended() if self._shared else ():
                await channel.shut()
            await self._take_on(PAGES, self._let_in, self._send_away)

    async def stop_receiving(self) -> None:
        for task in (*self._introducing, *filter(None, (self._known,))):
            task.cancel()
        await asyncio.gather(*self._introducing, *filter(None, (self._known,)), return_exceptions=True)
        for name in self._channels:
            await self._supervisor.stop(f"receive {name}")
            await self._let_go(f"receive {name}")

    async def stop_sending(self) -> None:
        """What is under way arrives and is recorded; then the leases are free."""
        for name, sender in self.senders.items():
            await sender.stop()
            await self._supervisor.stop(f"send {name}", patience=1.0)
        for name in list(self._keepers):
            await self._let_go(name)

    async def _take_on(
        self, name: str, begin: Callable[[Fence, int | None], Awaitable[None]], end: Callable[[], Awaitable[None]]
    ) -> None:
        if not self._shared:
            await begin(ALONE, None)
            return

        async def began(tenure: Tenure) -> None:
            await begin(tenure, tenure.epoch)

        keeper = Keeper(name, writer=self._writer, holder=leases.myself(), begin=began, end=end)
        self._keepers[name] = keeper
        self._supervisor.start(f"hold {name}", keeper.run)

    async def _let_go(self, name: str) -> None:
        if self._keepers.pop(name, None) is not None:
            await self._supervisor.stop(f"hold {name}")

    async def _speak(self, name: str, fence: Fence, epoch: int | None) -> None:
        if epoch is not None:
            self.senders[name] = self._sending(name, fence, epoch)
        self._supervisor.start(f"send {name}", self.senders[name].run)

    async def _fall_silent(self, name: str) -> None:
        """At once: what is under way is somebody else's to settle."""
        await self._supervisor.stop(f"send {name}")
        await self.senders[name].stop(patience=0.0)

    async def _listen(self, name: str, fence: Fence, epoch: int | None) -> None:
        if epoch is not None:
            self.receivers[name] = self._receiving(name, fence)
        self.idle -= {name}
        self._supervisor.start(f"receive {name}", self.receivers[name].run)

    async def _turn_away(self, name: str) -> None:
        self.idle |= {name}
        await self._supervisor.stop(f"receive {name}")

    async def _let_in(self, fence: Fence, epoch: int | None) -> None:
        for name in self.pages:
            await self._speak(name, fence, epoch)
            await self._listen(name, fence, epoch)
        self.has_pages = True
        for channel in self._attended():
            channel.open()

    async def _send_away(self) -> None:
        self.has_pages = False
        for channel in self._attended():
            await channel.shut()
        for name in self.pages:
            await self._turn_away(name)
            await self._fall_silent(name)

    def _attended(self) -> Sequence[Attended]:
        return [channel for channel in self._channels.values() if isinstance(channel, Attended)]

    async def _stay_known(self, epoch: int) -> None:
        """This process is at work: so others see, and a death is noticed."""
        while True:
            await asyncio.sleep(RENEWED)
            with suppress(StoreError):
                await self._writer.submit(lambda tx: leases.keep_run(tx, epoch, leases.myself()))
