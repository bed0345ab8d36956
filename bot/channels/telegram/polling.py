"""The way in: asks for updates and acknowledges them only after they are stored; it never reads what they say.

A call with offset n makes the Bot API forget everything below n, so the offset moves after `intake` returned and is
never kept: the first call has none, and what comes twice is dropped by its key.
Source: https://core.telegram.org/bots/api#getupdates; tdlib/telegram-bot-api, Client.cpp, do_get_updates.
"""

import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import msgspec
import structlog
from msgspec import Struct

from bot.channels.telegram import decoding, failures
from bot.channels.telegram.updates import KINDS
from bot.clock import Clock
from bot.delivery.channel import Intake
from bot.errors import ChannelDown, DeliveryError, NotSent, Uncertain

log = structlog.get_logger()

FIRST_PAUSE = 1.0  # seconds
LONGEST_PAUSE = 30.0
STORE_PAUSE = 5.0  # at most, where the database is away: people have been waiting long enough when it is back

Ask = Callable[[dict[str, Any]], Awaitable[bytes]]
Pause = Callable[[float], Awaitable[None]]


class _Batch(Struct):
    ok: bool
    result: list[msgspec.Raw]


class Polling:
    """One poller; a second one for the same token gets 409, and so does this one."""

    def __init__(self, name: str, ask: Ask, free: Callable[[], Awaitable[None]], clock: Clock, pause: Pause) -> None:
        self._name = name
        self._ask = ask
        self._free = free  # takes away a webhook, which keeps getUpdates from working
        self._clock = clock
        self._pause = pause
        self._offset: int | None = None
        self.heard_at: datetime | None = None  # the last good call
        self.rival_at: datetime | None = None  # the last time that somebody else's call ended ours

    async def run(self, intake: Intake) -> None:
        """Until cancelled. Whatever fails is said, waited for and tried again with the same offset."""
        seconds = FIRST_PAUSE
        while True:
            try:
                await self.step(intake)
                seconds = FIRST_PAUSE
                continue
            except DeliveryError as error:
                await self._heed(error)
                asked = error.retry_in.total_seconds() if isinstance(error, NotSent) else 0.0
            except Exception as error:  # the store's, most likely: nothing has been acknowledged
                log.error("intake_failed", channel=self._name, error=type(error).__name__)
                asked, seconds = 0.0, min(seconds, STORE_PAUSE)
            await self._pause(max(seconds, asked))
            seconds = min(seconds * 2, LONGEST_PAUSE)

    async def step(self, intake: Intake) -> int:
        """One call, stored; how many updates it brought."""
        parameters: dict[str, Any] = {"allowed_updates": KINDS}
        if self._offset is not None:
            parameters["offset"] = self._offset
        batch = split(await self._ask(parameters))
        self.heard_at = self._clock.now()
        if not batch:
            return 0
        placed = [decoding.as_raw(update, self.heard_at) for update in batch]
        if raws := [raw for raw, _number in placed if raw is not None]:
            await intake(raws)
        numbers = [number for _raw, number in placed if number is not None]
        if not numbers:
            raise Uncertain("updates without ids")  # they cannot be acknowledged: no hot loop
        self._offset = numbers[-1] + 1
        return len(batch)

    async def _heed(self, error: DeliveryError) -> None:
        if not isinstance(error, ChannelDown):
            log.warning("polling_failed", channel=self._name, cause=error.cause)
            return
        log.error("channel_down", channel=self._name, cause=error.cause)
        if "other getUpdates" in error.cause:
            self.rival_at = self._clock.now()
        if "webhook" in error.cause:
            try:
                await self._free()
                log.error("webhook_removed", channel=self._name)  # nobody here has set it: was the token stolen?
            except DeliveryError as failed:
                log.warning("polling_failed", channel=self._name, cause=failed.cause)


def split(payload: bytes) -> list[bytes]:
    """The updates of an answer, each as its own bytes, so that a bad one harms no other."""
    try:
        batch = msgspec.json.decode(payload, type=_Batch)
    except (ValueError, RecursionError):
        batch = None
    if batch is not None and batch.ok:
        return [bytes(update) for update in batch.result]
    try:
        return _scanned(payload)
    except ValueError:
        failures.read(200, payload)  # a refusal, perhaps
        raise Uncertain("unreadable updates") from None


_OK = re.compile(rb'\s*\{\s*"ok"\s*:\s*true\b')
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[][{}]', re.DOTALL)


def _scanned(payload: bytes) -> list[bytes]:
    """The objects in `result` by their brackets alone, for JSON that no parser takes (half a surrogate, deep nests)."""
    found: list[bytes] = []
    depth, start, name, inside, complete = 0, 0, b"", False, False
    for token in _TOKEN.finditer(payload):
        word = token[0]
        if word in (b"{", b"["):
            depth += 1
            inside = inside or (depth == 2 and word == b"[" and name == b'"result"')
            start = token.start() if depth == 3 else start
        elif word in (b"}", b"]"):
            depth -= 1
            if depth == 2 and inside:
                found.append(payload[start : token.end()])
            complete = complete or (depth == 1 and inside)
            inside = inside and depth > 1
        elif depth == 1:
            name = word
    if depth != 0 or not complete or not _OK.match(payload):
        raise ValueError("half an answer")
    return found
