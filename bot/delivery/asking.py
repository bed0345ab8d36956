"""What a sender asks and tells the office, which it does not know: where addresses lead, what became of messages."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from bot.store.transaction import Transaction


class Chat(NamedTuple):
    """Where an address is: its sealed chat id, and who reads there (none: one person alone)."""

    sealed: bytes
    audience: str | None = None


Reach = Callable[[Transaction, Sequence[int]], Mapping[int, Chat]]
"""The chats of addresses."""

Moved = Callable[[Transaction, int, str], bool]
"""Told that an address goes on under another chat id; False where nothing is known of that."""

Lost = Callable[[Transaction, int, int | None, int, bool], None]
"""Told of a message that will not arrive: (outbox row, case, address, the address itself is gone)."""

Noted = Callable[[Transaction, Sequence[int]], None]
"""Told of the rows of notices to many that were tried, in the transaction that records how."""
