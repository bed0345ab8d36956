"""Jobs about a person's own data that leave the transaction: the file of /mydata, files that go, the last traces."""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import msgspec
import structlog
from sqlalchemy import Connection
from sqlalchemy.engine import URL

from bot.clock import Clock
from bot.delivery.channel import Channel, Menu
from bot.delivery.dispatcher import CONVERSATION
from bot.delivery.jobs import Work
from bot.dialogue.conversation import Conversation
from bot.errors import NotSent, Refused
from bot.office.cases.tables import attachment
from bot.office.holdings import Holdings
from bot.office.office import House, Office
from bot.office.people import records as people_records
from bot.sealing import SealBroken
from bot.store import claims, expiring, wiping
from bot.store.engine import file_of, reader_engine
from bot.store.files import Files
from bot.store.traces import drop_timer, replace_talk
from bot.store.transaction import Transaction
from bot.store.writer import Failpoint, Writer
from handlers.residents import own_data

log = structlog.get_logger()

CLEARED_AT_ONCE = 100  # files
SMALL = 32 << 20  # bytes: a database of less is built anew at once, in a fraction of a second
LARGE = 512 << 20  # bytes: building a file of this size anew would hold up everybody for too long by day
BUSY = timedelta(seconds=2)
LATER = timedelta(minutes=1)
NIGHT = time(3, 10)

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Conversation).decode


@runtime_checkable
class Remembering(Protocol):
    """A channel that keeps what a chat has seen."""

    async def forget(self, chat: str) -> None:
        """Deletes the talk here, and where it is shown."""
        ...


class Upkeep:
    """The works of one running office."""

    def __init__(
        self, house: House, *, url: URL, writer: Writer, files: Files, channels: Mapping[str, Channel], clock: Clock,
        failpoint: Failpoint,
    ) -> None:  # fmt: skip
        self._house = house
        self._url = url
        self._writer = writer
        self._files = files
        self._channels = channels
        self._clock = clock
        self._failpoint = failpoint

    @property
    def works(self) -> dict[str, Work]:
        """By the kinds of their jobs."""
        return {
            "mydata": self.write_data,
            "files.clear": self.clear_files,
            "talk.clear": self.clear_talk,
            "talk.trim": self.trim_talks,
            "erasure.wipe": self.wipe,
        }

    async def write_data(self, subject: int, _data: dict[str, Any]) -> dict[str, Any]:
        """All that is held of a person, as a file in the store; read beside the writer, never in it."""
        engine = reader_engine(self._url, readers=1)
        try:
            async with engine.connect() as connection:
                held = await connection.run_sync(self._read, subject)
        finally:
            await engine.dispose()
        if held is None:
            raise Refused("gone")
        text = own_data.written(held, self._unregistered(held), self._house, self._clock.now())
        digest = await asyncio.to_thread(self._files.put, text.encode())
        self._failpoint("data written")
        return {"digest": digest}

    async def clear_files(self, _subject: int, _data: dict[str, Any]) -> dict[str, Any]:
        """Deletes the files whose moment has come and that nothing refers to, and old copies of the database."""
        while due := await self._writer.submit(lambda tx: expiring.due(tx, CLEARED_AT_ONCE)):
            for digest in due:
                await self._clear(digest)
        await asyncio.to_thread(self._clear_copies)
        return {}

    async def clear_talk(self, _subject: int, data: dict[str, Any]) -> dict[str, Any]:
        """The talk as channels keep it, and the menu of this very chat. What a platform keeps is not ours to delete."""
        addresses = data["addresses"]
        chats = await self._writer.submit(lambda tx: self._chats(tx, addresses))
        for channel, chat in chats:
            if isinstance(channel, Remembering):
                await channel.forget(chat)
            try:
                for language in (None, *self._house.words.languages):
                    await channel.publish(Menu((), language, chat))
            except Exception as error:  # a platform that is away does not hold up the erasure
                log.warning("menu_not_taken_back", channel=channel.name, error=type(error).__name__)
        return {"address": addresses[0] if addresses else 0, "farewell": data["farewell"]}

    async def trim_talks(self, _subject: int, data: dict[str, Any]) -> dict[str, Any]:
        """Other people's chats forget the labels of their last buttons, what they typed lately, and what they had not
        sent yet about these cases."""

        def trim(tx: Transaction, lane: int) -> None:
            state = claims.state_of(tx, lane)
            if state is None:
                return
            talk = self._opened(state)
            talk.choices = ()
            talk.memory.pop("lately", None)
            drafts = talk.memory.get("drafts", {})
            for number in [*data.get("numbers", drafts)]:
                drafts.pop(number, None)
            replace_talk(tx, lane, self._house.means.content.seal(_encode(talk), CONVERSATION))

        for lane in data["lanes"]:
            await self._writer.submit(partial(trim, lane=lane))
        return {}

    async def wipe(self, _subject: int, data: dict[str, Any]) -> dict[str, Any]:
        """Clears what deleted rows left in the database's file: by day where it is seen or quick, by night in any case.

        Old copies of rows that were overwritten long before the erasure have no marks; only building anew ends them.
        """
        self._failpoint("wipe")
        if data["timer"]:
            await self._writer.submit(lambda tx: drop_timer(tx, data["timer"]))
        file = file_of(self._url)
        if file is None:
            await asyncio.to_thread(wiping.vacuum_server, self._url)
            return {"again": False}
        await self._cut_log()
        marks = [bytes.fromhex(mark) for mark in data["marks"]]
        size, is_night = file.stat().st_size, bool(data.get("night"))
        left = await asyncio.to_thread(wiping.residue, file, marks) if size < LARGE else 0
        if is_night or size < SMALL or left:
            await self._writer.submit_bare(wiping.rebuild)
            await self._cut_log()
            left = await asyncio.to_thread(wiping.residue, file, marks)
            if left:
                log.error("traces_left", count=left)
        return {"again": not is_night and size >= SMALL}

    async def _cut_log(self) -> None:
        if not await self._writer.submit_bare(wiping.cut_log):
            raise NotSent("busy", BUSY)

    async def _clear(self, digest: str) -> None:
        """The rows first: whoever stores the same bytes from now on stores them anew, or keeps them from going."""

        def is_needed(tx: Transaction) -> bool:
            used = tx.read(attachment.select().where(attachment.c.digest == digest).limit(1)).first() is not None
            if used:
                expiring.gone(tx, digest)
            return used

        if await self._writer.submit(is_needed):
            return
        if await asyncio.to_thread(self._files.remove, digest):
            await self._writer.submit(lambda tx: expiring.gone(tx, digest))
        else:
            ids = self._house.means.ids
            await self._writer.submit(lambda tx: expiring.expire(tx, digest, tx.now + LATER, timer=ids()))

    def _clear_copies(self) -> None:
        """Copies of before a migration, and what a restore moved aside, hold everything of their time."""
        file = file_of(self._url)
        if file is None:
            return
        oldest = (self._clock.now() - timedelta(days=self._house.retention.copies)).timestamp()
        unfinished = file.with_name(f"{file.name}.copying")
        patterns = (f"{file.name}.*.backup", f"{file.name}.*.before-restore*")
        for copy in (*(found for pattern in patterns for found in file.parent.glob(pattern)), unfinished):
            if _made_at(copy) < oldest:
                copy.unlink(missing_ok=True)
                log.info("copy_deleted")

    def _read(self, connection: Connection, person: int) -> Holdings | None:
        return Office(Transaction(connection, self._clock.now()), self._house).holdings(person)

    def _unregistered(self, held: Holdings) -> list[str]:
        """What was said and stands in no case yet."""
        return [words for talk in held.talks for words in _said(self._opened(talk))]

    def _opened(self, talk: bytes) -> Conversation:
        try:
            return _decode(self._house.means.content.open(talk, CONVERSATION))
        except (SealBroken, msgspec.MsgspecError):
            return Conversation()

    def _chats(self, tx: Transaction, addresses: list[int]) -> list[tuple[Channel, str]]:
        sealed = people_records.sealed_chats(tx, addresses)
        found = []
        for address, chat in sealed.items():
            channel = self._channels.get(people_records.channel_of(tx, address) or "")
            if channel is not None:
                found.append((channel, self._house.identity.open_chat(chat)))
        return found


def _said(talk: Conversation) -> Iterator[str]:
    """Words in open forms, and those that wait for something."""
    for form in (talk.filling, *talk.drafts):
        if form is not None and form.answers.get("text"):
            yield str(form.answers["text"])
    for item in talk.memory.get("held", []):
        if item["said"].get("text"):
            yield str(item["said"]["text"])
    for item in talk.memory.get("waiting", []):
        yield str(item["text"])
    if "asked" in talk.memory:
        yield str(talk.memory["asked"])


def _made_at(copy: Path) -> float:
    try:
        return copy.stat().st_mtime
    except OSError:
        return float("inf")


def next_night(after: datetime, house: House) -> datetime:
    """Ten past three by the office's clock, once a day: of a doubled hour the first, a skipped one as much later.

    APScheduler's trigger gives the second of a doubled hour for ever (3.11, one night a year in Athens).
    """
    day = after.astimezone(house.zone).date()
    nights = (datetime.combine(one, NIGHT, house.zone).astimezone(UTC) for one in (day, day + timedelta(days=1)))
    return next(night for night in nights if night > after)
