"""Files that pages sent, until the bot has fetched them. Sealed with keys that it gives away and does not keep."""

import asyncio
import os
import re
import secrets
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import structlog

from bot.clock import Clock, SystemClock
from bot.errors import NotSent, Refused
from bot.sealing import SealBroken, Sealer

log = structlog.get_logger()

KEPT_FOR = timedelta(days=9)
CLEARED_EVERY = timedelta(hours=1)
MOST = 2 * 1024**3  # bytes in the whole folder
PART = 512 * 1024  # bytes sealed at a time, so that a large file never lies in memory as a whole
AGAIN_LATER = timedelta(minutes=1)
_REF = re.compile(r"([0-9a-f]{32})([0-9a-f]{64})")  # the file's name and the key to it
_PURPOSE = b"spool"


class Spool:
    """A folder of files with random names. Whoever has a file's ref has its key; the folder alone is worth nothing."""

    def __init__(
        self, folder: Path, *, clock: Clock | None = None, most: int = MOST, has_room: Callable[[], bool] = lambda: True
    ) -> None:
        self._folder = folder
        self._clock = clock or SystemClock()  # files on disk are dated by the machine
        self._most = most
        self._has_room = has_room  # on the disk
        self._held = 0  # bytes, as far as known
        self._cleared_at: datetime | None = None

    def clear(self) -> int:
        """Deletes what is too old and what was never finished; how many files that was."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._cleared_at = self._clock.now()
        before = (self._cleared_at - KEPT_FOR).timestamp()
        gone = 0
        self._held = 0
        for path in self._folder.iterdir():
            found = path.stat()
            if found.st_mtime < before:
                path.unlink(missing_ok=True)
                gone += 1
            else:
                self._held += found.st_size
        return gone

    async def put(self, data: AsyncIterator[bytes], at_most: int) -> tuple[str, int]:
        """Keeps the bytes; returns their ref and size. Raises Refused (too_large, empty, no_room) or NotSent (full)."""
        if not self._has_room():
            raise Refused("no_room")
        due = self._cleared_at is None or self._clock.now() - self._cleared_at > CLEARED_EVERY
        if due or self._held + at_most > self._most:
            await asyncio.to_thread(self.clear)
        if self._held + at_most > self._most:
            raise NotSent("full", AGAIN_LATER)
        name, key = secrets.token_hex(16), secrets.token_bytes(32)
        draft = self._folder / f"{name}.part"
        try:
            with await asyncio.to_thread(_create, draft) as file:
                size = await self._write(file, Sealer(key), data, at_most)
            await asyncio.to_thread(draft.replace, self._folder / name)
        except OSError as error:
            log.error("spool_failed", error=type(error).__name__, number=error.errno)
            raise NotSent("full", AGAIN_LATER) from None
        finally:
            draft.unlink(missing_ok=True)
        self._held += size
        return name + key.hex(), size

    async def get(self, ref: str, at_most: int) -> bytes:
        """The bytes again; raises Refused where they are not here, not whole, or too many."""
        found = _REF.fullmatch(ref)
        if found is None:
            raise Refused("gone")
        name, key = found.groups()
        try:
            return await asyncio.to_thread(self._read, self._folder / name, Sealer(bytes.fromhex(key)), at_most)
        except (FileNotFoundError, SealBroken):
            raise Refused("gone") from None
        except OSError as error:
            raise NotSent(type(error).__name__, AGAIN_LATER) from None

    async def _write(self, file: BinaryIO, sealer: Sealer, data: AsyncIterator[bytes], at_most: int) -> int:
        size = number = 0
        part = b""
        async for piece in data:
            part += piece
            size += len(piece)
            if size > at_most:
                raise Refused("too_large")
            while len(part) > PART:
                await asyncio.to_thread(_append, file, sealer, number, part[:PART])
                part, number = part[PART:], number + 1
        if not size:
            raise Refused("empty")
        await asyncio.to_thread(_append, file, sealer, number, part, True)
        return size

    def _read(self, path: Path, sealer: Sealer, at_most: int) -> bytes:
        parts: list[bytes] = []
        size = 0
        with path.open("rb") as file:
            while length := file.read(4):
                part = sealer.open(file.read(int.from_bytes(length, "big")), _PURPOSE)
                if part[:4] != len(parts).to_bytes(4, "big"):
                    break
                parts.append(part[5:])
                size += len(parts[-1])
                if size > at_most:
                    raise Refused("too_large")
                if part[4]:
                    return b"".join(parts)
        raise Refused("gone")  # cut short or out of order


def _append(file: BinaryIO, sealer: Sealer, number: int, part: bytes, last: bool = False) -> None:
    """A part with its number and whether it is the last, so that nothing can be cut off or put elsewhere."""
    sealed = sealer.seal(number.to_bytes(4, "big") + bytes([last]) + part, _PURPOSE)
    file.write(len(sealed).to_bytes(4, "big") + sealed)
    if last:
        file.flush()
        os.fsync(file.fileno())


def _create(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
