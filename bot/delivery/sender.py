"""From the outbox to one channel: claims, paces, sends, records. It never decides what is said."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import msgspec
import structlog

from bot.delivery.asking import Chat, Lost, Moved, Noted, Reach
from bot.delivery.bell import Bell
from bot.delivery.channel import Channel, Outgoing, Sent
from bot.delivery.dispatcher import LONGEST_PAUSE, OUTBOX
from bot.delivery.holding import ALONE, Fence
from bot.delivery.pacing import LandingWindow, Share, Spacing, Trickle
from bot.dialogue.screen import Clearing, Screen
from bot.errors import ChannelDown, DeliveryError, Fenced, NotSent, Refused, StoreError, Uncertain
from bot.identity import Identity
from bot.sealing import Sealer
from bot.store import blanking, sending
from bot.store.queues import OutboxState
from bot.store.sending import Sendable
from bot.store.transaction import Transaction
from bot.store.writer import Failpoint, Writer, no_failpoint
from bot.telling import Lane, may_read

log = structlog.get_logger()

IN_FLIGHT = 64
KEPT_IN_FLIGHT = 8
CROWDED, MOMENT = IN_FLIGHT // 2, 0.005  # seconds
DOWN_PAUSE = timedelta(seconds=30)
ARRIVED_SINCE = timedelta(minutes=5)  # what was under way when a talk was to be deleted


_decode_screen = msgspec.msgpack.Decoder(Screen).decode


@dataclass(frozen=True, slots=True)
class Result:
    """How one try ended: arrived, or by which error not."""

    row: Sendable
    sent: Sent | None = None
    group: bool = False
    error: DeliveryError | None = None


class Sender:
    """The one who speaks on one channel."""

    def __init__(
        self,
        channel: Channel,
        *,
        writer: Writer,
        content: Sealer,
        identity: Identity,
        reach: Reach,
        lost: Lost,
        noted: Noted | None = None,
        epoch: int,
        bell: Bell,
        fence: Fence = ALONE,
        moved: Moved = lambda _tx, _address, _chat: False,
        failpoint: Failpoint = no_failpoint,
    ) -> None:
        self._channel = channel
        self._writer = writer
        self._content = content
        self._identity = identity
        self._reach = reach
        self._lost = lost
        self._noted = noted
        self._moved = moved
        self._epoch = epoch
        self.bell = bell
        self._fence = fence
        self._failpoint = failpoint
        abilities = channel.abilities
        self._share = Share(abilities.per_second)
        self._window = LandingWindow(abilities.per_second, self._freed)
        self._trickle = Trickle(max(1, abilities.per_second - self._share.least), self._freed)
        self._spacing = Spacing(abilities.chat_spacing, self._freed)
        self._left_behind = True  # something is due that could not be claimed: whatever is freed lets it go
        self._was_freed = False  # since the last claim was asked for
        self._tasks: set[asyncio.Task[None]] = set()
        self._beginning = asyncio.Lock()  # a stop waits for a claim under way, and then for what it claimed
        self._in_hand: set[int] = set()  # rows that this run is sending
        self._doubts = False  # a claim failed: perhaps it was committed all the same, and nobody sends what it claimed
        self._results: deque[Result] = deque()  # filled by the loop, emptied by the writer
        self._recording: asyncio.Task[None] | None = None
        self._held: dict[int, datetime] = {}  # addresses where a row could not be sent and is tried again later
        self._paused_until = 0.0
        self._soon: asyncio.TimerHandle | None = None  # a ring that waits until there is more room
        self._stopping = False
        self.sent = self.failed = self.uncertain = 0  # of this run, for whoever watches it
        self.send_seconds = 0.0

    async def run(self) -> None:
        """Settles what the last run left behind, then sends until stopped."""
        await self._writer.submit(self._settle_orphans)
        self.bell.ring()
        pause = 1.0
        while not self._stopping:
            await self.bell.wait()
            try:
                while not self._stopping and await self.step() and self._left_behind:
                    pass
                pause = 1.0
            except StoreError as error:
                log.error("store_unavailable", loop="sender", error=str(error))
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
                self.bell.ring()

    async def step(self) -> int:
        """Claims what may go out now and starts sending it; how many that was."""
        room = min(IN_FLIGHT - len(self._tasks), self._window.free)
        if self._window.free <= 0:
            self._share.exhausted()
        if room <= 0 or asyncio.get_running_loop().time() < self._paused_until:
            self._left_behind = True
            return 0
        bulk = min(IN_FLIGHT - KEPT_IN_FLIGHT - len(self._tasks), self._window.free - self._share.left,
                   self._trickle.room)  # fmt: skip
        busy = frozenset(self._spacing.busy)
        async with self._beginning:
            doubts, self._doubts = self._doubts, True
            self._was_freed = False
            claimed, self._left_behind = await self._writer.submit(lambda tx: self._claim(tx, room, bulk, busy, doubts))
            self._doubts = False
            if self._left_behind and self._was_freed:
                self.bell.ring()  # meanwhile, when nobody knew that something waits for it
            self._failpoint("after claim")
            self._begin(claimed)
        return len(claimed)

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
        elif not self._fence.is_sure:  # somebody else may have settled it and may be sending it
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
            return Result(row, error=error)
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
            except StoreError:
                self._results.extendleft(reversed(results))
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
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
        self._recording = None
        self._freed()

    async def _record_singly(self, results: Sequence[Result]) -> set[int]:
        """What cannot be recorded stays as being sent: the next start treats it as uncertain. Returns those rows."""
        lost = set()
        for result in results:
            try:
                await self._recorded(result)
            except Exception as error:
                lost.add(result.row.id)
                log.error("result_lost", outbox=result.row.id, error=type(error).__name__, exc_info=error)
        return lost

    async def _recorded(self, result: Result) -> None:
        """One result; a database that cannot work is waited for."""
        pause = 1.0
        while True:
            try:
                return await self._writer.submit(partial(self._write, results=[result]))
            except Fenced:
                raise
            except StoreError:
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    def _freed(self) -> None:
        """There is room, or an address may be written to again: of interest only if something is left for it.

        With nearly all under way a claim would find room for one or two; a moment later it finds room for many.
        """
        self._was_freed = True
        if not self._left_behind or self._soon is not None:
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
        loop = asyncio.get_running_loop()
        self._paused_until = max(self._paused_until, loop.time() + seconds)
        loop.call_later(seconds, self.bell.ring)

    # --- everything below runs in the writer's thread ---

    def _claim(
        self, tx: Transaction, room: int, bulk: int, busy: frozenset[int], doubts: bool
    ) -> tuple[list[tuple[Sendable, Outgoing | None]], bool]:
        """What may go out now, and whether something is due that may not."""
        if doubts:
            self._fence.check(tx)  # what this run may not record any more is not its own to queue anew
            sending.give_back(tx, self._channel.name, self._epoch, self._in_hand)
        self._held = {address: until for address, until in self._held.items() if until > tx.now}
        rows, left_behind = sending.claim_sendable(
            tx, self._channel.name, self._epoch, room, busy | self._held.keys(), bulk=bulk, check=self._fence.check
        )
        if not rows:
            return [], left_behind
        chats = self._reach(tx, [row.address for row in rows])
        rows = [row for row in rows if self._may_go(tx, row, chats.get(row.address))]
        replaced = [row.replaces for row in rows if row.replaces is not None]
        before = sending.replaced(tx, replaced) if replaced else {}
        return [
            (row, self._with_arrived(tx, row, self._outgoing(row, chats.get(row.address), before))) for row in rows
        ], left_behind

    def _with_arrived(self, tx: Transaction, row: Sendable, outgoing: Outgoing | None) -> Outgoing | None:
        """A talk is deleted with what had not arrived yet when that was asked for."""
        if outgoing is None or outgoing.screen.clears is None:
            return outgoing
        clears = outgoing.screen.clears
        arrived = blanking.message_ids(tx, row.address, row.created_at - ARRIVED_SINCE)
        ids = dict.fromkeys((*clears.messages, *(message for message, _at in arrived)))
        clears = msgspec.structs.replace(clears, messages=tuple(ids))
        return msgspec.structs.replace(outgoing, screen=msgspec.structs.replace(outgoing.screen, clears=clears))

    def _may_go(self, tx: Transaction, row: Sendable, chat: Chat | None) -> bool:
        """Who may read it, looked at once more against whom the chat is registered for at this moment (T5)."""
        if chat is None or may_read(row.audience, chat.audience):
            return True
        sending.settle(tx, row.id, OutboxState.CANCELLED, cause="audience")
        log.error("audience_refused", outbox=row.id)
        self.bell.ring()
        return False

    def _outgoing(
        self, row: Sendable, chat: Chat | None, before: Mapping[int, tuple[str, str | None]]
    ) -> Outgoing | None:
        if chat is None:
            return None
        with contextlib.suppress(Exception):
            _state, edited = before.get(row.replaces or 0, ("", None))
            return Outgoing(
                id=row.id,
                chat=self._identity.open_chat(chat.sealed),
                screen=_decode_screen(self._content.open(row.body, OUTBOX)),
                edits=row.edits or edited,
                answers=row.answers,
                quotes=row.quotes,
                repeat=row.repeats > 0,
                group=chat.audience is not None,
            )
        log.error("outbox_unreadable", outbox=row.id)
        return None

    def _write_all(self, results: list[Result], tx: Transaction) -> None:
        """Takes what has come until now: while the act waited for the writer, more did."""
        while self._results:
            results.append(self._results.popleft())
        self._write(tx, results)

    def _write(self, tx: Transaction, results: Sequence[Result]) -> None:
        self._fence.check(tx)
        arrived = {result.row.id: result.sent.messages for result in results if result.sent is not None}
        if arrived:
            sending.settle_sent(tx, arrived)
        for result in results:
            if result.error is not None:
                self._write_failure(tx, result.row, result.error)
        self._note(tx, [result.row for result in results])

    def _note(self, tx: Transaction, rows: Sequence[Sendable]) -> None:
        notices = [row.id for row in rows if row.lane == Lane.NOTICE]
        if notices and self._noted is not None:
            self._noted(tx, notices)

    def _write_failure(self, tx: Transaction, row: Sendable, error: DeliveryError) -> None:
        if isinstance(error, NotSent):
            self._postpone(tx, row, error.retry_in, error.cause)
        elif isinstance(error, ChannelDown):
            self._postpone(tx, row, DOWN_PAUSE, error.cause)
        elif isinstance(error, Refused) and error.moved_to and self._moved(tx, row.address, error.moved_to):
            self._postpone(tx, row, timedelta(), error.cause)
        elif isinstance(error, Refused):
            sending.settle(tx, row.id, OutboxState.FAILED, cause=error.cause)
            self._lost(tx, row.id, _case_of(row), row.address, error.gone)
        else:
            self._uncertain(tx, row)

    def _postpone(self, tx: Transaction, row: Sendable, span: timedelta, cause: str) -> None:
        until = tx.now + span
        sending.postpone(tx, row, until, cause)
        if cause != sending.CLOSED:
            self._held[row.address] = max(until, self._held.get(row.address, until))

    def _uncertain(self, tx: Transaction, row: Sendable) -> None:
        state = sending.after_uncertain(tx, row, idempotent=self._channel.abilities.idempotent_send)
        log.warning("delivery_uncertain", outbox=row.id, now=state)
        if state is OutboxState.UNCERTAIN:
            self._lost(tx, row.id, _case_of(row), row.address, False)

    def _settle_orphans(self, tx: Transaction) -> None:
        self._fence.check(tx)
        self._held = sending.held_addresses(tx, self._channel.name)
        orphans = [row for channel, row in sending.orphans(tx, self._epoch) if channel == self._channel.name]
        for row in orphans:
            self._uncertain(tx, row)
        self._note(tx, orphans)


def _case_of(row: Sendable) -> int | None:
    """The case that somebody should look after when the row is lost; a notice to many has its own figures."""
    return row.subject if row.lane < Lane.NOTICE else None
