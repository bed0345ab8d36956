"""The outbox of one channel as its sender uses it: what may go out now, and what became of it. It sends nothing."""

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
import structlog

from bot.delivery.asking import Chat, Lost, Moved, Noted, Reach
from bot.delivery.channel import Channel, Outgoing, Sent
from bot.delivery.owing import OUTBOX
from bot.delivery.tenure import ALONE, Fence
from bot.dialogue.screen import Screen
from bot.errors import ChannelDown, DeliveryError, NotSent, Refused
from bot.identity import Identity
from bot.sealing import Sealer
from bot.store import blanking, sending
from bot.store.queues import OutboxState
from bot.store.sending import Left, Sendable
from bot.store.transaction import Transaction
from bot.telling import Lane, may_read

log = structlog.get_logger()

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
    chat: str = ""  # where it was tried, if it failed there


class Claimed(NamedTuple):
    """What may go out now, each with what it says (none: that cannot be opened any more), and what stays behind."""

    rows: Sequence[tuple[Sendable, Outgoing | None]]
    left: Left


class Ledger:
    """The books of one sender. All of it runs in the writer's thread."""

    def __init__(
        self,
        channel: Channel,
        *,
        content: Sealer,
        identity: Identity,
        reach: Reach,
        lost: Lost,
        noted: Noted | None = None,
        epoch: int,
        fence: Fence = ALONE,
        moved: Moved = lambda _tx, _address, _chat: False,
    ) -> None:
        self._channel = channel
        self._content = content
        self._identity = identity
        self._reach = reach
        self._lost = lost
        self._noted = noted
        self._moved = moved
        self._epoch = epoch
        self.fence = fence
        self._held: dict[int, datetime] = {}  # addresses where a row could not be sent and is tried again later

    # --- what may go out ---

    def claim(
        self, tx: Transaction, *, room: int, bulk: int, busy: frozenset[int], in_doubt: Iterable[int] | None = None
    ) -> Claimed:
        """Claims what may go out now, of notices to many at most `bulk`.

        `in_doubt`: a claim before it failed and was perhaps committed all the same. These rows are under way; what
        else this run has claimed waits again.
        """
        if in_doubt is not None:
            self.fence.check(tx)  # what this run may not record any more is not its own to queue anew
            sending.give_back(tx, self._channel.name, self._epoch, in_doubt)
        self._held = {address: until for address, until in self._held.items() if until > tx.now}
        claimed, left = sending.claim_sendable(
            tx, self._channel.name, self._epoch, room, busy | self._held.keys(), bulk=bulk, check=self.fence.check
        )
        if not claimed:
            return Claimed((), left)
        chats = self._reach(tx, [row.address for row in claimed])
        rows = [row for row in claimed if self._may_go(tx, row, chats.get(row.address))]
        replaced = [row.replaces for row in rows if row.replaces is not None]
        before = sending.replaced(tx, replaced) if replaced else {}
        goes = [(row, self._with_arrived(tx, row, self._outgoing(row, chats.get(row.address), before))) for row in rows]
        return Claimed(goes, left._replace(again=left.again or len(rows) < len(claimed)))

    def _may_go(self, tx: Transaction, row: Sendable, chat: Chat | None) -> bool:
        """Who may read it, looked at once more against whom the chat is registered for at this moment (T5)."""
        if chat is None or may_read(row.audience, chat.audience):
            return True
        sending.settle(tx, row.id, OutboxState.CANCELLED, cause="audience")
        log.error("audience_refused", outbox=row.id)
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
                repeat=row.repeats > 0,
                group=chat.audience is not None,
            )
        log.error("outbox_unreadable", outbox=row.id)
        return None

    def _with_arrived(self, tx: Transaction, row: Sendable, outgoing: Outgoing | None) -> Outgoing | None:
        """A talk is deleted with what had not arrived yet when that was asked for."""
        if outgoing is None or outgoing.screen.clears is None:
            return outgoing
        clears = outgoing.screen.clears
        arrived = blanking.message_ids(tx, row.address, row.created_at - ARRIVED_SINCE)
        ids = dict.fromkeys((*clears.messages, *(message for message, _at in arrived)))
        clears = msgspec.structs.replace(clears, messages=tuple(ids))
        return msgspec.structs.replace(outgoing, screen=msgspec.structs.replace(outgoing.screen, clears=clears))

    # --- what became of it ---

    def record(self, tx: Transaction, results: Sequence[Result]) -> None:
        self.fence.check(tx)
        arrived = {result.row.id: result.sent.messages for result in results if result.sent is not None}
        if arrived:
            sending.settle_sent(tx, arrived)
        for result in results:
            if result.error is not None:
                self._record_failure(tx, result.row, result.error, result.chat)
        self._note(tx, [result.row for result in results])

    def settle_orphans(self, tx: Transaction) -> None:
        """What an earlier run was sending when it ended may have arrived."""
        self.fence.check(tx)
        self._held = sending.held_addresses(tx, self._channel.name)
        orphans = [row for channel, row in sending.orphans(tx, self._epoch) if channel == self._channel.name]
        for row in orphans:
            self._uncertain(tx, row)
        self._note(tx, orphans)

    def _note(self, tx: Transaction, rows: Sequence[Sendable]) -> None:
        notices = [row.id for row in rows if row.lane == Lane.NOTICE]
        if notices and self._noted is not None:
            self._noted(tx, notices)

    def _record_failure(self, tx: Transaction, row: Sendable, error: DeliveryError, chat: str) -> None:
        if isinstance(error, NotSent):
            self._postpone(tx, row, error.retry_in, error.cause)
        elif isinstance(error, ChannelDown):
            self._postpone(tx, row, DOWN_PAUSE, error.cause)
        elif isinstance(error, Refused) and self._goes_on(tx, row, error.moved_to, chat):
            self._postpone(tx, row, timedelta(), error.cause)
        elif isinstance(error, Refused):
            sending.settle(tx, row.id, OutboxState.FAILED, cause=error.cause)
            self._lost(tx, row.id, _case_of(row), row.address, error.gone)
        else:
            self._uncertain(tx, row)

    def _goes_on(self, tx: Transaction, row: Sendable, to: str | None, chat: str) -> bool:
        """Whether the address leads to another chat now; an update may have said so while it was on its way."""
        return to is not None and to != chat and self._moved(tx, row.address, to)

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


def _case_of(row: Sendable) -> int | None:
    """The case that somebody should look after when the row is lost; a notice to many has its own figures."""
    return row.subject if row.lane < Lane.NOTICE else None
