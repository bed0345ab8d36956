"""What a messaging platform is to the loops: the interface that every channel implements. It knows no office."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from msgspec import Struct

from bot.dialogue.event import Event
from bot.dialogue.screen import Screen


class Raw(Struct, frozen=True):
    """One update as the platform handed it over. `key` is unique within the channel, `chat` orders it."""

    key: str
    chat: str
    body: bytes
    at: datetime  # when it arrived here, aware UTC
    group: bool = False
    besides: Callable[[Any], None] | None = None  # written in the same transaction, if the update is new
    said_at: datetime | None = None  # when it was said, where the platform tells: what waited for us is no flood


Intake = Callable[[Sequence[Raw]], Awaitable[None]]
"""Stores raw updates in one commit. When it returns they are safe and may be acknowledged; when it raises, not."""


class Outgoing(Struct, frozen=True):
    """One message that is to go out now. `id` is the outbox row's: the key of channels that send idempotently."""

    id: int
    chat: str
    screen: Screen
    edits: str | None = None  # the platform's id of the message to change in place
    answers: str | None = None  # the platform's id of the press to answer
    repeat: bool = False  # an earlier try may have arrived: say so
    group: bool = False  # the chat is a group: what is said there must not be carried on


class Sent(Struct, frozen=True):
    """The platform's ids of what arrived, the one with the buttons last. Empty: it was an answer to a press only."""

    messages: tuple[str, ...] = ()


class Abilities(Struct, frozen=True):
    """What a platform can do, as far as the loops have to know. They ask for these, never for a platform's name."""

    idempotent_send: bool = False  # the same `Outgoing.id` sent twice arrives once
    per_second: int = 1000  # accepted sends in any second, over all chats
    at_once: int = 64  # sends on their way at one time, over all chats
    chat_spacing: float = 0.0  # seconds between two sends to one chat
    group_spacing: float = 0.0  # the same for a group
    deletes: bool = False  # messages of both sides
    delete_seconds: int | None = None  # how old they may be; none: any age
    pushes: bool = True  # a message reaches people who do nothing; else only once they open their page


class Menu(Struct, frozen=True):
    """The commands shown in a platform's own menu: (name, description) pairs, at most seven for residents.

    None for a chat: it has no menu of its own any more.
    """

    commands: tuple[tuple[str, str], ...]
    language: str | None = None  # none: everybody whose language has no menu of its own
    chat: str | None = None  # none: all private chats


class Channel(Protocol):
    """One account on one platform, for example one bot's token."""

    name: str  # part of every key: "telegram:123456", "web:resident"
    abilities: Abilities

    def decode(self, body: bytes) -> Event:
        """The event in a raw update; raises Undecodable. Runs in the writer's thread: plain and quick."""
        ...

    async def receive(self, intake: Intake) -> None:
        """Runs until cancelled: hands updates to `intake` and acknowledges each only after it returned."""
        ...

    async def send(self, outgoing: Outgoing) -> Sent:
        """Sends one message, or leaves the group where its screen says so.

        Raises a DeliveryError that tells by cause whether it can have arrived.
        """
        ...

    async def delete(self, chat: str, messages: Sequence[str]) -> bool:
        """Deletes these messages, or the whole talk where it has no other way; whether all of them are gone.

        What is not there any more counts as gone. Raises NotSent where it is to be tried again.
        """
        ...

    async def fetch(self, ref: str, at_most: int) -> bytes:
        """A file's bytes; raises Refused (gone, too large) or NotSent (try again)."""
        ...

    async def publish(self, menu: Menu) -> None:
        """Shows the commands in the platform's menu, where it has one; does nothing elsewhere."""
        ...

    def say_link(self, code: str) -> str:
        """The address that opens a chat with this bot and hands over `code`."""
        ...

    async def close(self) -> None: ...


@runtime_checkable
class Polled(Protocol):
    """A channel that knows when its platform was last heard, and how long it may be silent, in seconds."""

    @property
    def heard_at(self) -> datetime | None: ...

    @property
    def silent_at_most(self) -> float: ...


@runtime_checkable
class Introduced(Protocol):
    """A channel that must learn its own name before it can read what comes in."""

    async def introduce(self) -> None:
        """Learns it, for as long as it takes."""
        ...


@runtime_checkable
class Attended(Protocol):
    """A channel to which people come; they are let in only where somebody is there to speak to them."""

    def open(self) -> None: ...

    async def shut(self) -> None:
        """Sends everybody away, to come back where it is open."""
        ...


@runtime_checkable
class Contested(Protocol):
    """A channel that knows when somebody else last took what was meant for it."""

    @property
    def rival_at(self) -> datetime | None: ...
