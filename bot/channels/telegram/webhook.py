"""The other way in: Telegram brings the updates, and a 200 comes only after they are stored; it never reads them.

The path and the secret are made from the office's own key: nothing new is kept, and both stay over restarts. What comes
while a commit is under way shares the next one. When the office stops, the webhook stays: Telegram keeps the updates.
Source: https://core.telegram.org/bots/api#setwebhook; tdlib/telegram-bot-api, WebhookActor.cpp.
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import structlog
from msgspec import Struct
from yarl import URL

from bot.channels.telegram import decoding, failures
from bot.channels.telegram.endpoint import BODY_WITHIN, Endpoint, Network
from bot.channels.telegram.polling import FIRST_PAUSE, LONGEST_PAUSE, Pause
from bot.channels.telegram.updates import KINDS
from bot.clock import Clock
from bot.delivery.channel import Intake, Raw
from bot.errors import ChannelDown, DeliveryError, NotSent
from bot.logs import redact
from bot.sealing import Lookup

log = structlog.get_logger()

CONNECTIONS = 40  # that Telegram opens at most; updates of one chat wait for each other anyway
ANSWER_WITHIN = 30.0  # seconds for the commit; Telegram itself waits for a minute
CHECK_EVERY = 300.0  # seconds
_LONGEST_CAUSE = 120

Post = Callable[[str, dict[str, Any]], Awaitable[msgspec.Raw]]


class Hook(Struct, frozen=True):
    """Where updates are to come. `url` is what Telegram calls, `host` and `port` are what is listened on.

    `networks`, where given, are the only ones that may call; `proxies` are those whose X-Forwarded-For is believed.
    """

    url: str
    host: str
    port: int
    lookup: Lookup
    networks: tuple[Network, ...] = ()
    proxies: tuple[Network, ...] = ()
    body_within: float = BODY_WITHIN  # seconds


class Info(Struct):
    """As much of WebhookInfo as is looked at."""

    url: str = ""
    pending_update_count: int = 0
    last_error_date: int = 0  # Unix time
    last_error_message: str = ""


_decode_info = msgspec.json.Decoder(Info).decode


class Webhook:
    """One bot's webhook: the endpoint, the commits behind it, and the watch over what Telegram knows of it."""

    def __init__(self, name: str, hook: Hook, post: Post, clock: Clock, pause: Pause) -> None:
        self._name = name
        self._post = post
        self._clock = clock
        self._pause = pause
        self._path, self._secret = _derived(hook.lookup, name, "path"), _derived(hook.lookup, name, "secret")
        self.url = f"{hook.url.rstrip('/')}/{self._path}"
        self.endpoint = Endpoint(
            self._take,
            path=self._path,
            secret=self._secret,
            host=hook.host,
            port=hook.port,
            networks=hook.networks,
            proxies=hook.proxies,
            body_within=hook.body_within,
        )
        self._waiting: list[tuple[Raw, asyncio.Future[bool]]] = []
        self._came = asyncio.Event()
        self._has_ended = False
        self._known_error = 0
        self.heard_at: datetime | None = None  # the last update, or the last time Telegram said that all is well

    async def run(self, intake: Intake) -> None:
        """Until cancelled. What comes before waits; what comes afterwards is refused, and Telegram brings it again."""
        self._has_ended = False
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._keep_storing(intake))
                both.create_task(self._keep_watch())
        finally:
            self._has_ended = True
            waiting, self._waiting = self._waiting, []
            _tell(waiting, stored=False)

    async def _take(self, body: bytes) -> bool:
        if self._has_ended:
            return False
        self.heard_at = self._clock.now()
        raw, _number = decoding.as_raw(body, self.heard_at)
        if raw is None:
            return True
        told: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((raw, told))
        self._came.set()
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                return await told
        except TimeoutError:
            return False

    async def _keep_storing(self, intake: Intake) -> None:
        while True:
            await self._came.wait()
            self._came.clear()
            batch = [(raw, told) for raw, told in self._waiting if not told.done()]
            self._waiting = []
            stored = False
            try:
                if batch:
                    await intake([raw for raw, _told in batch])
                stored = True
            except Exception as error:  # the store's, most likely: Telegram brings them again
                log.error("intake_failed", channel=self._name, error=type(error).__name__)
            finally:
                _tell(batch, stored=stored)

    async def _keep_watch(self) -> None:
        await self._set()
        while True:
            await self._pause(CHECK_EVERY)
            await self._look()

    async def _set(self) -> None:
        """Tells Telegram where to bring updates, for as long as it takes."""
        seconds = FIRST_PAUSE
        wanted = {"url": self.url, "secret_token": self._secret, "allowed_updates": KINDS,
                  "max_connections": CONNECTIONS, "drop_pending_updates": False}  # fmt: skip
        while True:
            try:
                await self._post("setWebhook", wanted)
                log.info("webhook_set", channel=self._name)
                return
            except DeliveryError as error:
                level = log.warning if isinstance(error, NotSent) else log.error
                level("webhook_not_set", channel=self._name, cause=self._clean(error.cause))
                asked = error.retry_in.total_seconds() if isinstance(error, NotSent) else 0.0
            await self._pause(max(seconds, asked))
            seconds = min(seconds * 2, LONGEST_PAUSE)

    async def _look(self) -> None:
        """Whether Telegram still brings updates here, and how it fares."""
        refused, self.endpoint.refused = self.endpoint.refused, 0
        if refused:
            log.warning("webhook_calls_refused", channel=self._name, count=refused)
        try:
            info = await read_info(self._post)
        except DeliveryError as error:
            level = log.error if isinstance(error, ChannelDown) else log.warning
            level("webhook_unchecked", channel=self._name, cause=self._clean(error.cause))
            return
        if place_of(info.url) != place_of(self.url):  # nobody here has done this: was the token stolen?
            log.error("webhook_changed", channel=self._name, host=place_of(info.url)[0])
            await self._set()
            return
        if info.last_error_date == self._known_error:
            self.heard_at = self._clock.now()
            return
        self._known_error = info.last_error_date
        log.warning("webhook_failing", channel=self._name, cause=self._clean(info.last_error_message),
                    at=datetime.fromtimestamp(info.last_error_date, UTC).isoformat(),
                    waiting=info.pending_update_count)  # fmt: skip

    def _clean(self, words: str) -> str:
        """The Bot API's words without anything that opens a door."""
        return redact(words).replace(self._path, "<path>").replace(self._secret, "<secret>")[:_LONGEST_CAUSE]


async def read_info(post: Post) -> Info:
    """What Telegram knows of the webhook; raises DeliveryError."""
    found = await post("getWebhookInfo", {})
    try:
        return _decode_info(found)
    except ValueError:
        raise failures.unreadable(200) from None


def place_of(url: str) -> tuple[str, str]:
    """Host and path: what makes an address ours, however it is spelt. Of somebody else's only the host can be shown."""
    try:
        parts = URL(url)
    except ValueError:
        return "", ""
    return (parts.raw_host or "").lower(), parts.raw_path


def _derived(lookup: Lookup, name: str, use: str) -> str:
    """256 bits in the characters that a path and a secret may have."""
    return base64.urlsafe_b64encode(lookup.digest("webhook", name, use)).rstrip(b"=").decode()


def _tell(batch: list[tuple[Raw, "asyncio.Future[bool]"]], *, stored: bool) -> None:
    for _raw, told in batch:
        if not told.done():
            told.set_result(stored)
