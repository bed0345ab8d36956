"""How other commands ask a running office: over a Unix socket beside the database. It starts nothing."""

import asyncio
import contextlib
import hashlib
import os
import stat
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import structlog

from bot.config import Settings
from bot.errors import ConfigError, HuiyinError
from bot.store.engine import file_of, read_url

log = structlog.get_logger()

Answer = Callable[[dict[str, Any]], Awaitable[list[str]]]

ANSWERS_WITHIN = 15.0  # seconds
_LONGEST_PATH = 100  # a Unix socket's address has 108 bytes


class NobodyThere(HuiyinError):
    """No office runs on this database just now."""


def socket_of(settings: Settings) -> Path:
    """Beside the database file, for a server in the folder of files; where that path is too long, in a private one."""
    url = read_url(settings.database.url)
    file = file_of(url)
    path = file.resolve().with_name(file.name + ".sock") if file else settings.files.folder.resolve() / "office.sock"
    if len(os.fsencode(path)) < _LONGEST_PATH:
        return path
    return _private_folder() / f"{hashlib.sha256(str(path).encode()).hexdigest()[:16]}.sock"


def _private_folder() -> Path:
    """Where everybody may write; raises ConfigError where somebody else was there first."""
    folder = Path(tempfile.gettempdir()) / f"huiyin-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise ConfigError(f"{folder}: not a private folder of this user")
    return folder


async def serve(path: Path, answer: Answer) -> asyncio.Server | None:
    """Listens for this machine's own user; None where another process of this office does already."""
    with contextlib.suppress(OSError):
        _reader, writer = await asyncio.open_unix_connection(path)
        await _closed(writer)
        return None
    path.unlink(missing_ok=True)  # noqa: ASYNC240  once, before anything waits

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            question = await reader.readuntil(b"\n")
            try:
                reply: dict[str, Any] = {"lines": await answer(msgspec.json.decode(question))}
            except ConfigError as error:
                reply = {"fault": str(error)}
            except Exception as error:  # whoever asked must hear of it, whatever it is
                log.error("question_failed", error=type(error).__name__, exc_info=error)
                reply = {"fault": f"the running office cannot answer ({type(error).__name__}); its log says why"}
            writer.write(msgspec.json.encode(reply) + b"\n")
            await writer.drain()
        await _closed(writer)

    old = os.umask(0o177)
    try:
        return await asyncio.start_unix_server(meet, path)
    finally:
        os.umask(old)


async def ask(settings: Settings, question: dict[str, Any]) -> list[str]:
    """The running office's lines; raises NobodyThere where none runs, ConfigError where it gives no answer."""
    try:
        async with asyncio.timeout(ANSWERS_WITHIN):
            reader, writer = await asyncio.open_unix_connection(socket_of(settings))
            try:
                writer.write(msgspec.json.encode(question) + b"\n")
                await writer.drain()
                reply = msgspec.json.decode(await reader.readuntil(b"\n"), type=dict[str, Any])
            finally:
                await _closed(writer)
    except (FileNotFoundError, ConnectionRefusedError):
        raise NobodyThere from None
    except (OSError, EOFError, msgspec.MsgspecError) as error:  # a TimeoutError is an OSError
        raise ConfigError(f"the running office does not answer ({type(error).__name__})") from None
    if "fault" in reply:
        raise ConfigError(reply["fault"])
    return list(reply["lines"])


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
