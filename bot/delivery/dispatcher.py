"""From inbox and timers through the handlers to the outbox: one transaction a batch. It sends nothing."""

import asyncio
import random
import time
from collections.abc import Awaitable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec
import structlog
from sqlalchemy.exc import SQLAlchemyError

from bot.delivery.bell import Bell
from bot.delivery.channel import Channel
from bot.delivery.owing import Owing, Pen
from bot.delivery.patience import SHORT_PAUSE, pause_after
from bot.delivery.receiver import RAW
from bot.dialogue.conversation import Arrival, Conversation, Reply
from bot.dialogue.event import Due, Event, Finished, Flooded
from bot.errors import Changed, Contended, OfficeError, StoreError
from bot.ids import Ids
from bot.sealing import SealBroken, Sealer
from bot.store import claims, queues
from bot.store.claims import DueTimer, Head, Look
from bot.store.transaction import Transaction
from bot.store.writer import Failpoint, Writer, as_store_error, no_failpoint

log = structlog.get_logger()

AT_MOST = 100
FEWEST = 8
LONGEST_BATCH = 0.020  # seconds of work; a longer one delays the next commit of everybody
TRIES = 3
AT_ONCE_AGAIN = 10  # times that a batch is redone because other writers stood in its way
APOLOGY_EVERY = timedelta(hours=1)
TIMER_RETRY = timedelta(minutes=1)
CONVERSATION = b"conversation"
JOBS = "job"

_encode = msgspec.msgpack.Encoder().encode
_decode_conversation = msgspec.msgpack.Decoder(Conversation).decode
_decode_finished = msgspec.msgpack.Decoder(Finished).decode


class Desk(Pen, Protocol):
    """The handlers, as the dispatcher sees them. All of it runs inside the transaction."""

    def prepare(self, tx: Transaction, arrivals: Sequence[Arrival]) -> None:
        """Reads in bulk what the batch will need."""

    def handle(self, tx: Transaction, arrival: Arrival) -> Reply:
        """Does what the event asks for; raises OfficeError where the office says no."""

    def excuse(self, tx: Transaction, arrival: Arrival, error: OfficeError) -> Reply:
        """The screen of an act that was not possible."""

    def apologise(self, tx: Transaction, arrival: Arrival, reference: str | None) -> Reply:
        """What the person is told when an event had to be set aside; without a reference what is never left out."""

    def recurs(self, kind: str, after: datetime) -> datetime | None:
        """The next moment of a recurring timer; None for one that does not recur."""


class Batch(msgspec.Struct):
    """What one transaction did."""

    handled: int = 0
    more: bool = False
    in_time: bool = True  # nothing was left over for want of time
    beside: bool = False  # another dispatcher has chats locked that may hold more; look again soon
    is_cut: bool = False  # an act that others would wait for was the last
    owed: frozenset[str] = frozenset()  # the channels on which something is owed now
    has_jobs: bool = False


class Dispatcher:
    """The one who turns what waits into effects."""

    def __init__(
        self,
        *,
        writer: Writer,
        channels: Mapping[str, Channel],
        desk: Desk,
        content: Sealer,
        raw: Sealer,
        ids: Ids,
        bell: Bell,
        senders: Mapping[str, Bell],
        jobs: Bell,
        failpoint: Failpoint = no_failpoint,
        singly: bool = False,
        longest: float = LONGEST_BATCH,
        restored_at: datetime | None = None,
    ) -> None:
        self._writer = writer
        self._channels = channels
        self._handled_here = sorted((*channels, JOBS))
        self._desk = desk
        self._content = content
        self._raw = raw
        self._ids = ids
        self._bell = bell
        self._senders = senders
        self._jobs = jobs
        self._failpoint = failpoint
        self._singly = singly  # one event a transaction: after an unclean stop or a failed batch
        self._longest = longest
        self._restored_at = restored_at  # what was due before it may have been said already
        self._limit = AT_MOST  # as many as one batch can handle in its time: no more are read
        self._last: tuple[Arrival, Head | DueTimer] | None = None
        self._owing = Owing(desk, content, ids)
        self._likely: frozenset[str] = frozenset()  # the channels that the last batch owed something on
        self._rung: frozenset[str] = frozenset()  # those whose senders look as soon as the batch at hand is done
        self._stopping = False
        self._looked_again: int | None = None  # the event that found something changed, and is handled once more
        self.contended = 0  # batches taken back because other writers stood in their way
        self.batches = self.handled = self.set_aside = 0  # of this run, for whoever watches it
        self.handling_seconds = 0.0

    async def run(self) -> None:
        """Handles batches until stopped; a database that cannot work is waited for."""
        pause = 1.0
        while not self._stopping:
            await self._bell.wait()
            more = True
            while more and not self._stopping:
                try:
                    batch = await self.step()
                    more, pause = batch.more or batch.beside, 1.0
                    if batch.beside and not batch.handled:
                        await asyncio.sleep(SHORT_PAUSE / 4)  # they are about to be let go
                except StoreError as error:
                    pause = await pause_after(error, pause, loop="dispatcher")

    async def step(self) -> Batch:
        """One batch; a failed one is redone one event at a time."""
        limit = 1 if self._singly else self._limit
        try:
            batch = await self._undisturbed(limit)
        except StoreError:
            raise
        except Exception as error:
            log.error("batch_failed", error=type(error).__name__, exc_info=error)
            if self._singly:
                if self._last is None:
                    raise  # nothing was in hand: not an event's fault, and trying again at once would not help
                await self._blame(*self._last, error)
            self._singly = True
            return Batch(more=True)
        self._singly = False
        self.batches += 1
        self.handled += batch.handled
        more = self._limit + self._limit // 4  # in small steps: what is read and not handled is read again
        is_whole = batch.in_time and not batch.is_cut
        self._limit = min(AT_MOST, more) if is_whole else max(FEWEST, batch.handled + 1)
        for channel in batch.owed - self._rung:
            self._ring(channel)
        if batch.handled:
            self._likely = batch.owed
        if batch.has_jobs:
            self._jobs.ring()
        return batch

    def stop(self) -> None:
        self._stopping = True
        self._bell.ring()

    def _ring(self, channel: str) -> None:
        if channel in self._senders:
            self._senders[channel].ring()

    def _handling(self, limit: int) -> Awaitable[Batch]:
        """A batch in the writer's hands. Who had to send after the last one is rung at once: the claim then stands
        behind the batch and shares its transaction."""
        batch = self._writer.submit(lambda tx: self._batch(tx, limit))
        self._rung = self._likely
        for channel in self._rung:
            self._ring(channel)
        return batch

    async def _undisturbed(self, limit: int) -> Batch:
        """A batch; what other writers stood in the way of is done once more, with nothing counted against it."""
        for _time in range(AT_ONCE_AGAIN):
            try:
                return await self._handling(limit)
            except Contended as error:
                self.contended += 1
                log.info("batch_contended", error=str(error))
                await asyncio.sleep(random.uniform(0, SHORT_PAUSE))
        return await self._handling(limit)

    async def _blame(self, arrival: Arrival, source: Head | DueTimer, fault: Exception) -> None:
        """Counts a try in a transaction of its own; where that takes no words of regret either, without them."""
        try:
            await self._writer.submit(lambda tx: self._count(tx, arrival, source, fault))
        except StoreError:
            raise
        except Exception:  # of a server: else this event would be the first again, and nobody else be heard
            await self._writer.submit(lambda tx: self._count(tx, arrival, source, fault, regrets=False))

    # --- everything below runs in the writer's thread ---

    def _batch(self, tx: Transaction, limit: int) -> Batch:
        began, self._last = time.perf_counter(), None
        worked = _worked(tx)
        self._owing.channels.clear()
        look, here = Look(), self._handled_here
        due = claims.one_a_lane(claims.due_timers(tx, max(1, limit // 2), here, look))  # the rest is for people
        lanes = [timer.lane for timer in due if timer.lane is not None]
        heads = claims.heads(tx, limit - len(due), here, lanes, look) if limit > len(due) else []
        if tx.is_postgresql:  # what a chat is told next stands behind what another machine told it before
            self._ids.follow(claims.newest(tx, queues.outbox, self._ids.soon()))
        waiting: list[tuple[Arrival, Head | DueTimer]] = [
            *((self._of_timer(tx, timer), timer) for timer in due),
            *((arrival, head) for head in heads if (arrival := self._of_head(tx, head)) is not None),
        ]
        self._desk.prepare(tx, [arrival for arrival, _source in waiting])
        batch = Batch(more=bool(due) or look.behind or (look.timers and bool(heads)), beside=bool(look.passed))
        for arrival, source in waiting:
            if isinstance(source, DueTimer) and source.key in tx.touched:
                continue  # armed anew or disarmed by an earlier event of this batch
            sound = self._one(tx, arrival, source)
            if isinstance(source, DueTimer):
                self._failpoint("timer")
            batch.handled += 1
            self._failpoint("mid-batch")
            batch.in_time = _worked(tx) - worked <= self._longest
            batch.is_cut = tx.is_waited_for
            if not sound or not batch.in_time or batch.is_cut:
                batch.more = True
                break  # on a server others wait for rows that an act has locked: it is the last of its batch
        self.handling_seconds += time.perf_counter() - began
        batch.more |= queues.TIMERS in tx.kinds  # perhaps one that is due already
        batch.owed, batch.has_jobs = frozenset(self._owing.channels), queues.JOBS in tx.kinds
        return batch

    def _of_head(self, tx: Transaction, head: Head) -> Arrival | None:
        try:
            body = self._raw.open(head.raw, RAW)
            event = self._event(head.channel, body, tx.now)
            if head.error == claims.FLOOD:
                event = msgspec.structs.replace(event, what=Flooded())
        except Exception as error:  # no statement ran: whatever it was, this update alone is to blame
            log.error("update_set_aside", reference=_reference(head.id), error=type(error).__name__)
            self.set_aside += 1
            claims.count_try(tx, head.id, f"undecodable: {type(error).__name__}", set_aside=True)
            return None
        return Arrival(head.id, head.channel, head.lane, event, self._conversation(head.conversation))

    def _event(self, channel: str, body: bytes, now: datetime) -> Event:
        if channel == JOBS:
            return Event(_decode_finished(body), now)
        return self._channels[channel].decode(body)

    def _of_timer(self, tx: Transaction, timer: DueTimer) -> Arrival:
        late = (tx.now - timer.due_at).total_seconds()
        what = Due(timer.kind, timer.subject, msgspec.json.decode(timer.data), timer.due_at, late)
        state = claims.state_of(tx, timer.lane) if timer.lane is not None else None
        return Arrival(timer.id, "timer", timer.lane, Event(what, timer.due_at), self._conversation(state))

    def _conversation(self, state: bytes | None) -> Conversation:
        if state is None:
            return Conversation()
        try:
            return _decode_conversation(self._content.open(state, CONVERSATION))
        except (SealBroken, msgspec.MsgspecError):
            log.error("conversation_unreadable")  # an unknown state never breaks an update
            return Conversation()

    def _one(self, tx: Transaction, arrival: Arrival, source: Head | DueTimer) -> bool:
        """Handles one event; False where it failed and its try must be committed before the next."""
        self._last = arrival, source
        before = _encode(arrival.conversation)
        tx.holds = self._was_due_before_a_restore(source)
        tx.begin_event()
        try:
            reply = self._desk.handle(tx, arrival)
            self._owe(tx, arrival, reply, before)
            self._settle(tx, source)
            tx.end_event()
        except OfficeError as error:
            if tx.is_postgresql and isinstance(error, Changed) and self._looked_again != source.id:
                self._looked_again = source.id  # between two statements; what it finds now may be another matter
                raise Contended("changed") from error
            tx.undo_event()
            if isinstance(source, DueTimer) or arrival.channel == JOBS:
                return self._count(tx, arrival, source, error)
            self._refuse(tx, arrival, source, error, before)
        except Exception as error:
            store_fault = as_store_error(error)
            if store_fault is not None or (tx.is_postgresql and isinstance(error, SQLAlchemyError)):
                raise
            tx.undo_event()
            return self._count(tx, arrival, source, error)
        return True

    def _was_due_before_a_restore(self, source: Head | DueTimer) -> bool:
        return self._restored_at is not None and isinstance(source, DueTimer) and source.due_at <= self._restored_at

    def _refuse(
        self, tx: Transaction, arrival: Arrival, source: Head | DueTimer, error: OfficeError, before: bytes
    ) -> None:
        """The act was undone; its screen goes out and the event is done."""
        arrival.conversation = _decode_conversation(before)
        tx.begin_event()
        self._owe(tx, arrival, self._desk.excuse(tx, arrival, error), before)
        self._settle(tx, source)
        tx.end_event()

    def _owe(self, tx: Transaction, arrival: Arrival, reply: Reply, before: bytes) -> None:
        """What goes out, and where the conversation stands now."""
        self._owing.all(tx, arrival, reply)
        after = _encode(arrival.conversation)
        if arrival.lane is not None and arrival.channel != JOBS and after != before:
            queues.save_conversation(tx, arrival.lane, self._content.seal(after, CONVERSATION))

    def _count(
        self, tx: Transaction, arrival: Arrival, source: Head | DueTimer, error: Exception, *, regrets: bool = True
    ) -> bool:
        last = source.tries + 1 >= TRIES
        log.error("event_failed", reference=_reference(source.id), kind=_kind(arrival), tries=source.tries + 1,
                  error=type(error).__name__, exc_info=error)  # fmt: skip
        if isinstance(source, DueTimer):
            self._count_timer(tx, source, last)
        else:
            claims.count_try(tx, source.id, type(error).__name__, set_aside=last)
            if last and regrets:
                self._apologise(tx, arrival, _reference(source.id))
        self.set_aside += last
        return False

    def _apologise(self, tx: Transaction, arrival: Arrival, reference: str) -> None:
        """Says that an event was set aside; where even that fails, it stays set aside and nobody waits for it."""
        if arrival.lane is None:
            return
        tx.begin_event()
        try:
            talk = arrival.conversation = self._conversation(claims.state_of(tx, arrival.lane))
            is_due = talk.apologised_at is None or tx.now - talk.apologised_at >= APOLOGY_EVERY
            reply = self._desk.apologise(tx, arrival, reference if is_due else None)
            if is_due:
                talk.apologised_at = tx.now
            if is_due or reply.screens:
                self._owing.screens(tx, arrival, reply)
            queues.save_conversation(tx, arrival.lane, self._content.seal(_encode(talk), CONVERSATION))
            tx.end_event()
        except Exception as error:
            if as_store_error(error) is not None or (tx.is_postgresql and isinstance(error, SQLAlchemyError)):
                raise
            tx.undo_event()
            log.error("apology_failed", reference=reference, error=type(error).__name__, exc_info=error)

    def _count_timer(self, tx: Transaction, timer: DueTimer, last: bool) -> None:
        if last and self._rearmed(tx, timer):
            return
        # from before a restore it stays so: what it owes is held when it is tried again, too
        again = timer.due_at if self._was_due_before_a_restore(timer) else tx.now + TIMER_RETRY
        claims.count_timer_try(tx, timer.id, set_aside=last, next_at=again)

    def _settle(self, tx: Transaction, source: Head | DueTimer) -> None:
        if isinstance(source, Head):
            queues.mark_inbox(tx, source.id)
            return
        queues.fire(tx, source.id, source.due_at)
        self._rearmed(tx, source)

    def _rearmed(self, tx: Transaction, timer: DueTimer) -> bool:
        """Arms the next occurrence of a recurring timer, with all its tries; False for one that comes once."""
        again = self._desk.recurs(timer.kind, tx.now)
        if again is not None:
            queues.arm(tx, id=timer.id, key=timer.key, kind=timer.kind, due_at=again, subject=timer.subject,
                       lane=timer.lane, data=msgspec.json.decode(timer.data))  # fmt: skip
        return again is not None


def _worked(tx: Transaction) -> float:
    """Seconds that this thread has worked. On a server it also waits for the server, and holds locks meanwhile."""
    return time.perf_counter() if tx.is_postgresql else time.thread_time()


def _reference(id_: int) -> str:
    """Of an event, short enough to be read out: what the person is told stands in the log too."""
    return f"{id_:x}"[-8:]


def _kind(arrival: Arrival) -> str:
    what = arrival.event.what
    return what.kind if isinstance(what, Due) else type(what).__name__
