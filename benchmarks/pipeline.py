"""CPU per event of dispatch, handler and rendering, on SQLite with synchronous=FULL. Prints `name value limit`."""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import msgspec

from bot.delivery.channel import Raw
from bot.dialogue.event import Event, Pressed, Said, What, Who
from bot.dialogue.screen import encode_action
from bot.office.cases.model import Kind
from bot.office.cases.service import Matter
from bot.office.people.model import Role
from bot.store.transaction import Transaction
from tests.rig import Town

CHATS = 500
ROUNDS = 5
_encode = msgspec.msgpack.Encoder().encode


class Load:
    """Many chats doing the same thing at once, and the CPU that handling it takes."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self._keys = 0

    async def feed(self, what: Callable[[int], What], chats: int = CHATS, prefix: str = "r") -> None:
        """One update from each chat, taken in and waiting."""
        now = self._town.clock.now()
        raws = []
        for number in range(chats):
            self._keys += 1
            event = Event(what(number), now, Who(f"{prefix}{number}", f"{prefix}{number}", "zh_CN"), f"m{self._keys}")
            raws.append(Raw(str(self._keys), f"{prefix}{number}", _encode(event), now))
        receiver = self._town.app.receivers[self._town.channel.name]
        for start in range(0, len(raws), 100):
            await receiver.take_in(raws[start : start + 100])

    async def handle(self) -> tuple[int, float]:
        """Handles everything that waits; (events, CPU seconds of the whole process)."""
        began, handled = time.process_time(), 0
        while True:
            batch = await self._town.app.dispatcher.step()
            handled += batch.handled
            if not batch.handled and not batch.more:
                return handled, time.process_time() - began

    async def drain(self) -> None:
        """Takes what is owed out of the way, so that the next measurement does not carry it."""
        sender = self._town.app.senders[self._town.channel.name]
        while await sender.step():
            await sender.idle()


async def measured(load: Load, what: Callable[[int], What], before: Callable[[int], What] | None = None) -> list[float]:
    """Milliseconds of CPU per event, one figure a round; `before` each round everybody does that, unmeasured."""
    figures = []
    for _round in range(ROUNDS):
        if before is not None:
            await load.feed(before)
            await load.handle()
        await load.feed(what)
        handled, seconds = await load.handle()
        figures.append(seconds / handled * 1000)
    return figures


def told(name: str, figures: list[float], limit: float) -> None:
    middle = statistics.median(figures)
    print(f"{name} {middle:.3f} ms (min {min(figures):.3f}, max {max(figures):.3f}, n {len(figures)}) limit {limit} ms")


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        town = await Town(Path(folder), f"sqlite:///{folder}/bench.db").open()
        town.app.senders[town.channel.name]._spacing.busy.clear()
        load = Load(town)
        town.channel._heard = lambda _outgoing, _message: None
        await load.feed(lambda number: Said("你好"))
        await load.handle()
        await town.store.writer.submit(lambda tx: _consent(town, tx))
        page = Pressed(
            encode_action("policy.page", town.house.policies.sections("zh_CN", _today(town))[0].pages[0].slug), "p"
        )
        told("page.cpu", await measured(load, lambda number: page), 0.15)
        begin = Pressed(encode_action("matter.kind", "help"), "p")
        lamp = Said("幸福里3号楼2单元的灯坏了")
        told("form_step.cpu", await measured(load, lambda number: lamp, before=lambda number: begin), 0.15)
        await _officials(town, load)
        await town.close()


async def _officials(town: Town, load: Load) -> None:
    figures = []
    for round_ in range(ROUNDS):
        numbers = await town.store.writer.submit(lambda tx: _cases(town, tx))
        for number in range(len(numbers)):
            if round_ == 0:
                code = await town.store.writer.submit(lambda tx: town.app.office(tx).people.invite(Role.HANDLER, None))
                await load.feed(_saying(f"/start {code}"), 1, f"o{number}-")
        await load.handle()
        for position, case in enumerate(numbers):
            await load.feed(_saying(f"/take {case}"), 1, f"o{position}-")
        handled, seconds = await load.handle()
        figures.append(seconds / handled * 1000)
    told("take.cpu", figures, 0.6)


def _consent(town: Town, tx: Transaction) -> None:
    people = town.app.office(tx).people
    for number in range(CHATS):
        people.agree(people.meet(town.channel.name, f"r{number}"))


def _cases(town: Town, tx: Transaction) -> list[str]:
    office = town.app.office(tx)
    by = office.people.meet(town.channel.name, "r0")
    matters = [Matter(kind=Kind.HELP, words=f"路灯坏了 {number}") for number in range(100)]
    numbers = [office.cases.register(matter, by=by, said_at=tx.now).number for matter in matters]
    office.told()
    return numbers


def _saying(text: str) -> Callable[[int], Said]:
    return lambda _number: Said(text)


def _today(town: Town) -> date:
    return town.clock.now().date()


if __name__ == "__main__":
    sys.setswitchinterval(0.0005)
    asyncio.run(main())
