"""How other commands ask a running office: over a Unix socket beside the database. It starts nothing."""

import asyncio
import contextlib
import hashlib
import os
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from bot.config import Settings
from bot.errors import ConfigError, HuiyinError
from bot.store.engine import file_of, read_url

Answer = Callable[[dict[str, Any]], Awaitable[list[str]]]

_LONGEST_PATH = 100  # a Unix socket's address has 108 bytes


class NobodyThere(HuiyinError):
    """No office runs on this database just now."""


def socket_of(settings: Settings) -> Path:
    """Beside the database file; where the path is too long, or there is no file, in a private folder of its own."""
    url = read_url(settings.database.url)
    file = file_of(url)
    if file is not None and len(os.fsencode(file.resolve())) < _LONGEST_PATH - 5:
        return file.resolve().with_name(file.name + ".sock")
    name = hashlib.sha256(str(file or url).encode()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"huiyin-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / f"{name}.sock"


async def serve(path: Path, answer: Answer) -> asyncio.Server:
    """Listens for this machine's own user."""
    path.unlink(missing_ok=True)  # noqa: ASYNC240  once, before anything waits

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            question = msgspec.json.decode(await reader.readuntil(b"\n"))
            try:
                reply: dict[str, Any] = {"lines": await answer(question)}
            except ConfigError as error:
                reply = {"fault": str(error)}
            writer.write(msgspec.json.encode(reply) + b"\n")
            await writer.drain()
        writer.close()

    old = os.umask(0o177)
    try:
        return await asyncio.start_unix_server(meet, path)
    finally:
        os.umask(old)


async def ask(settings: Settings, question: dict[str, Any]) -> list[str]:
    """The running office's lines; raises NobodyThere where none runs."""
    try:
        reader, writer = await asyncio.open_unix_connection(socket_of(settings))
    except (FileNotFoundError, ConnectionRefusedError):
        raise NobodyThere from None
    writer.write(msgspec.json.encode(question) + b"\n")
    await writer.drain()
    reply = msgspec.json.decode(await reader.readuntil(b"\n"))
    writer.close()
    if "fault" in reply:
        raise ConfigError(reply["fault"])
    return list(reply["lines"])
