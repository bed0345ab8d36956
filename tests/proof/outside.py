"""What both proofs need of an office run from outside: its settings, its process, and what stands in its database."""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Engine, create_engine, or_, select
from sqlalchemy.pool import NullPool

from bot.config import Settings
from bot.store.engine import read_url
from bot.store.queues import inbox, job, outbox, timer
from tests.fakebotapi import FakeBotApi
from tests.proof.nursery import Born, nursery
from tests.proof.victim import MARK

AGAIN = "2"  # seconds: a proof does not wait a minute for what may have arrived and is sent once more
PATIENCE = 300.0  # seconds for what another process does: the machine may be busy, and waiting costs nothing
OBSERVER = "observer"  # how a server knows our connections from the office's
T = TypeVar("T")
Process = asyncio.subprocess.Process | Born
alive: list[Process] = []  # a test that fails must not leave them behind
HUIYIN = Path(sys.executable).with_name("huiyin")
PHOTO = bytes.fromhex(  # a picture of one pixel
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63606060000000040001f6173855"
    "0000000049454e44ae426082"
)


def configured(
    folder: Path, api: FakeBotApi, *, webhook: int | None = None, database: str = "", pace: int = 28, more: str = ""
) -> Path:
    """A settings file for an office of its own that talks to the fake server; `webhook` is the port to be called at."""
    way_in = (
        f'mode = "webhook"\nwebhook_port = {webhook}\nwebhook_url = "http://127.0.0.1:{webhook}"' if webhook else ""
    )
    config = folder / "config.toml"
    config.write_text(
        f"""
[database]
url = "{database or f"sqlite:///{folder}/huiyin.db"}"
[security]
key_file = "{folder}/keys"
[files]
folder = "{folder}/files"
[telegram]
token = "{api.token}"
base_url = "{api.base_url}"
base_file_url = "{api.base_file_url}"
messages_a_second = {pace}
{way_in}
[web]
enabled = false
{more}""",
        "utf-8",
    )
    return config


def free_port() -> int:
    """A port that nobody has now: whoever is to be called there must know it before anything listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


async def started(*command: str | Path, log: Path | None = None) -> asyncio.subprocess.Process:
    """A process of ours; what it says goes to `log`, behind what stands there."""
    with (log or Path(os.devnull)).open("ab") as out:
        process = await asyncio.create_subprocess_exec(*map(str, command), stdout=out, stderr=out)
    alive.append(process)
    return process


async def victim(config: Path, *arguments: str) -> Process:
    """The office as a process that may die at a named point: tests/proof/victim.py."""
    if not nursery.is_open:
        return await started(sys.executable, "-m", "tests.proof.victim", config, *arguments)
    born = nursery.bear(str(config), *arguments)
    alive.append(born)
    return born


def died_at(config: Path, point: str) -> bool:
    """Whether the last victim of this office ended at that point, and of nothing else."""
    mark = config.with_suffix(MARK)
    if not mark.exists():
        return False
    died = mark.read_text("utf-8")
    mark.unlink()
    return died == point


async def has_died(process: Process, config: Path, point: str, is_over: Callable[[], bool]) -> bool:
    """Whether the victim ended at that point; what has nothing more to do is stopped, and may still pass it then."""
    await until(lambda: process.returncode is not None or is_over())
    was_asked = process.returncode is None
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    await asyncio.wait_for(process.wait(), PATIENCE)
    died = died_at(config, point)
    assert died or was_asked, "it ended of something else"
    return died


async def stopped(process: Process) -> None:
    process.terminate()
    await asyncio.wait_for(process.wait(), PATIENCE)


async def end_all() -> None:
    """Whatever is still there: nothing outlives its proof."""
    while alive:
        process = alive.pop()
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def until(happened: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Asks again until it is so: the other side is another process."""
    async with asyncio.timeout(patience):
        while not happened():  # noqa: ASYNC110  no event reaches over from a process that is killed
            await asyncio.sleep(0.05)


async def changed(read: Callable[[], T], before: T, patience: float = PATIENCE) -> None:
    """Waits until something else is read than before."""
    await until(lambda: read() != before, patience)


def rows(settings: Settings, statement: Any) -> Sequence[Any]:
    """What the database says, read from outside."""
    with _observer(settings.database.url).connect() as connection:
        return connection.execute(statement).all()


@cache
def _observer(address: str) -> Engine:
    """Made once: a proof asks again and again, and every new one first asks the database what it can do."""
    url = read_url(address)
    if url.get_backend_name() == "postgresql":
        url = url.update_query_dict({"application_name": OBSERVER})
    return create_engine(url, poolclass=NullPool)


def is_settled(settings: Settings) -> bool:
    """Whether nothing is to be done now; what may have arrived is sent again only after a minute."""
    now = datetime.now(UTC)
    waiting = (
        select(inbox.c.id).where(inbox.c.state == "new"),
        select(outbox.c.id).where(outbox.c.state.in_(("queued", "sending")), outbox.c.not_before <= now),
        select(timer.c.id).where(timer.c.state == "armed", timer.c.due_at < now + timedelta(seconds=10)),
        select(job.c.id).where(job.c.state.in_(("waiting", "leased"))),
    )
    return not rows(settings, select(or_(*(statement.exists() for statement in waiting))))[0][0]
