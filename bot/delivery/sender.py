"""From the outbox to one channel: paces, sends, has it recorded. It never decides what is said."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from functools import partial

import msgspec
import structlog

from bot.delivery.bell import Bell
from bot.delivery.channel import Channel, Outgoing
from bot.delivery.ledger import DOWN_PAUSE, Claimed, Ledger, Result
from bot.delivery.pacing import LandingWindow, Share, Spacing, Trickle, ring_at
from bot.delivery.patience import pause_after, written
from bot.dialogue.screen import Clearing
from bot.errors import ChannelDown, DeliveryError, Fenced, NotSent, Refused, StoreError, Uncertain
from bot.store.sending import Left, Sendable
from bot.store.transaction import Transaction
from bot.store.writer import Failpoint, Writer, no_failpoint
from bot.telling import Lane

log = structlog.get_logger()

MOST_CLAIMED = 64  # rows of one claim
KEPT_IN_FLIGHT = 8
CROWDED, MOMENT = MOST_CLAIMED // 2, 0.005  # seconds


class Sender:
    """The one who speaks on one channel."""

    def __init__(
        self,
        channel: Channel,
        *,
        writer: Writer,
        ledger: Ledger,
        bell: Bell,
        failpoint: Failpoint = no_failpoint,
    ) -> None:
        self._channel = channel
        self._writer = writer
        self.ledger = ledger
        self.bell = bell
        self._failpoint = failpoint
        abilities = channel.abilities
        self._share = Share(abilities.per_second)
        self._window = LandingWindow(abilities.per_second, self._room_freed)
        self._trickle = Trickle(max(1, abilities.per_second - self._share.least), self._room_freed)
        self._spacing = Spacing(abilities.chat_spacing, self._address_freed)
        self._left = Left(frozenset(), more=True)  # by the last claim: it waits for what is in use
        self._freed: set[int] = set()  # addresses, since that claim was asked for
        self._has_new_room = False  # since then
        self._tasks: set[asyncio.Task[None]] = set()
        self._beginning = asyncio.Lock()  # a stop waits for a claim under way, and then for what it claimed
        self._in_hand: set[int] = set()  # rows that this run is sending
        self._doubts = False  # a claim failed: perhaps it was committed all the same, and nobody sends what it claimed
        self._results: deque[Result] = deque()  # filled by the loop, emptied by the writer
        self._recording: asyncio.Task[None] | None = None
        self._paused_until = 0.0
        self._soon: asyncio.TimerHandle | None = None  # a ring that waits until there is more room
        self._stopping = False
        self.sent = self.failed = self.uncertain = 0  # of this run, for whoever watches it
        self.send_seconds = 0.0

    async def run(self) -> None:
        """Settles what the last run left behind, then sends until stopped."""
        await self._writer.submit(self.ledger.settle_orphans)
        self.bell.ring()
        pause = 1.0
        while not self._stopping:
            await self.bell.wait()
            try:
                while not self._stopping and await self.step() and self._left.more:
                    pass
                pause = 1.0
            except StoreError as error:
                pause = await pause_after(error, pause, loop="sender")
                self.bell.ring()

    async def step(self) -> int:
        """Claims what may go out now and starts sending it; how many that was."""
        room = min(self._channel.abilities.at_once - len(self._tasks), self._window.free, MOST_CLAIMED)
        if self._window.free <= 0:
            self._share.exhausted()
        if room <= 0 or asyncio.get_running_loop().time() < self._paused_until:
            self._left = self._left._replace(more=True)
            return 0
        async with self._beginning:
            claimed, self._left = await self._claim(room)
            if self._left.again or self._can_help():
                self.bell.ring()  # room came meanwhile, when nobody knew that something waits for it
            self._failpoint("after claim")
            self._begin(claimed)
        return len(claimed)

    async def _claim(self, room: int) -> Claimed:
        bulk = min(self._channel.abilities.at_once - KEPT_IN_FLIGHT - len(self._tasks),
                   self._window.free - self._share.left, self._trickle.room)  # fmt: skip
        busy = frozenset(self._spacing.busy)
        in_doubt = frozenset(self._in_hand) if self._doubts else None
        self._doubts, self._has_new_room = True, False
        self._freed.clear()
        claimed = await self._writer.submit(
            lambda tx: self.ledger.claim(tx, room=room, bulk=bulk, busy=busy, in_doubt=in_doubt)
        )
        self._doubts = False
        return claimed

    def _begin(self, claimed: Sequence[tuple[Sendable, Outgoing | None]]) -> None:
        if notices := sum(row.lane == Lane.NOTICE for row, _outgoing in claimed):
            self._trickle.take(notices)
        for row, outgoing in claimed:
            self._in_hand.add(row.id)
            self._spacing.begin(row.address)
            self._window.take()
            task = asyncio.create_task(self._send(row, outgoing))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def stop(self, patience: float = 10.0) -> None:
        """Lets what is under way arrive and be recorded."""
        self._stopping = True
        self.bell.ring()
        async with self._beginning:
            pass
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=patience)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._recording is not None:
            await asyncio.gather(self._recording, return_exceptions=True)

    async def idle(self) -> None:
        """Returns when nothing is on its way and everything is recorded; raises what broke a sending off."""
        while self._tasks or self._recording is not None:
            waiting = [*self._tasks, *filter(None, (self._recording,))]
            done, _still = await asyncio.wait(waiting)
            for task in done:
                task.result()
            await asyncio.sleep(0)

    async def _send(self, row: Sendable, outgoing: Outgoing | None) -> None:
        if outgoing is None:  # its body or its address cannot be opened any more
            result = Result(row, error=Refused("unreadable"))
        elif not self.ledger.fence.is_sure:  # somebody else may have settled it and may be sending it
            result, outgoing = Result(row, error=NotSent("fenced", DOWN_PAUSE)), None
        else:
            began = time.perf_counter()
            result = await self._tried(row, outgoing)
            self.send_seconds += time.perf_counter() - began
        self._failpoint("after HTTP")
        parts = len(result.sent.messages) if result.sent is not None else 1
        self._window.take(max(0, parts - 1))  # a long text or an album counts as often as it has parts
        self._window.give_back(max(1, parts), used=outgoing is not None)
        self._results.append(result)
        if self._recording is None:
            self._recording = asyncio.create_task(self._record())

    async def _tried(self, row: Sendable, outgoing: Outgoing) -> Result:
        try:
            if outgoing.screen.clears is not None:
                outgoing = await self._cleared(outgoing, outgoing.screen.clears)
            return Result(row, sent=await self._channel.send(outgoing), group=outgoing.group)
        except DeliveryError as error:
            return Result(row, error=error, chat=outgoing.chat)
        except asyncio.CancelledError:
            return Result(row, error=Uncertain("stopped"))
        except Exception as error:  # our own fault: it may have left
            log.error("send_failed", outbox=row.id, error=type(error).__name__, exc_info=error)
            return Result(row, error=Uncertain(type(error).__name__))

    async def _cleared(self, outgoing: Outgoing, clears: Clearing) -> Outgoing:
        """Deletes the talk; what goes out after it says whether that worked. Tried again, it deletes what is left."""
        abilities = self._channel.abilities
        is_whole = abilities.deletes and await self._deleted(outgoing.chat, clears.messages)
        self._failpoint("after deletion")
        if is_whole and not (clears.is_older and abilities.delete_seconds is not None):
            return outgoing
        return msgspec.structs.replace(
            outgoing, screen=msgspec.structs.replace(outgoing.screen, text=clears.instead)
        )  # fmt: skip

    async def _deleted(self, chat: str, messages: Sequence[str]) -> bool:
        try:
            return await self._channel.delete(chat, messages)
        except Refused as error:
            if error.gone:
                raise
            log.warning("deletion_refused", channel=self._channel.name, cause=error.cause)
            return False

    async def _record(self) -> None:
        """Group commits: what gathers during one commit is the next."""
        pause = 1.0
        while self._results:
            results: list[Result] = []
            lost: set[int] = set()
            try:
                await self._writer.submit(partial(self._write_all, results))
            except Fenced:  # whoever took over has settled these rows; what this process knows of them counts no more
                log.warning("results_fenced", channel=self._channel.name, rows=len(results))
            except StoreError as error:
                self._results.extendleft(reversed(results))
                pause = await pause_after(error, pause, loop="sender")
                continue
            except Exception as error:  # one faulty result must not keep the others from being recorded
                log.error("record_failed", rows=len(results), error=type(error).__name__, exc_info=error)
                lost = await self._record_singly(results)
            self._in_hand.difference_update({result.row.id for result in results} - lost)
            for result in results:
                spaced = result.sent is not None and bool(result.sent.messages)
                span = self._channel.abilities.group_spacing if result.group else None
                self._spacing.end(result.row.address, spaced=spaced, seconds=span)
                self._count(result)
                self._heed(result)
            self._room_freed()
        self._recording = None

    async def _record_singly(self, results: Sequence[Result]) -> set[int]:
        """What cannot be recorded stays as being sent: the next start treats it as uncertain. Returns those rows."""
        lost = set()
        for result in results:
            try:
                await written(self._writer, partial(self.ledger.record, results=[result]), loop="sender")
            except Exception as error:
                lost.add(result.row.id)
                log.error("result_lost", outbox=result.row.id, error=type(error).__name__, exc_info=error)
        return lost

    def _room_freed(self) -> None:
        self._has_new_room = True
        self._ring_if_that_helps()

    def _address_freed(self, address: int) -> None:
        """An address may be written to again."""
        self._freed.add(address)
        self._ring_if_that_helps()

    def _can_help(self) -> bool:
        """Whether what has been freed may let something go that the last claim left behind."""
        left = self._left
        return (left.more and (self._has_new_room or bool(self._freed))) or not left.busy.isdisjoint(self._freed)

    def _ring_if_that_helps(self) -> None:
        """With nearly all under way a claim would find room for one or two; a moment later it finds room for many."""
        if self._soon is not None or not self._can_help():
            return
        if len(self._tasks) <= CROWDED:
            self.bell.ring()
        else:
            self._soon = asyncio.get_running_loop().call_later(MOMENT, self._ring_now)

    def _ring_now(self) -> None:
        self._soon = None
        self.bell.ring()

    def _count(self, result: Result) -> None:
        if result.sent is not None:
            self.sent += 1
        elif isinstance(result.error, Refused):
            self.failed += 1
        elif isinstance(result.error, Uncertain):
            self.uncertain += 1

    def _heed(self, result: Result) -> None:
        """What a failure means for everybody else on this channel."""
        if isinstance(result.error, ChannelDown):
            self._pause(DOWN_PAUSE.total_seconds())
            log.error("channel_down", channel=self._channel.name, cause=result.error.cause)
        elif isinstance(result.error, NotSent) and result.error.whole:
            self._pause(result.error.retry_in.total_seconds())

    def _pause(self, seconds: float) -> None:
        until = asyncio.get_running_loop().time() + seconds
        self._paused_until = max(self._paused_until, until)
        ring_at(until, self.bell.ring)

    def _write_all(self, results: list[Result], tx: Transaction) -> None:
        """In the writer's thread. Takes what has come until now: while the act waited for the writer, more did."""
        while self._results:
            results.append(self._results.popleft())
        self.ledger.record(tx, results)
