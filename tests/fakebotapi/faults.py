"""Faults on request: what can go wrong between a bot and the Bot API; it never makes one up by itself."""

import asyncio
import random
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from msgspec import Struct

from tests.fakebotapi.refusals import CONFLICT_POLL, Refusal, bad, forbidden, too_many


class Fault(StrEnum):
    REFUSE = "refuse"  # nobody listens, and connections that are open break
    RESET_BEFORE = "reset_before"  # the connection breaks, nothing was done
    RESET_AFTER = "reset_after"  # it was done, no answer
    HANG = "hang"  # no answer until released; `after`: done before
    HALF = "half"  # it was done, half of the answer
    BAD_GATEWAY = "bad_gateway"  # 502 with a page; nothing was done unless `after`
    SERVER_ERROR = "server_error"  # 500; nothing was done unless `after`
    BAD_JSON = "bad_json"  # it was done, the answer cannot be read
    FLOOD = "flood"  # 429 with retry_after
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    MIGRATE = "migrate"  # 400 with migrate_to_chat_id
    LATENCY = "latency"  # so many seconds before it is done


DONE = frozenset({Fault.RESET_AFTER, Fault.HALF, Fault.BAD_JSON})  # happen after the call was carried out


class Armed(Struct):
    """A fault that waits for its request."""

    kind: Fault
    method: str | None = None  # any
    chat: int | None = None  # any
    times: int | None = 1  # None: until cleared
    share: float = 1.0
    after: bool = False
    seconds: float = 1.0  # of LATENCY; retry_after of FLOOD
    migrate_to: int = -1_009_999_999_999
    met: int = 0

    @property
    def comes_after(self) -> bool:
        return self.after or self.kind in DONE

    def refusal(self) -> Refusal | None:
        """What the Bot API itself would say; None for what breaks on the way."""
        match self.kind:
            case Fault.FLOOD:
                return too_many(int(self.seconds))
            case Fault.UNAUTHORIZED:
                return Refusal(401, "Unauthorized")
            case Fault.FORBIDDEN:
                return forbidden("bot was blocked by the user")
            case Fault.NOT_FOUND:
                return Refusal(404, "Not Found")
            case Fault.CONFLICT:
                return Refusal(409, CONFLICT_POLL)
            case Fault.MIGRATE:
                return bad("group chat was upgraded to a supergroup chat", migrate_to_chat_id=self.migrate_to)
            case Fault.SERVER_ERROR:
                return Refusal(500, "Internal Server Error")
        return None


class Faults:
    """Faults are met in the order in which they were added, each request by one."""

    def __init__(self, chance: random.Random, listen: Callable[[bool], None]) -> None:
        self._chance = chance
        self._listen = listen
        self._armed: list[Armed] = []
        self._released = asyncio.Event()
        self.met = 0

    def add(self, kind: Fault | str, **how: Any) -> Armed:
        """method, chat, times (None: until cleared), share, after, seconds, migrate_to; see Armed."""
        armed = Armed(Fault(kind), **how)
        if armed.kind is Fault.REFUSE:
            self._listen(False)
        else:
            self._armed.append(armed)
        return armed

    def clear(self) -> None:
        """No more faults; whatever hangs is released, and the server listens again."""
        self._armed.clear()
        self.release()
        self._listen(True)

    def release(self) -> None:
        """Lets go what hangs."""
        self._released.set()
        self._released = asyncio.Event()

    async def hold(self) -> None:
        await self._released.wait()

    def meet(self, method: str, chat: Any) -> Armed | None:
        """The fault for this request, if there is one."""
        for armed in self._armed:
            if armed.method is not None and armed.method.lower() != method.lower():
                continue
            if armed.chat is not None and str(armed.chat) != str(chat):
                continue
            if armed.share < 1.0 and self._chance.random() >= armed.share:
                continue
            armed.met += 1
            self.met += 1
            if armed.times is not None and armed.met >= armed.times:
                self._armed.remove(armed)
            return armed
        return None
