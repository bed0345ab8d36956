"""A small office for tests: the real database, dispatcher and sender, people who speak, and a clock that is moved."""

import asyncio
import random
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Row, Select, Table, func, select

from bot.app import App
from bot.channels.silent import SilentChannel
from bot.config import Settings
from bot.database import open_store
from bot.delivery.channel import Outgoing
from bot.dialogue.event import (
    Blocked,
    FileKind,
    FileRef,
    Linked,
    Membership,
    Pressed,
    Said,
    Spot,
    Standing,
    Unblocked,
    What,
)
from bot.dialogue.screen import Mode
from bot.house import read_house
from bot.office.people.model import Role
from bot.outside import Outside
from bot.running import TELEGRAM_ITSELF
from bot.words import Message
from tests.sample import furnish, standing_still

SHANGHAI = ZoneInfo("Asia/Shanghai")
TUESDAY = datetime(2026, 9, 15, 9, 12, tzinfo=SHANGHAI)


class FakeClock:
    """Stands still until moved."""

    def __init__(self, moment: datetime = TUESDAY) -> None:
        self._moment = moment.astimezone(UTC)

    def now(self) -> datetime:
        return self._moment

    def set(self, moment: datetime) -> None:
        self._moment = moment.astimezone(UTC)

    def advance(self, **span: float) -> None:
        self._moment += timedelta(**span)


class Heard:
    """One message as its reader has it now: edits change it."""

    def __init__(self, message: str, outgoing: Outgoing, at: datetime) -> None:
        self.message = message
        self.at = at  # when it came
        self.screen = outgoing.screen
        self.outgoing = outgoing
        self.is_gone = False  # deleted on both sides

    @property
    def text(self) -> str:
        return str(self.screen.text)

    @property
    def labels(self) -> list[str]:
        return [button.label for button in self.screen.buttons]


class Someone:
    """A person at their chat."""

    def __init__(self, town: "Town", chat: str, language: str | None) -> None:
        self._town = town
        self.chat = chat
        self.language = language
        self.heard: list[Heard] = []
        self.said: list[str] = []  # ids of what stands in the chat from their side
        self._standing: dict[str, Heard] = {}  # by the message's id

    @property
    def left(self) -> list[str]:
        """What can still be read in the chat, of the bot's messages."""
        return [heard.text for heard in self.heard if not heard.is_gone]

    @property
    def last(self) -> Heard:
        return self.heard[-1]

    def news(self) -> list[str]:
        """What came since the last call."""
        fresh, self._read = self.heard[getattr(self, "_read", 0) :], len(self.heard)
        return [heard.text for heard in fresh]

    async def does(self, what: What, message: str | None = None) -> str:
        sent = await self._town.channel.say(
            self.chat, what, self._town.clock.now(), language=self.language, message=message
        )
        if isinstance(what, Said):
            self.said.append(sent)
        await self._town.settle()
        return sent

    async def says(self, text: str, *, reply_to: Heard | None = None) -> str:
        return await self.does(Said(text, reply_to=reply_to.message if reply_to else None))

    async def sends(self, kind: FileKind, data: bytes = b"", *, text: str = "", seconds: int | None = None) -> str:
        ref = f"file{len(self._town.channel.files)}"
        self._town.channel.files[ref] = data
        return await self.does(Said(text, (FileRef(kind, ref, len(data), seconds=seconds),)))

    async def sends_place(self, latitude: float, longitude: float) -> str:
        return await self.does(Said(spot=Spot(latitude, longitude)))

    async def edits(self, message: str, text: str) -> str:
        return await self.does(Said(text, edited=True), message)

    async def opens(self, code: str = "") -> str:
        return await self.does(Linked(code))

    async def blocks(self) -> None:
        await self.does(Blocked())

    async def unblocks(self) -> None:
        await self.does(Unblocked())

    async def presses(self, label: str, *, on: Heard | None = None) -> None:
        """Presses a button by its label, on the newest message that has it."""
        for heard in reversed([on] if on else self.heard):
            for button in heard.screen.buttons:
                if button.label == label and button.action:
                    await self.does(Pressed(button.action, f"press{len(self.heard)}"), heard.message)
                    return
        raise AssertionError(f"no button {label}: {[heard.labels for heard in self.heard[-3:]]}")

    async def forges(self, action: str) -> None:
        await self.does(Pressed(action, "forged"), self.heard[-1].message if self.heard else "none")

    def number(self) -> str:
        """The case number in the newest message that has one."""
        for heard in reversed(self.heard):
            if found := re.search(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}\b", heard.text):
                return found[0]
        raise AssertionError("no number was told")

    def _hear(self, outgoing: Outgoing, message: str) -> None:
        if not outgoing.screen.text and not outgoing.screen.files:
            return
        if (known := self._standing.get(message)) is not None:
            known.screen = outgoing.screen
            return
        heard = self._standing[message] = Heard(message, outgoing, self._town.clock.now())
        self.heard.append(heard)


class Room(Someone):
    """A group with the bot in it; what its people do there."""

    def __init__(self, town: "Town", chat: str) -> None:
        super().__init__(town, chat, None)
        self.alerts: list[tuple[str, str]] = []  # what whoever pressed saw, and where it leads
        self.is_left = False

    async def happens(self, what: What, by: Someone, message: str | None = None) -> None:
        at = self._town.clock.now()
        await self._town.channel.say(self.chat, what, at, language=by.language, message=message, user=by.chat)
        await self._town.settle()

    async def takes_in(self, by: Someone) -> None:
        """Somebody takes the bot into the group."""
        self.is_left = False
        await self.happens(Membership(Standing.MEMBER), by)

    async def says_here(self, by: Someone, text: str) -> None:
        await self.happens(Said(text), by)

    async def pressed_by(self, by: Someone, label: str, *, on: Heard | None = None) -> str:
        """What whoever presses sees of it alone."""
        before = len(self.alerts)
        for heard in reversed([on] if on else self.heard):
            for button in heard.screen.buttons:
                if button.label == label:
                    await self.happens(Pressed(button.action, f"in-group-{before}"), by, heard.message)
                    return self.alerts[-1][0] if len(self.alerts) > before else ""
        raise AssertionError(f"no button {label}: {[heard.labels for heard in self.heard[-3:]]}")

    def _hear(self, outgoing: Outgoing, message: str) -> None:
        if outgoing.screen.mode is Mode.LEAVE:
            self.is_left = True
        elif outgoing.answers and not outgoing.screen.text:
            self.alerts.append((outgoing.screen.toast, outgoing.screen.opens))
        super()._hear(outgoing, message)


class Town:
    """One office with its people."""

    def __init__(
        self, folder: Path, url: str, *, failpoint: Callable[[str], None] | None = None, seed: int = 7
    ) -> None:
        self.folder = folder
        self.url = url
        self.clock = FakeClock()
        self.people: dict[str, Someone] = {}
        self.channel = SilentChannel(heard=self._hear, gone=self._gone)
        self._random = random.Random(seed)
        self._failpoint = failpoint or (lambda _name: None)
        self._listening: asyncio.Task[None] | None = None

    @cached_property
    def settings(self) -> Settings:
        return Settings.model_validate(
            {
                "database": {"url": self.url},
                "security": {"key_file": self.folder / "keys"},
                "files": {"folder": self.folder / "files"},
                "web": None,
            }
        )

    async def open(self) -> "Town":
        furnish(self.settings)
        outside = Outside(self.clock, self._random, self._failpoint)
        with standing_still():
            self.store = open_store(self.settings, outside)
        platforms = {self.channel.name: Message("Nothing leaves this machine.")}
        companies = {self.channel.name: TELEGRAM_ITSELF}
        self.house = read_house(self.settings, self.store.keys, outside, platforms, companies)
        self.app = App(self.store, self.house, [self.channel], outside)
        await self.app.open()
        receiver = self.app.receivers[self.channel.name]
        self._listening = asyncio.create_task(self.channel.receive(receiver.take_in))
        return self

    async def close(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        await self.app.senders[self.channel.name].stop()
        await self.app.close_run()
        self.store.close()

    def crash(self) -> None:
        """The process ends without a word; what was committed stays."""
        if self._listening is not None:
            self._listening.cancel()
        self.store.close()

    async def settle(self) -> None:
        """Everything that can happen now has happened."""
        sender = self.app.senders[self.channel.name]
        while True:
            batch = await self.app.dispatcher.step()
            jobs = await self.app.worker.step()
            sent = await sender.step()
            await sender.idle()
            if not (batch.handled or batch.more or jobs or sent):
                return

    async def passes(self, **span: float) -> None:
        self.clock.advance(**span)
        await self.settle()

    async def becomes(self, moment: datetime) -> None:
        """The clock is set forward, stopping at every timer on the way."""
        from bot.store import claims

        target = moment.astimezone(UTC)
        while True:
            due = await self.app.store.writer.submit(claims.next_due)
            if due is None or due > target:
                break
            self.clock.set(max(due, self.clock.now()))
            await self.settle()
        self.clock.set(target)
        await self.settle()

    async def rows(self, statement: Select[Any]) -> Sequence[Row[Any]]:
        """What stands in the database."""
        return await self.store.writer.submit(lambda tx: tx.flushed().execute(statement).all())

    async def counted(self, table: Table, *where: ColumnElement[bool]) -> int:
        return int((await self.rows(select(func.count()).select_from(table).where(*where)))[0][0])

    def resident(self, chat: str = "wang", language: str | None = "zh_CN") -> Someone:
        return self.people.setdefault(chat, Someone(self, chat, language))

    def room(self, chat: str = "room") -> Room:
        found = self.people.setdefault(chat, Room(self, chat))
        assert isinstance(found, Room)
        return found

    async def staff_group(self, by: Someone, department: str = "幸福里社区", chat: str = "room") -> Room:
        """A group that an administrator has registered."""
        room = self.room(chat)
        await room.takes_in(by)
        await room.says_here(by, "/register")
        await room.pressed_by(by, department)
        return room

    async def official(
        self, chat: str = "zhou", role: Role = Role.HANDLER, department: str | None = None, language: str = "zh_CN"
    ) -> Someone:
        """Somebody who has joined by an invitation."""
        code = await self.app.store.writer.submit(lambda tx: self.app.office(tx).people.invite(role, department))
        person = self.resident(chat, language)
        await person.opens(code)
        return person

    def _hear(self, outgoing: Outgoing, message: str) -> None:
        self.people[outgoing.chat]._hear(outgoing, message)

    def _gone(self, chat: str, messages: Sequence[str]) -> None:
        person = self.people[chat]
        person.said = [message for message in person.said if message not in messages]
        for heard in person.heard:
            heard.is_gone = heard.is_gone or heard.message in messages
