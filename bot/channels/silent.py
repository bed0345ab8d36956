"""A channel without a network: what is said is handed in, what goes out is handed over. For terminals and tests."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import count

import msgspec

from bot.delivery.channel import Abilities, Intake, Menu, Outgoing, Raw, Sent
from bot.dialogue.event import Event, Said, What, Who
from bot.errors import DeliveryError, Refused, Undecodable

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Event).decode


class SilentChannel:
    """`heard` gets every message that goes out, with the id it was given."""

    def __init__(self, name: str = "silent", heard: Callable[[Outgoing, str], None] | None = None,
                 run: str = "", gone: Callable[[str, Sequence[str]], None] | None = None) -> None:  # fmt: skip
        self.name = name
        self._run = run  # keeps the ids of one run apart from those of the next
        self.abilities = Abilities(idempotent_send=True, per_second=100_000, deletes=True)
        self.files: dict[str, bytes] = {}
        self.menus: list[Menu] = []
        self.fault: DeliveryError | None = None  # raised by the next send
        self.faults: dict[str, DeliveryError] = {}  # by chat: raised by the next send there
        self.deleted: list[tuple[str, str]] = []
        self._heard = heard or (lambda _outgoing, _message: None)
        self._gone = gone or (lambda _chat, _messages: None)
        self._intake: Intake | None = None
        self._ready = asyncio.Event()
        self._keys = count(1)
        self._messages = count(1)

    def decode(self, body: bytes) -> Event:
        try:
            return _decode(body)
        except msgspec.MsgspecError as error:
            raise Undecodable(str(error)) from None

    async def receive(self, intake: Intake) -> None:
        self._intake = intake
        self._ready.set()
        try:
            await asyncio.Event().wait()
        finally:
            self._ready.clear()  # whoever speaks now waits for the next one who listens

    async def say(
        self, chat: str, what: What, at: datetime, *, language: str | None = None, message: str | None = None,
        user: str | None = None,
    ) -> str:  # fmt: skip
        """Hands in what somebody did; returns the id of their message when it is safe. `user`: in a group."""
        await self._ready.wait()
        assert self._intake is not None
        key = f"{self._run}{next(self._keys)}"
        message = message or (f"in{key}" if isinstance(what, Said) else None)
        who = Who(chat, user or chat, language, user is None)
        event = Event(what, at, who, message)
        await self._intake([Raw(key, chat, _encode(event), at, user is not None)])
        return message or key

    async def send(self, outgoing: Outgoing) -> Sent:
        if self.fault is not None:
            fault, self.fault = self.fault, None
            raise fault
        if outgoing.chat in self.faults:
            raise self.faults.pop(outgoing.chat)
        message = outgoing.edits or f"{self._run}out{next(self._messages)}"
        self._heard(outgoing, message)
        return Sent((message,))

    async def delete(self, chat: str, messages: Sequence[str]) -> bool:
        self.deleted += [(chat, message) for message in messages]
        self._gone(chat, messages)
        return True

    async def fetch(self, ref: str, at_most: int) -> bytes:
        data = self.files.get(ref)
        if data is None:
            raise Refused("gone")
        if len(data) > at_most:
            raise Refused("too_large")
        return data

    async def publish(self, menu: Menu) -> None:
        self.menus.append(menu)

    def say_link(self, code: str) -> str:
        return f"/start {code}"

    async def close(self) -> None:
        return None
