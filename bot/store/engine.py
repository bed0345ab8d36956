"""Opening the database: one set of pragmas, `BEGIN IMMEDIATE`, read-only readers. It runs no statement of ours."""

import contextlib
import sqlite3
from functools import partial
from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool, StaticPool

from bot.errors import ConfigError
from bot.store.prepared import execute

BUSY_MS = 5000
SCRUB_MS = 200
# In the middle of a transaction: nobody else gets at the chats and cases it has locked. Shorter than a lease's term.
STANDSTILL_MS = 6000
READ_ONLY = "-c default_transaction_read_only=on"
DEAD_AFTER = {"connect_timeout": 10, "keepalives_idle": 5, "keepalives_interval": 5, "keepalives_count": 2,
              "tcp_user_timeout": 15_000}  # fmt: skip  # a server that is gone without a word is noticed
PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",  # we acknowledge to the platform: a commit must survive a power loss
    f"busy_timeout={BUSY_MS}",
    "foreign_keys=ON",
    "secure_delete=ON",
    "trusted_schema=OFF",
)


def read_url(text: str) -> URL:
    """`sqlite:///path` or `postgresql://…`; anything else stops the start and names the key."""
    try:
        url = make_url(text)
    except ArgumentError:
        raise ConfigError("database.url: not a database address") from None
    if url.get_backend_name() == "sqlite":
        if not url.database or url.database == ":memory:":
            raise ConfigError("database.url: a file is needed, for example sqlite:///data/huiyin.db")
        if Path(url.database).is_dir():
            raise ConfigError(f"database.url: {url.database} is a folder; a file is needed")
        return url.set(drivername="sqlite")
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    raise ConfigError(f"database.url: {url.get_backend_name()} is not supported; use sqlite:/// or postgresql://")


def file_of(url: URL) -> Path | None:
    """The file of an embedded database; none for a server."""
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def writer_engine(url: URL) -> Engine:
    """The engine of the one writer: one connection, kept for life, explicit transactions."""
    if url.get_backend_name() != "sqlite":
        patience = _of_server(f"-c idle_in_transaction_session_timeout={STANDSTILL_MS}")
        return create_engine(url, pool_size=1, max_overflow=0, connect_args=patience)
    engine = create_engine(
        url,
        poolclass=StaticPool,
        connect_args={"isolation_level": None, "check_same_thread": False, "timeout": BUSY_MS / 1000},
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def reader_engine(url: URL, readers: int = 4) -> AsyncEngine:
    """Connections that only read and never checkpoint; they do not hold up the writer."""
    if url.get_backend_name() != "sqlite":
        read_only = _of_server(READ_ONLY)
        return create_async_engine(_of_reader(url), pool_size=readers, max_overflow=0, connect_args=read_only)
    engine = create_async_engine(url.set(drivername="sqlite+aiosqlite"), pool_size=readers, max_overflow=0)
    event.listen(engine.sync_engine, "connect", _prepare_reader)
    return engine


def watching_engine(url: URL) -> Engine:
    """Reads a database whose office may be running or not, and cannot change it, not even on closing."""
    if url.get_backend_name() != "sqlite":
        read_only = _of_server(READ_ONLY)
        return create_engine(_of_reader(url), poolclass=NullPool, connect_args=read_only)
    address = f"{Path(url.database or '').absolute().as_uri()}?mode=ro"
    connect = partial(sqlite3.connect, address, uri=True, timeout=BUSY_MS / 1000)
    return create_engine("sqlite://", creator=connect, poolclass=NullPool)


def _of_reader(url: URL) -> URL:
    """Whoever asks for a server that takes writes means the one that is no standby; a reader's session takes none."""
    is_meant = url.query.get("target_session_attrs") == "read-write"
    return url.update_query_dict({"target_session_attrs": "primary"}) if is_meant else url


def _of_server(options: str) -> dict[str, Any]:
    return {"options": options, **DEAD_AFTER}


def empty_log(connection: Connection) -> None:
    """Moves the write-ahead log into the file and cuts it to nothing, or leaves it for the next time.

    A reader may be using it; nobody waits for that longer than SCRUB_MS. A server keeps its own log: there is nothing
    to do about that from here.
    """
    if connection.dialect.name != "sqlite":
        return
    driver: Any = connection.connection.dbapi_connection
    driver.execute(f"PRAGMA busy_timeout={SCRUB_MS}")
    with contextlib.suppress(sqlite3.OperationalError):  # what was committed stands, whatever becomes of the log
        driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    driver.execute(f"PRAGMA busy_timeout={BUSY_MS}")


def _prepare(connection: SqliteConnection, _record: Any) -> None:
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _prepare_reader(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    cursor.execute("PRAGMA query_only=ON")
    cursor.execute("PRAGMA wal_autocheckpoint=0")
    cursor.close()


def _begin(connection: Connection) -> None:
    # the driver's own BEGIN comes too late: a released savepoint would survive the rollback
    execute(connection, "BEGIN IMMEDIATE").close()
