"""Reading how things stand: beside a running office's writer, or of a database where none runs. It writes nothing."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import structlog
from sqlalchemy import Connection
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, NoResultFound, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.clock import Clock
from bot.errors import ConfigError
from bot.health.report import Machine, Report, report
from bot.office.cases.tally import Figures, read_figures
from bot.store.engine import file_of, reader_engine, watching_engine
from bot.store.standing import Room, Standing, read_standing, room
from bot.store.transaction import Transaction

log = structlog.get_logger()

PATIENCE = 5.0  # seconds that the database may take to answer


class Reader:
    """One running office's own view of itself. `machine` tells what stands in no row."""

    def __init__(self, url: URL, folders: Sequence[Path], clock: Clock, machine: Callable[[datetime], Machine]) -> None:
        self._url = url
        self._folders = _folders(url, folders)
        self._clock = clock
        self._machine = machine
        self._engine: AsyncEngine | None = None

    async def look(self) -> Report:
        """The report of this moment; a database that cannot be read is a line of it."""
        now = self._clock.now()
        standing, figures = None, None
        try:
            async with asyncio.timeout(PATIENCE):
                standing, figures = await self._read(now)
        except (SQLAlchemyError, OSError) as error:  # a TimeoutError is an OSError
            log.error("standing_unreadable", error=type(error).__name__)
        space = await asyncio.to_thread(_room, self._url, self._folders)
        return report(now, standing, figures, space, self._machine(now))

    async def close(self) -> None:
        if self._engine is not None:
            await self._engine.dispose()
            self._engine = None

    async def _read(self, now: datetime) -> tuple[Standing, Figures]:
        if self._engine is None:
            self._engine = reader_engine(self._url, readers=2)
        async with self._engine.connect() as connection:
            return await connection.run_sync(_both, now)


def look_alone(url: URL, folders: Sequence[Path], clock: Clock) -> Report:
    """The same of a database beside which no office runs; raises ConfigError where there is nothing to read."""
    file = file_of(url)
    if file is not None and not (file.is_file() and file.stat().st_size):
        raise ConfigError("database.url: no office runs, and there is no database yet")
    engine, now = watching_engine(url), clock.now()
    try:
        with engine.connect() as connection:
            standing, figures = _both(connection, now)
    except (DBAPIError, NoResultFound) as error:
        cause = type(error.orig if isinstance(error, DBAPIError) else error).__name__
        raise ConfigError(f"database.url: no office runs, and the database cannot be read ({cause})") from None
    finally:
        engine.dispose()
    return report(now, standing, figures, _room(url, _folders(url, folders)), None)


def _both(connection: Connection, now: datetime) -> tuple[Standing, Figures]:
    tx = Transaction(connection, now)
    return read_standing(tx), read_figures(tx)


def _folders(url: URL, folders: Sequence[Path]) -> list[Path]:
    file = file_of(url)
    return [*([file.absolute().parent] if file is not None else []), *folders]


def _room(url: URL, folders: Sequence[Path]) -> Room:
    with suppress(OSError):
        return room(file_of(url), folders)
    return Room(None, None)
