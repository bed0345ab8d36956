"""python-telegram-bot's Bot on our transport, with a lean way for what is called often; it never shows its token.

Importing this module imports `telegram` and costs most of a second: only the channel does, when it is built.
"""

import logging
from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar

import msgspec
from telegram import Bot, BotCommandScope, BotCommandScopeAllPrivateChats, BotCommandScopeChat, InputFile, Message
from telegram.error import TelegramError

from bot.channels.telegram import failures
from bot.channels.telegram.encoding import Call
from bot.channels.telegram.transport import Transport
from bot.errors import DeliveryError, Uncertain

CALLS = 100  # connections; the sender keeps fewer messages under way
POLL = 50  # seconds, the longest the Bot API waits

logging.getLogger("telegram").setLevel(logging.INFO)  # PTB's DEBUG shows every word and, once, the token

_encode = msgspec.json.Encoder().encode

T = TypeVar("T")


class Client(Bot):
    """One token's Bot. Every method raises DeliveryErrors and nothing of PTB's."""

    def __init__(self, token: str, base_url: str, base_file_url: str, *, local_mode: bool) -> None:
        self._calls = Transport(base_url, connections=CALLS)
        self._polls = Transport(base_url, connections=2, read=POLL + 10.0)
        super().__init__(
            token,
            base_url,
            base_file_url,
            request=self._calls,
            get_updates_request=self._polls,
            local_mode=local_mode,
        )

    def __repr__(self) -> str:
        return "Client(…)"

    __str__ = __repr__

    async def post(self, method: str, parameters: dict[str, Any]) -> msgspec.Raw:
        """The lean way: JSON out, the result's bytes back, no object of PTB's built."""
        status, payload = await self._calls.exchange(f"{self.base_url}/{method}", _encode(parameters))
        return failures.read(status, payload)

    async def poll(self, parameters: dict[str, Any]) -> bytes:
        """One getUpdates: the whole payload as it came, for an answer that is not an error."""
        body = _encode({"timeout": POLL, **parameters})
        status, payload = await self._polls.exchange(f"{self.base_url}/getUpdates", body)
        if status != 200:
            failures.read(status, payload)
            raise failures.unreadable(status)
        return payload

    async def upload(self, call: Call, data: bytes) -> str:
        """Sends a file with its caption; gives the message's id. Voice must be OGG with Opus, says the Bot API."""
        assert call.file is not None
        file = InputFile(data, filename=call.file.name or None)
        chat, rest = call.parameters["chat_id"], {k: v for k, v in call.parameters.items() if k != "chat_id"}
        sending: Awaitable[Message]
        if call.method == "sendPhoto":
            sending = self.send_photo(chat, file, api_kwargs=rest)
        elif call.method == "sendVoice":
            sending = self.send_voice(chat, file, api_kwargs=rest)
        else:
            sending = self.send_document(chat, file, api_kwargs=rest)
        return str((await own(sending)).message_id)

    async def who_am_i(self) -> str:
        """The bot's username. Not PTB's `initialize`: its error shows the token."""
        return (await own(self.get_me())).username or ""

    async def locate(self, ref: str) -> str:
        """Where a file can be had: a path on this machine or an address that holds the token."""
        return (await own(self.get_file(ref))).file_path or ""

    async def download(self, url: str, at_most: int) -> bytes:
        return await self._calls.download(url, at_most)

    async def show_commands(
        self, commands: Sequence[tuple[str, str]], chat: str | None, language: str | None
    ) -> None:  # fmt: skip
        scope: BotCommandScope = BotCommandScopeChat(chat) if chat else BotCommandScopeAllPrivateChats()
        if commands or not chat:
            await own(self.set_my_commands(commands, scope=scope, language_code=language))
        else:  # of this chat: what holds for everybody shows again
            await own(self.delete_my_commands(scope=scope, language_code=language))

    async def forget_webhook(self) -> None:
        await own(self.delete_webhook(drop_pending_updates=False))

    async def close_connections(self) -> None:
        await self._calls.shutdown()
        await self._polls.shutdown()


async def own(call: Awaitable[T]) -> T:
    """A call of PTB's with its error as ours: the transport's is in `__cause__`."""
    try:
        return await call
    except TelegramError as error:
        cause = error.__cause__
    raise cause if isinstance(cause, DeliveryError) else Uncertain("unreadable")
