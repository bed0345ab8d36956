"""Moving an office from one database to another: copied while nothing runs, compared, and only then there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from bot.config import Settings
from bot.database import lock_database
from bot.errors import ConfigError
from bot.outside import Outside
from bot.sealing import read_keys
from bot.store import backup, copying, facts, leases
from bot.store.engine import file_of, read_url, watching_engine, writer_engine
from bot.store.transaction import Transaction
from bot.store.upgrade import migrate, revision_of, scripts


def copy_database(settings: Settings, to: str) -> list[str]:
    """Everything in the settings' database into the empty one at `to`; one line for each table."""
    source = read_url(settings.database.url)
    try:
        target = read_url(to)
    except ConfigError as error:
        raise ConfigError(str(error).replace("database.url", "--to")) from None
    if source == target:
        raise ConfigError("--to: this is the database in use")
    fingerprint = read_keys(settings.security.key_file).fingerprint
    try:
        with _at_rest(source) as old, _empty(target) as new:
            _check_source(old, fingerprint)
            lines = _copied(old, new)
    except OperationalError as error:
        raise ConfigError(f"--to: {str(error.orig).splitlines()[0]}") from None
    _plan_anew(target)
    return [
        *lines,
        "Every row was read again from the copy and compared.",
        "Set database.url to the copy. Never start an office on both: each would answer the same people.",
    ]


def _copied(old: Connection, new: Connection) -> list[str]:
    lines = []
    for of in backup.tables():
        count, told = copying.copy(old, new, of)
        if copying.summed(new, of) != (count, told):
            raise ConfigError(f"--to: the copy of {of.name} differs from what was read; nothing was kept of it")
        lines.append(f"{of.name}: {count} rows, {told[:12]}")
    return lines


def _check_source(connection: Connection, fingerprint: str) -> None:
    if revision_of(connection) != scripts().get_current_head():
        raise ConfigError("database.url: start this version once before you move it: the database is older, or empty")
    if facts.get(Transaction(connection, Outside().clock.now()), "keys") not in (None, fingerprint):
        raise ConfigError("security.key_file: these are not the keys that this database was written with")


@contextmanager
def _at_rest(url: URL) -> Iterator[Connection]:
    """A database on which nothing runs, nor can start until the block is over."""
    file = file_of(url)
    if file is not None and not file.exists():
        raise ConfigError(f"database.url: {file} does not exist")
    lock = lock_database(file) if file is not None else None
    engine = watching_engine(url) if file is not None else create_engine(url, poolclass=NullPool)
    try:
        with engine.connect() as connection, connection.begin():
            if file is None and inspect(connection).has_table(leases.lease.name):
                connection.execute(text("LOCK TABLE lease IN SHARE MODE"))  # whoever starts notes itself there
                running = leases.runs(Transaction(connection, Outside().clock.now()))
                if running:
                    raise ConfigError(f"database.url: in use by {running[0].holder}; stop everything first")
            yield connection
    finally:
        engine.dispose()
        if lock is not None:
            os.close(lock)


@contextmanager
def _empty(url: URL) -> Iterator[Connection]:
    """A database with this program's tables and nothing in them; without the block's end nothing stays there."""
    file = file_of(url)
    if file is not None and file.exists() and file.stat().st_size:
        raise ConfigError(f"--to: {file} is there already; name one that is not")
    lock = lock_database(file) if file is not None else None
    if file is not None:
        file.touch(mode=0o600)
    engine = writer_engine(url)
    done = False
    try:
        with engine.connect() as connection:
            if inspect(connection).get_table_names():
                raise ConfigError("--to: there are tables in it; name an empty database")
            connection.rollback()
            with connection.begin():
                migrate(connection)
                yield connection
        done = True
    finally:
        engine.dispose()
        if lock is not None:
            if not done and file is not None:
                for suffix in ("", "-wal", "-shm"):
                    file.with_name(file.name + suffix).unlink(missing_ok=True)
            os.close(lock)


def _plan_anew(url: URL) -> None:
    """A server plans by figures that it takes of its tables, and has none of these yet."""
    if file_of(url) is None:
        engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("ANALYZE"))
        engine.dispose()
