"""Everything that happened, in order: every request and every update's fate; it never changes an entry.

The sequence tells what came first even where the clock stands still.
"""

import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from msgspec import Struct, field

from tests.fakebotapi.changes import Changes

SENDING = frozenset(
    {"sendMessage", "sendPhoto", "sendDocument", "sendVoice", "sendAudio", "sendVideo", "sendMediaGroup",
     "sendLocation", "sendContact", "copyMessage", "forwardMessage"}
)  # fmt: skip
CALL, QUEUED, HANDED, CONFIRMED = "call", "queued", "handed", "confirmed"
EXPIRED, DROPPED, UNWANTED, FAILED = "expired", "dropped", "unwanted", "failed"


class Entry(Struct, omit_defaults=True):
    """A request (`what` = call) or an update's step: queued, handed, confirmed, expired, dropped, unwanted, failed."""

    seq: int
    at: float
    what: str
    bot: int
    method: str = ""  # of an update its kind
    chat: int | str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    outcome: str = "ok"  # ok, an error code, or fault:NAME
    description: str = ""
    effect: bool = False  # whether the call was carried out, answered or not
    message_id: int | None = None
    update_id: int | None = None

    @property
    def ok(self) -> bool:
        return self.outcome == "ok"


Predicate = Callable[[Entry], bool]


class Journal:
    """In memory, and in a file where one is named: a line of JSON an entry, flushed each."""

    def __init__(self, now: Callable[[], float], changes: Changes, path: Path | str | None = None) -> None:
        self.entries: list[Entry] = []
        self._now = now
        self._changes = changes
        self._calls: dict[str, list[Entry]] = defaultdict(list)
        self._sent: dict[int | str | None, list[Entry]] = defaultdict(list)
        self._confirmed: dict[int, Entry] = {}
        self._file: BinaryIO | None = open(path, "ab", buffering=0) if path else None  # noqa: SIM115 - closed with us

    def write(self, what: str, bot: int, **fields: Any) -> Entry:
        entry = Entry(len(self.entries) + 1, self._now(), what, bot, **fields)
        self.entries.append(entry)
        if what == CALL:
            self._calls[entry.method].append(entry)
            if entry.effect and entry.method in SENDING:
                self._sent[_number(entry.chat)].append(entry)
        elif what == CONFIRMED and entry.update_id is not None:
            self._confirmed.setdefault(entry.update_id, entry)
        if self._file is not None:
            self._file.write(_line(entry))
        self._changes.notify()
        return entry

    def calls(self, method: str, chat: int | None = None) -> list[Entry]:
        """Every request of this method, whatever came of it."""
        return [entry for entry in self._calls[method] if chat is None or _number(entry.chat) == chat]

    def sent(self, chat: int | None = None) -> list[Entry]:
        """The messages that arrived, also those whose answer was lost."""
        if chat is not None:
            return list(self._sent[chat])
        return [entry for entry in self.entries if entry.what == CALL and entry.effect and entry.method in SENDING]

    def fates(self, update_id: int) -> list[str]:
        """What happened to an update, in order."""
        return [entry.what for entry in self.entries if entry.update_id == update_id]

    def confirmed(self, update_id: int) -> Entry | None:
        return self._confirmed.get(update_id)

    def confirmed_at(self, update_id: int) -> float | None:
        """When the call with a higher offset, or the webhook's 2xx, arrived."""
        entry = self._confirmed.get(update_id)
        return entry.at if entry else None

    async def wait(
        self, predicate: Predicate, timeout: float = 60.0, after: int = 0  # noqa: ASYNC109 - the vocabulary
    ) -> Entry:  # fmt: skip
        """The first entry with a higher sequence than `after` that fits, now or later; raises TimeoutError."""
        seen = after

        def look() -> Entry | None:
            nonlocal seen
            while seen < len(self.entries):
                entry = self.entries[seen]
                seen += 1
                if predicate(entry):
                    return entry
            return None

        return await self._changes.until(look, timeout)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _number(chat: int | str | None) -> int | str | None:
    try:
        return int(chat) if isinstance(chat, str) else chat
    except ValueError:
        return chat


def _line(entry: Entry) -> bytes:
    try:
        return msgspec.json.encode(entry) + b"\n"
    except (ValueError, UnicodeError, msgspec.MsgspecError):
        return json.dumps(msgspec.structs.asdict(entry)).encode() + b"\n"
