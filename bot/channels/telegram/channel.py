"""One bot's token as a channel, by polling or by webhook; it knows no office and decides nothing about what is said.

A screen may be several messages. Those that arrived are remembered while the rest is owed, so that a later try goes on
where the last one stopped; after a crash in between the whole screen goes out again.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import msgspec
import structlog
from msgspec import Struct

from bot.channels.telegram import decoding, encoding, failures
from bot.channels.telegram.encoding import Call
from bot.channels.telegram.polling import FIRST_PAUSE, LONGEST_PAUSE, Pause, Polling
from bot.channels.telegram.webhook import CHECK_EVERY, Hook, Webhook, read_info
from bot.clock import Clock
from bot.delivery.channel import Abilities, Intake, Menu, Outgoing, Sent
from bot.dialogue.event import Event
from bot.dialogue.screen import Mode
from bot.errors import ChannelDown, ConfigError, DeliveryError, NotSent, Refused

log = structlog.get_logger()

SILENT_POLL = 90.0  # seconds

ReadFile = Callable[[str], Awaitable[bytes]]
"""A file's bytes by its digest; raises Refused where it is not here."""

T = TypeVar("T")

MOST_HALF_SENT = 1000  # screens whose rest is owed, the oldest are forgotten
MOST_PHOTO = 10 * 1024 * 1024  # bytes; larger ones go up as documents, https://core.telegram.org/bots/api#sendphoto
DELETABLE = 48 * 3600  # seconds, https://core.telegram.org/bots/api#deletemessage
MOST_DELETED = 100  # ids of one call, https://core.telegram.org/bots/api#deletemessages
FLOOD_WINDOW = 10.0  # seconds: two chats refused within it mean that the whole bot is too fast


class _Sent(Struct):
    message_id: int


_decode_sent = msgspec.json.Decoder(_Sent).decode


class TelegramChannel:
    """See https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this for the pace."""

    def __init__(
        self,
        token: str,
        *,
        base_url: str = "https://api.telegram.org/bot",
        base_file_url: str = "https://api.telegram.org/file/bot",
        local_mode: bool = False,
        clock: Clock,
        repeat_mark: str,
        read_file: ReadFile,
        hook: Hook | None = None,
        per_second: int = 28,
        pays: bool = False,
        pause: Pause = asyncio.sleep,
    ) -> None:
        from bot.channels.telegram.client import Client  # imports telegram, which only this channel needs

        number, colon, _secret = token.partition(":")
        if not (number.isascii() and number.isdigit() and colon):
            raise ConfigError("telegram.token: not a bot token (digits, a colon, letters)")
        self.name = f"telegram:{number}"
        self.abilities = Abilities(
            per_second=per_second, chat_spacing=1.0, group_spacing=3.0, deletes=True, delete_seconds=DELETABLE
        )
        self._pays = pays  # for more messages a second than are free
        self._client = Client(token, base_url, base_file_url, local_mode=local_mode)
        self._local_mode = local_mode
        self._repeat_mark = repeat_mark
        self._read_file = read_file
        self._pause = pause
        self._username = ""
        self._half_sent: OrderedDict[int, list[str]] = OrderedDict()
        self._flooded: tuple[str, float] = ("", float("-inf"))
        self._polling = Polling(self.name, self._client.poll, self._client.forget_webhook, clock, pause)
        self.webhook = Webhook(self.name, hook, self._client.post, clock, pause) if hook is not None else None

    def __repr__(self) -> str:
        return f"TelegramChannel({self.name})"

    @property
    def heard_at(self) -> datetime | None:
        """When Telegram last brought updates or said that all is well: the age of this is the channel's health."""
        return self._polling.heard_at if self.webhook is None else self.webhook.heard_at

    @property
    def rival_at(self) -> datetime | None:
        """When somebody else with this token last took the updates away."""
        return self._polling.rival_at

    @property
    def silent_at_most(self) -> float:
        """A poll is answered every minute; where Telegram calls, it is asked every five how things stand."""
        return SILENT_POLL if self.webhook is None else 2 * CHECK_EVERY + SILENT_POLL

    async def check(self) -> bool:
        """Whether the Bot API can be reached; raises ConfigError where it does not know the token."""
        try:
            self._username = await self._client.who_am_i()
        except ChannelDown as error:
            raise ConfigError(f"telegram.token: the Bot API refuses it ({error.cause})") from None
        except DeliveryError as error:
            log.warning("channel_unreachable", channel=self.name, cause=error.cause)
        return bool(self._username)

    async def listen(self) -> None:
        """Opens the port for a webhook, where there is to be one; raises ConfigError where it cannot be had."""
        if self.webhook is not None:
            await self.webhook.endpoint.open()

    def decode(self, body: bytes) -> Event:
        return decoding.decode(body, self._username)

    async def receive(self, intake: Intake) -> None:
        await self.introduce()
        if self.webhook is not None:
            await self.webhook.run(intake)
        else:
            await self._leave_webhook()
            await self._polling.run(intake)

    async def send(self, outgoing: Outgoing) -> Sent:
        screen = outgoing.screen
        if outgoing.chat.startswith("-") != outgoing.group:
            raise Refused("audience")  # groups have numbers below zero: what is for one person never goes into one
        if screen.mode is Mode.LEAVE:
            return await self._leave(outgoing)
        if not (str(screen.text).strip() or screen.files or screen.buttons):
            if outgoing.answers:
                await self._answer(outgoing)
            return Sent()
        if not outgoing.answers:
            return await self._show(outgoing)
        # The button stops waiting at once. If only its answer fails, the screen itself is answer enough.
        shown, _ = await asyncio.gather(self._show(outgoing), self._answer(outgoing), return_exceptions=True)
        if isinstance(shown, BaseException):
            raise shown
        return shown

    async def delete(self, chat: str, messages: Sequence[str]) -> bool:
        """By hundreds; where one message of a hundred may not be deleted, one by one."""
        numbers = encoding.numbers(messages)
        whole = True
        for start in range(0, len(numbers), MOST_DELETED):
            some = numbers[start : start + MOST_DELETED]
            if not await self._deleted("deleteMessages", chat, message_ids=some):
                whole &= all([await self._deleted("deleteMessage", chat, message_id=one) for one in some])
        return whole

    async def _deleted(self, method: str, chat: str, **which: object) -> bool:
        try:
            await self._freely(self._client.post(method, {"chat_id": encoding.chat_id(chat), **which}))
        except Refused as error:
            if error.gone or error.moved_to:
                raise
            return "message to delete not found" in error.cause
        return True

    async def fetch(self, ref: str, at_most: int) -> bytes:
        try:
            where = await self._client.locate(ref)
            if where.startswith(("http://", "https://")):
                return await self._client.download(where, at_most)
            return await asyncio.to_thread(self._read_local, where, at_most)
        except Refused as error:
            if "temporarily unavailable" in error.cause:  # the same words stand for a wrong id; a few tries tell
                raise NotSent(error.cause, failures.AGAIN_LATER) from None
            large = "too big" in error.cause or error.cause == "too_large"
            raise Refused("too_large" if large else "gone") from None
        except ChannelDown as error:
            raise NotSent(error.cause, failures.AGAIN_LATER) from None
        except DeliveryError as error:
            raise failures.harmless(error) from None
        except OSError as error:
            raise NotSent(type(error).__name__, failures.AGAIN_LATER) from None

    async def publish(self, menu: Menu) -> None:
        language = menu.language[:2].lower() if menu.language else None  # ISO 639-1, says the Bot API
        await self._freely(self._client.show_commands(menu.commands, menu.chat, language))

    def say_link(self, code: str) -> str:
        """The deep link; before the Bot API has told our name, what to type instead."""
        if not self._username:
            return f"/start {code}".strip()
        return f"https://t.me/{self._username}" + (f"?start={code}" if code else "")

    async def close(self) -> None:
        if self.webhook is not None:
            await self.webhook.endpoint.close()
        await self._client.close_connections()

    def _way_to(self, code: str) -> str:
        """The deep link of a code, as far as the bot's name is known."""
        found = self.say_link(code) if code else ""
        return found if found.startswith("https://") else ""

    async def introduce(self) -> None:
        """Learns the bot's name, for as long as it takes."""
        seconds = FIRST_PAUSE
        while not self._username:
            try:
                self._username = await self._client.who_am_i()
            except DeliveryError as error:
                level = log.error if isinstance(error, ChannelDown) else log.warning
                level("introduction_failed", channel=self.name, cause=error.cause)
                await self._pause(seconds)
                seconds = min(seconds * 2, LONGEST_PAUSE)

    async def _leave_webhook(self) -> None:
        """Takes away a webhook of earlier, which keeps getUpdates from working; its updates wait on."""
        try:
            if (await read_info(self._client.post)).url:
                await self._client.forget_webhook()
                log.warning("webhook_left", channel=self.name)
        except DeliveryError as error:  # if there is one, getUpdates will say so
            log.warning("webhook_unchecked", channel=self.name, cause=error.cause)

    async def _leave(self, outgoing: Outgoing) -> Sent:
        """Out of the group; whoever is out already has left too."""
        call = encoding.leave(outgoing)
        try:
            await self._freely(self._client.post(call.method, call.parameters))
        except Refused as error:
            if error.moved_to:
                raise
            log.info("left_already", channel=self.name, cause=error.cause)
        return Sent()

    async def _answer(self, outgoing: Outgoing) -> None:
        call = encoding.answer(outgoing, self._way_to(outgoing.screen.opens))
        try:
            await self._freely(self._client.post(call.method, call.parameters))
        except Refused as error:  # most often too old; a press that cannot be answered any more has no other answer
            if not failures.is_done(error):
                log.warning("answer_refused", channel=self.name, cause=error.cause)

    async def _show(self, outgoing: Outgoing) -> Sent:
        change = encoding.edit(outgoing) if outgoing.id not in self._half_sent else None
        if change is not None and await self._changed(change):
            return Sent((outgoing.edits or "",))
        arrived = self._half_sent.pop(outgoing.id, [])
        try:
            for call in encoding.calls(outgoing, self._repeat_mark, pays=self._pays)[len(arrived) :]:
                if arrived:
                    await self._pause(self.abilities.chat_spacing)
                arrived.append(await self._message(call))
        except NotSent as error:
            self._remember(outgoing.id, arrived)
            raise self._weighed(error, outgoing.chat) from None
        return Sent(tuple(arrived))

    async def _changed(self, call: Call) -> bool:
        """Whether the message shows the screen now; if not, it goes out as a new one."""
        try:
            await self._freely(self._client.post(call.method, call.parameters))
        except Refused as error:
            if error.gone or error.moved_to:
                raise
            return failures.is_done(error)
        except NotSent as error:
            raise self._weighed(error, str(call.parameters["chat_id"])) from None
        return True

    async def _message(self, call: Call) -> str:
        """Sends one message. What is refused for its looks goes out plainly, once: it is owed all the same."""
        data = await self._file_of(call)
        try:
            return await self._posted(call, data)
        except Refused as error:
            simpler = encoding.plain(call)
            if error.gone or error.moved_to or simpler is None:
                raise
            cause = error.cause
        log.error("message_refused", channel=self.name, method=call.method, cause=cause)
        return await self._posted(simpler, data)

    async def _file_of(self, call: Call) -> bytes:
        """What goes up with the call; a file that is not here is refused before anything is sent."""
        if call.file is None:
            return b""
        try:
            return await self._read_file(call.file.digest)
        except OSError as error:
            raise NotSent(type(error).__name__, failures.AGAIN_LATER) from None

    async def _posted(self, call: Call, data: bytes) -> str:
        if call.file is None:
            result = await self._client.post(call.method, call.parameters)
            try:
                return str(_decode_sent(result).message_id)
            except ValueError:
                raise failures.unreadable(200) from None
        if call.method == "sendPhoto" and len(data) > MOST_PHOTO:
            call = msgspec.structs.replace(call, method="sendDocument")
        return await self._client.upload(call, data)

    async def _freely(self, call: Awaitable[T]) -> T:
        try:
            return await call
        except DeliveryError as error:
            raise failures.harmless(error) from None

    def _remember(self, outgoing: int, arrived: list[str]) -> None:
        if arrived:
            self._half_sent[outgoing] = arrived
        if len(self._half_sent) > MOST_HALF_SENT:
            self._half_sent.popitem(last=False)

    def _weighed(self, error: NotSent, chat: str) -> NotSent:
        """A second chat told to slow down so soon means that all have to."""
        if not error.cause.startswith("429"):
            return error
        now = asyncio.get_running_loop().time()
        before, at = self._flooded
        self._flooded = (chat, now)
        return NotSent(error.cause, error.retry_in, whole=before != chat and now - at <= FLOOD_WINDOW)

    def _read_local(self, where: str, at_most: int) -> bytes:
        """A local Bot API server names files on this machine, https://core.telegram.org/bots/api#using-a-local-bot-api-server."""
        path = Path(where)
        if not (self._local_mode and path.is_file()):
            raise Refused("gone")
        if path.stat().st_size > at_most:
            raise Refused("too_large")
        return path.read_bytes()
