"""The platform of the machine: what went wrong on the way, who has blocked the bot, and everything that arrived."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import msgspec

from bot.channels.silent import SilentChannel
from bot.delivery.channel import Intake, Outgoing, Raw, Sent
from bot.errors import DeliveryError, Refused


class Died(BaseException):
    """The process ended at a named point."""


class Dying:
    """A failpoint that ends the process when a point is passed for the n-th time."""

    def __init__(self) -> None:
        self._point, self._left = "", 0

    def arm(self, point: str, passing: int) -> None:
        self._point, self._left = point, passing

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Looking is not what dies."""
        armed, self._left = self._left, 0
        try:
            yield
        finally:
            self._left = armed

    def __call__(self, name: str) -> None:
        if name == self._point and self._left > 0:
            self._left -= 1
            if self._left == 0:
                raise Died(name)


class Line(SilentChannel):
    """Not idempotent, like Telegram: what may have arrived is not known."""

    def __init__(self, heard: Callable[[Outgoing, str], None], gone: Callable[[str, Sequence[str]], None]) -> None:
        super().__init__(heard=heard, gone=gone)
        self.abilities = msgspec.structs.replace(self.abilities, idempotent_send=False)
        self.raws: list[Raw] = []
        self.blocked: set[str] = set()
        self.troubles: dict[str, tuple[bool, DeliveryError]] = {}  # of the next message there; whether it arrives
        self.doubted: set[int] = set()  # outbox rows that arrived, and whose answer was lost, be it by a death
        self.arrived: Counter[int] = Counter()  # by outbox row
        self.unmarked: Counter[int] = Counter()  # of these, those that do not say that they are a repeat

    async def receive(self, intake: Intake) -> None:
        async def keeping(raws: Sequence[Raw]) -> None:
            self.raws += raws
            await intake(raws)

        await super().receive(keeping)

    async def hand_in_again(self, raw: Raw) -> None:
        await self._ready.wait()
        assert self._intake is not None
        await self._intake([raw])
        self.raws.pop()

    async def send(self, outgoing: Outgoing) -> Sent:
        if outgoing.chat in self.blocked:
            raise Refused("blocked", gone=True)
        arrives, trouble = self.troubles.pop(outgoing.chat, (True, None))
        if not arrives:
            assert trouble is not None
            raise trouble
        self.arrived[outgoing.id] += 1
        self.unmarked[outgoing.id] += not outgoing.repeat
        sent = await super().send(outgoing)
        if trouble is not None:
            self.doubted.add(outgoing.id)
            raise trouble
        return sent
