"""Delivery by webhook, as tdlib/telegram-bot-api does it; getUpdates is refused meanwhile.

An update whose delivery fails is tried again at once, then after 2, 4, 8 … 64 seconds or what Retry-After asks, until
it expires. Updates of one chat wait for the one before them, other chats do not. Source: WebhookActor.cpp.
"""

import asyncio
import re
from collections.abc import Awaitable
from typing import Any

import aiohttp
import msgspec

from tests.fakebotapi.accounts import Account
from tests.fakebotapi.chats import Json
from tests.fakebotapi.journal import CALL, FAILED
from tests.fakebotapi.query import Query
from tests.fakebotapi.refusals import CONFLICT_SET, Refusal, bad
from tests.fakebotapi.registry import METHODS, method
from tests.fakebotapi.updates import Pending

CONNECTIONS, MOST_CONNECTIONS = 40, 100
IDLE = 60.0  # seconds for an answer
LONGEST_PAUSE = 64.0
LONGEST_ASKED = 3600.0  # of Retry-After
GONE_FOR = 23 * 3600.0  # seconds of 410 that take the webhook away
_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")


class Webhook:
    """One address, with its tries under way."""

    def __init__(self, account: Account, url: str, secret: str, connections: int) -> None:
        self.account = account
        self.url = url
        self.secret = secret
        self.connections = connections
        self.error = ""
        self.error_at = 0
        self._gone_since: float | None = None
        self._busy: dict[int, asyncio.Task[None]] = {}  # by chat
        self._session: aiohttp.ClientSession | None = None
        account.queue.added = self.deliver

    def deliver(self) -> None:
        """Begins with every update that waits for nothing."""
        for update in self.account.queue.pending:
            lane = update.chat if update.chat is not None else -update.id
            if len(self._busy) >= self.connections:
                return
            if lane not in self._busy:
                task = asyncio.get_running_loop().create_task(self._lane(lane, update))
                self._busy[lane] = task

    async def close(self) -> None:
        tasks = list(self._busy.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _lane(self, lane: int, update: Pending) -> None:
        try:
            await self._insist(update)
        finally:
            self._busy.pop(lane, None)
        if self.account.webhook is self:
            self.deliver()

    async def _insist(self, update: Pending) -> None:
        queue, ticker = self.account.queue, self.account.hub.ticker
        pause = 0.0
        while self.account.webhook is self:
            if update.expires <= ticker.now():
                queue.discard(update.id)
                return
            queue.hand_out([update])
            asked = await self._post(update)
            if asked is None:
                queue.confirm_one(update.id)
                return
            if wait := asked or pause:
                await ticker.sleep(wait)
            pause = min(max(2.0, pause * 2), LONGEST_PAUSE)

    async def _post(self, update: Pending) -> float | None:
        """None for a 2xx, else how many seconds the other side asks for."""
        headers = {"Content-Type": "application/json"}
        if self.secret:
            headers["X-Telegram-Bot-Api-Secret-Token"] = self.secret
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=IDLE))
            self.account.hub.sessions.append(self._session)
        try:
            async with self._session.post(self.url, data=update.raw, headers=headers) as answer:
                body = await answer.read()
                status, asked = answer.status, answer.headers.get("Retry-After", "")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._failed(update, f"Connection failed: {type(error).__name__}")
            return 0.0
        if 200 <= status < 300:
            self._gone_since = None
            await self._carry_out(body)
            return None
        self._count_gone(status)
        self._failed(update, f"Wrong response from the webhook: {status}")
        return min(float(asked), LONGEST_ASKED) if asked.isdigit() else 0.0

    async def _carry_out(self, body: bytes) -> None:
        """A call that stands in the answer itself; nobody hears what came of it."""
        try:
            found = msgspec.json.decode(body) if body else None
        except ValueError:
            return
        if not isinstance(found, dict) or "method" not in found:
            return
        called = METHODS.get(str(found.pop("method")).lower())
        if called is None:
            return
        outcome, description, result = "ok", "", None
        try:
            result = called.run(self.account, Query(called.name, found))
            if isinstance(result, Awaitable):
                result = await result
        except Refusal as refusal:
            outcome, description = str(refusal.code), refusal.description
        number = result.get("message_id") if isinstance(result, dict) else None
        self.account.hub.journal.write(
            CALL, self.account.id, method=called.name, chat=found.get("chat_id"), parameters=found, outcome=outcome,
            description=description, effect=outcome == "ok", message_id=number,
        )  # fmt: skip

    def _failed(self, update: Pending, why: str) -> None:
        self.error, self.error_at = why, self.account.hub.now()
        self.account.hub.journal.write(
            FAILED, self.account.id, method=update.kind, chat=update.chat, update_id=update.id, description=why
        )

    def _count_gone(self, status: int) -> None:
        now = self.account.hub.ticker.now()
        if status != 410:
            self._gone_since = None
        elif self._gone_since is None:
            self._gone_since = now
        elif now - self._gone_since >= GONE_FOR:
            _take_away(self.account)


def _take_away(account: Account) -> None:
    account.webhook = None
    account.queue.added = account.poll.end if account.poll else lambda: None
    account.hub.changes.notify()


@method("setWebhook", "url certificate ip_address max_connections allowed_updates drop_pending_updates secret_token")
def set_webhook(account: Account, query: Query) -> bool:
    url, secret = query.text("url"), query.text("secret_token")
    if not url:
        return _remove(account, query)
    schemes: tuple[str, ...] = ("https://", "http://") if account.hub.plain_webhooks else ("https://",)
    if not url.startswith(schemes):
        raise bad("bad webhook: An HTTPS URL must be provided for webhook")
    if secret and not _SECRET.fullmatch(secret):
        raise bad("secret token contains unallowed characters")
    account.queue.allow(query.structure("allowed_updates"))
    if query.flag("drop_pending_updates"):
        account.queue.discard_all()
    if account.poll is not None:
        account.poll.end(Refusal(409, CONFLICT_SET))
    connections = min(max(1, query.integer("max_connections", CONNECTIONS)), MOST_CONNECTIONS)
    account.webhook = Webhook(account, url, secret, connections)
    account.webhook.deliver()
    return True


@method("deleteWebhook", "drop_pending_updates")
def delete_webhook(account: Account, query: Query) -> bool:
    return _remove(account, query)


def _remove(account: Account, query: Query) -> bool:
    if query.flag("drop_pending_updates"):
        account.queue.discard_all()
    if account.webhook is not None:
        _take_away(account)
    return True


@method("getWebhookInfo")
def get_webhook_info(account: Account, _query: Query) -> Json:
    hook = account.webhook
    found: dict[str, Any] = {
        "url": hook.url if hook else "", "has_custom_certificate": False, "pending_update_count": len(account.queue),
    }  # fmt: skip
    if hook is not None:
        found["max_connections"] = hook.connections
        if hook.error:
            found |= {"last_error_date": hook.error_at, "last_error_message": hook.error}
    if account.queue.allowed is not None:
        found["allowed_updates"] = sorted(account.queue.allowed)
    return found
