"""One bot's waiting updates: their ids, how long they are kept and what confirms them; it never waits.

Source: tdlib/telegram-bot-api, Client.cpp (add_update, do_get_updates) and tdlib/td, TQueue.cpp.
"""

import json
import random
from collections import deque
from collections.abc import Callable
from itertools import takewhile
from typing import Any

import msgspec
from msgspec import Struct

from tests.fakebotapi.journal import CONFIRMED, DROPPED, EXPIRED, HANDED, QUEUED, UNWANTED, Journal

KEPT = 86400.0  # seconds after a message's date
PRESS_KEPT = 150.0
LARGEST = 64 * 1024  # bytes of an update's JSON
MOST = 100  # in one answer
REMEMBERED = 10_000  # confirmed updates that can come again
AHEAD = 10  # an offset further beyond the end than this begins at the head again
ON_REQUEST = frozenset({"chat_member", "message_reaction", "message_reaction_count"})


class Pending(Struct):
    id: int
    kind: str
    raw: bytes
    expires: float
    chat: int | None


class UpdateQueue:
    def __init__(self, bot: int, journal: Journal, now: Callable[[], float], chance: random.Random) -> None:
        self.bot = bot
        self.allowed: frozenset[str] | None = None  # None: everything but what has to be asked for
        self.share = 0.0  # of what is confirmed comes again
        self.dropped = 0
        self.expired = 0
        self.added: Callable[[], None] = lambda: None  # whoever waits for updates
        self._journal = journal
        self._now = now
        self._chance = chance
        self._next = chance.randrange(100_000_000, 900_000_000)
        self._pending: dict[int, Pending] = {}
        self._in_order = True
        self._confirmed: deque[Pending] = deque(maxlen=REMEMBERED)

    def __len__(self) -> int:
        self._expire(list(self._pending.values()))
        return len(self._pending)

    @property
    def pending(self) -> list[Pending]:
        len(self)
        return list(self._pending.values())

    def wants(self, kind: str) -> bool:
        return kind not in ON_REQUEST if self.allowed is None else kind in self.allowed

    def allow(self, kinds: Any) -> None:
        """None keeps what was asked for before; an empty list is the usual."""
        if isinstance(kinds, list):
            self.allowed = frozenset(map(str, kinds)) if kinds else None

    def jump_ids(self, to: int | None = None) -> None:
        """As after a week without updates."""
        self._next = to if to is not None else self._chance.randrange(1, 2**31 - 2**24)
        self._in_order = not self._pending

    def add(self, kind: str, body: Any, *, chat: int | None, kept: float = KEPT) -> int | None:
        """Its id, or None where it was not wanted or too large."""
        return self.add_raw(kind, encode({kind: body}), chat=chat, kept=kept)

    def add_raw(self, kind: str, rest: bytes, *, chat: int | None, kept: float = KEPT) -> int | None:
        """`rest` is an object's JSON without an update_id."""
        number, self._next = self._next, self._next + 1
        raw = b'{"update_id":%d%s%s' % (number, b"" if rest == b"{}" else b",", rest[1:])
        if kind and not self.wants(kind):
            self._note(UNWANTED, number, kind, chat)
            return None
        if len(raw) > LARGEST:
            self.dropped += 1
            self._note(DROPPED, number, kind, chat)
            return None
        self._pending[number] = Pending(number, kind, raw, self._now() + kept, chat)
        self._note(QUEUED, number, kind, chat)
        self.added()
        return number

    def confirm(self, offset: int) -> None:
        """Forgets everything below the offset; a negative one keeps only so many."""
        pending = self._pending
        if offset < 0:
            self._confirm(list(pending)[: max(0, len(pending) + offset)])
        elif 0 < offset <= self._next + AHEAD:
            self._put_in_order()
            self._confirm(list(takewhile(lambda number: number < offset, pending)))

    def confirm_one(self, number: int) -> None:
        """A webhook's 2xx."""
        self._confirm([number])

    def take(self, limit: int, *, fresh: bool) -> list[Pending]:
        """The oldest updates, still kept; with `share` set some confirmed ones come first."""
        self._put_in_order()
        found: list[Pending] = []
        late: list[Pending] = []
        now = self._now()
        for update in self._pending.values():
            if len(found) == min(limit, MOST):
                break
            (late if update.expires <= now else found).append(update)
        self._expire(late)
        return self._again(found, fresh=fresh) if self.share and limit > 1 else found

    def hand_out(self, updates: list[Pending]) -> None:
        for update in updates:
            self._note(HANDED, update.id, update.kind, update.chat)

    def discard_all(self) -> None:
        for update in list(self._pending.values()):
            self._note(DROPPED, update.id, update.kind, update.chat)
        self._pending.clear()

    def discard(self, number: int) -> None:
        """A webhook's update whose time is over."""
        update = self._pending.get(number)
        if update is not None:
            self._expire([update], whatever=True)

    def _put_in_order(self) -> None:
        """Ids that jumped back come before those that waited already."""
        if not self._in_order:
            ordered = sorted(self._pending.items())
            self._pending.clear()
            self._pending.update(ordered)
            self._in_order = True

    def _confirm(self, numbers: list[int]) -> None:
        for number in numbers:
            update = self._pending.pop(number, None)
            if update is not None:
                self._confirmed.append(update)
                self._note(CONFIRMED, number, update.kind, update.chat)

    def _again(self, found: list[Pending], *, fresh: bool) -> list[Pending]:
        """A poller that begins gets each confirmed one with this probability, a batch now and then a few."""
        room, chance = MOST - len(found), self._chance
        if fresh:
            again = [update for update in self._confirmed if chance.random() < self.share]
        elif found and self._confirmed and chance.random() < self.share:
            again = [chance.choice(self._confirmed) for _ in range(chance.randint(1, 3))]
        else:
            return found
        known = {update.id: update for update in [*again[:room], *found]}
        return [known[number] for number in sorted(known)]

    def _expire(self, updates: list[Pending], *, whatever: bool = False) -> None:
        now = self._now()
        for update in updates:
            if whatever or update.expires <= now:
                del self._pending[update.id]
                self.expired += 1
                self._note(EXPIRED, update.id, update.kind, update.chat)

    def _note(self, what: str, number: int, kind: str, chat: int | None) -> None:
        self._journal.write(what, self.bot, method=kind, chat=chat, update_id=number)


def encode(value: Any) -> bytes:
    """JSON, also of what only Python's own module writes: huge numbers, halves of surrogate pairs."""
    try:
        return msgspec.json.encode(value)
    except (TypeError, ValueError, OverflowError, UnicodeError, msgspec.MsgspecError):
        return json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode()
