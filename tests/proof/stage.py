"""The office of one example: its people speak, its process dies and starts again, its time goes by."""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

from sqlalchemy import bindparam, func, select

import bot.database
from bot.app import YOUNG
from bot.delivery.bell import Bell
from bot.store import engine, writer
from bot.store.claims import next_due
from bot.store.prepared import Prepared, first
from bot.store.queues import inbox, outbox
from bot.store.transaction import Transaction
from bot.store.writer import Writer
from bot.telling import Lane
from tests.proof.line import Died, Dying, Line
from tests.rig import Someone, Town

T = TypeVar("T")

# Asked with every act, and so prepared.
_ANSWERS = Prepared(
    select(func.min(outbox.c.not_before)).where(outbox.c.state == "queued", outbox.c.lane == Lane.INTERACTIVE)
)
_UPDATES = Prepared(select(inbox.c.id).where(inbox.c.id > bindparam("since"), inbox.c.channel == "silent"))
_SENDING = Prepared(select(outbox.c.id).where(outbox.c.state == "sending"))
_SCREENS = Prepared(select(outbox.c.key).where(outbox.c.key.in_(bindparam("keys", expanding=True))))


@contextmanager
def light_starts() -> Iterator[None]:
    """Of thousands of starts at one address, each does only what K15 is about.

    They share an engine, and so the statements that it has compiled, but each connects anew. The schema was laid just
    before: what a start makes of another one is K17's. Memory is tidied as seldom as in the running program.
    """
    kept, thresholds = cache(engine.writer_engine), gc.get_threshold()
    gc.freeze()
    gc.set_threshold(YOUNG)
    try:
        with (
            mock.patch.object(bot.database, "writer_engine", kept),
            mock.patch.object(bot.database, "bring_up", return_value=False),
            mock.patch.object(bot.database, "Writer", PromptWriter),
        ):
            yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


class _Call(writer._Call):
    def answer(self) -> None:
        self._settle()


class PromptWriter(Writer):
    """Does at once, where it is asked, what its thread does else: to wake that takes as long as most transactions.

    Nobody waits beside anybody else here; whoever shares a transaction is shown elsewhere (K7, test_writer.py).
    """

    def _submit(self, act: Callable[[Any], T], *, bare: bool = False) -> asyncio.Future[T]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._do(_Call(act, loop, future, bare))
        return future


class Street(Town):
    """A town in which only those work who are rung for, as in the running program, and all with each tick."""

    _ticked_at: datetime | None = None

    def tick(self) -> None:
        self._ticked_at = self.clock.now()
        for bell in (self.app.inbox_bell, self.app.job_bell, self.app.senders[self.channel.name].bell):
            bell.ring()

    async def settle(self) -> None:
        app, sender = self.app, self.app.senders[self.channel.name]
        if self._ticked_at != self.clock.now():
            self.tick()
        while True:
            if await _answered(app.inbox_bell):
                while (await app.dispatcher.step()).more:
                    pass
            elif await _answered(app.job_bell):
                while await app.worker.step():
                    pass
            elif await _answered(sender.bell):
                await sender.step()
                await sender.idle()
            else:
                return

    async def becomes(self, moment: datetime) -> None:
        """With a tick at every timer on the way: what is to be done at once, and nobody is rung for, waits for it."""
        while (due := await self.store.writer.submit(next_due)) is not None and due <= moment:
            self.clock.set(max(due, self.clock.now()))
            self.tick()
            await self.settle()
        self.clock.set(moment)
        self.tick()
        await self.settle()

    async def is_idle(self) -> bool:
        """Whether nothing is left to do where nobody is rung for: everybody is asked."""
        sender = self.app.senders[self.channel.name]
        batch, jobs, sent = await self.app.dispatcher.step(), await self.app.worker.step(), await sender.step()
        await sender.idle()
        return not (batch.handled or jobs or sent)


async def _answered(bell: Bell) -> bool:
    if not bell.is_rung:
        return False
    await bell.wait()
    return True


class Stage:
    """One office in front of a line, and the failpoint that ends its process."""

    def __init__(self, folder: Path, url: str, runner: asyncio.Runner) -> None:
        self._loop = runner.get_loop()
        self.dying = Dying()
        self.town = Street(folder, url, failpoint=self.dying)
        self.town.channel = self.line = Line(heard=self.town._hear, gone=self.town._gone)
        self._newest = 0  # update that is answered, or needs no answer

    def run(self, act: Coroutine[Any, Any, T]) -> T:
        """Without the runner's own watch for an interrupt, which takes longer than most acts."""
        return self._loop.run_until_complete(act)

    def person(self, name: str) -> Someone:
        return self.town.resident(name)

    def does(self, act: Callable[[], Awaitable[Any]], *, is_silent: bool = False) -> None:
        """Somebody does something, and is answered."""
        self.run(self._through_death(act))
        self._newest, open_ = self.read(lambda tx: _unanswered(tx, self._newest))
        assert is_silent or open_ == 0, "everything said is answered"

    async def _through_death(self, act: Callable[[], Awaitable[Any]]) -> None:
        """What was not acknowledged comes again after the start."""
        count = len(self.line.raws)
        try:
            await act()
        except Died:
            await self._restarted()
            for raw in self.line.raws[count:]:
                await self.line.hand_in_again(raw)
            await self.town.settle()

    def starts_anew(self) -> None:
        self.run(self._restarted())

    async def _restarted(self) -> None:
        self.dying.arm("", 0)
        sender = self.town.app.senders[self.town.channel.name]
        self.town.crash()
        left = [task for task in (*sender._tasks, sender._recording, self.town._listening) if task is not None]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        self.town.clock.advance(seconds=1)  # no start takes less
        await self.town.open()
        self.line.doubted |= self.line.arrived.keys() & await self.town.store.writer.submit(_on_their_way)
        sender = self.town.app.senders[self.town.channel.name]
        await self.town.store.writer.submit(sender.ledger.settle_orphans)
        await self.town.settle()

    def comes_again(self, raw: Any) -> None:
        self.run(self._through_death(self._ticked))  # nobody is rung for what a message that is lost gives rise to
        before, since = self.line.arrived.total(), self.town.clock.now()
        self.run(self._through_death(lambda: self._again(raw)))
        has_died = self.town.clock.now() > since  # a start takes its time, and something else may be due by then
        assert has_died or self.line.arrived.total() == before, "what comes twice does nothing"

    async def _ticked(self) -> None:
        self.town.tick()
        await self.town.settle()

    async def _again(self, raw: Any) -> None:
        await self.line.hand_in_again(raw)
        await self.town.settle()

    def passes(self, **span: float) -> None:
        until = self.town.clock.now() + timedelta(**span)
        for _again in range(2):  # behind a death on the way
            self.run(self._through_death(lambda: self.town.becomes(until)))
        with self.dying.looking():
            assert self.run(self.town.is_idle()), "somebody was rung for everything"

    def settled(self) -> None:
        """People wait for their screen before they press: until no answer is on its way."""
        while (due := self.read(_next_answer)) is not None:
            self.passes(seconds=max(61.0, (due - self.town.clock.now()).total_seconds()))

    def presses(self, name: str, label: str, *, twice: bool = False, has_missed: bool = False) -> None:
        """`has_missed`: what showed the button was refused while they had blocked the bot."""
        self.settled()
        heard = next((heard for heard in reversed(self.person(name).heard) if label in heard.labels), None)
        if heard is None and has_missed:  # whatever stands on a button may be said
            self.does(lambda: self.person(name).says(label))
            return
        assert heard is not None, f"a button “{label}”"
        for _time in range(1 + twice):
            self.does(lambda: self.person(name).presses(label, on=heard))

    def read(self, look: Callable[[Transaction], T]) -> T:
        with self.dying.looking():
            return self.run(self._submitted(look))

    async def _submitted(self, look: Callable[[Transaction], T]) -> T:
        return await self.town.store.writer.submit(look)


def _next_answer(tx: Transaction) -> datetime | None:
    earliest: datetime | None = first(_ANSWERS.rows(tx.flushed()))[0]
    return earliest


def _on_their_way(tx: Transaction) -> set[int]:
    """What nobody knows the fate of after a death."""
    return {row[0] for row in _SENDING.rows(tx.flushed())}


def _unanswered(tx: Transaction, since: int) -> tuple[int, int]:
    """The newest update, and how many since then are without a screen of their own."""
    ids = [row[0] for row in _UPDATES.rows(tx.flushed(), {"since": since})]
    if not ids:
        return since, 0
    owed = _SCREENS.rows(tx.flushed(), {"keys": [f"event:{id_}:0" for id_ in ids]})
    return max(ids), len(ids) - len(owed)
