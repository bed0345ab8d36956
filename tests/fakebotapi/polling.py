"""getUpdates, as tdlib/telegram-bot-api does it; it never confirms anything but by the offset of a call.

Source: Client.cpp (process_get_updates_query, do_get_updates, abort_long_poll).
"""

import asyncio

from tests.fakebotapi.accounts import Account
from tests.fakebotapi.query import Query
from tests.fakebotapi.refusals import CONFLICT_HOOK, CONFLICT_POLL, Refusal
from tests.fakebotapi.registry import Raw, method
from tests.fakebotapi.ticker import fulfil
from tests.fakebotapi.updates import MOST, Pending

LONGEST = 50  # seconds
HOT, WARM = 0.5, 3.0  # seconds in which the same offset again gets one update, or has to wait


class Poll:
    """What is remembered of the last call, and the call that waits."""

    def __init__(self) -> None:
        self.offset: int | None = None
        self.started = 0.0
        self.waiting: asyncio.Future[None] | None = None

    def slow_down(self, offset: int, limit: int, timeout: int, now: float) -> tuple[int, int]:
        """Limit and timeout for this call."""
        if offset == self.offset:
            if now < self.started + WARM:
                timeout = max(timeout, int(WARM))
            if now < self.started + HOT:
                limit = 1
        self.offset, self.started = offset, now
        return limit, timeout

    def end(self, refusal: Refusal | None = None) -> None:
        """The waiting call answers now, with a refusal if there is one."""
        waiting, self.waiting = self.waiting, None
        if waiting is None or waiting.done():
            return
        if refusal is None:
            waiting.set_result(None)
        else:
            waiting.set_exception(refusal)


def poll_of(account: Account) -> Poll:
    if account.poll is None:
        account.poll = Poll()
        account.queue.added = account.poll.end
    return account.poll


@method("getUpdates", "offset limit timeout allowed_updates")
async def get_updates(account: Account, query: Query) -> Raw:
    if account.webhook is not None:
        raise Refusal(409, CONFLICT_HOOK)
    queue, poll = account.queue, poll_of(account)
    offset = query.integer("offset")
    limit = query.integer("limit", MOST)
    limit = limit if 0 < limit < MOST else MOST
    timeout = min(max(0, query.integer("timeout")), LONGEST)
    queue.allow(query.structure("allowed_updates"))
    poll.end(Refusal(409, CONFLICT_POLL))
    limit, timeout = poll.slow_down(offset, limit, timeout, account.hub.ticker.now())
    queue.confirm(offset)
    found = queue.take(limit, fresh=offset == 0)
    if not found and timeout:
        await _wait(account, poll, timeout)
        found = queue.take(limit, fresh=False)
    queue.hand_out(found)
    return _together(found)


async def _wait(account: Account, poll: Poll, seconds: int) -> None:
    waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    poll.waiting = waiting
    cancel = account.hub.ticker.call_later(seconds, lambda: fulfil(waiting))
    account.hub.changes.notify()
    try:
        await waiting
    finally:
        cancel()
        if poll.waiting is waiting:
            poll.waiting = None


def _together(updates: list[Pending]) -> Raw:
    return Raw(b"[" + b",".join(update.raw for update in updates) + b"]")
