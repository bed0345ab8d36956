"""Bringing a database to this program's schema: after a backup copy, in one transaction, or not at all."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import structlog
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, func, inspect, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import NullPool

from bot.errors import ConfigError
from bot.store.engine import file_of, watching_engine, writer_engine
from bot.store.facts import fact

log = structlog.get_logger()

COPIES = 3  # of one revision: a migration that fails at every start must not fill the disk
_MIGRATING = 0x6875_6979_696E  # "huiyin"
_FOLDER = Path(__file__).parent / "migrations"


def scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    return ScriptDirectory.from_config(config)


def is_new(url: URL) -> bool:
    """Whether nothing is sealed there yet; raises ConfigError for a foreign file and a server that does not answer."""
    file = file_of(url)
    with _told():
        if file is not None:
            if not file.exists() or file.stat().st_size == 0:
                return True
            _look_at(file)
            return False
        with watching_engine(url).connect() as connection:
            if not inspect(connection).has_table(fact.name):
                return True
            return connection.scalar(select(fact.c.value).where(fact.c.name == "keys")) is None


def bring_up(url: URL, now: datetime) -> bool:
    """Makes or migrates the database; True if anything changed. A newer or foreign one is refused in words."""
    file = file_of(url)
    if file is not None:
        _make_room(file)
    engine = writer_engine(url)
    try:
        with _told():
            if file is not None:
                _look_at(file)
            return _upgraded(engine, file, now)
    finally:
        engine.dispose()


@contextmanager
def _told() -> Iterator[None]:
    """A database's own fault as one line that names the key."""
    try:
        yield
    except OperationalError as error:
        raise ConfigError(f"database.url: cannot open the database: {_reason(error)}") from None
    except DatabaseError as error:
        raise ConfigError(f"database.url: this is not a database of this program: {_reason(error)}") from None


def revision_of(connection: Connection) -> str | None:
    """Which schema this database has."""
    return MigrationContext.configure(connection).get_current_revision()


def migrate(connection: Connection, to: str = "head") -> None:
    """All migrations up to a revision, inside the caller's transaction."""
    config, directory = Config(), scripts()
    config.attributes["connection"] = connection

    def steps(revision: str, _context: object) -> list[object]:
        return list(directory._upgrade_revs(to, revision))

    with EnvironmentContext(config, directory, fn=steps):
        directory.run_env()


def _make_room(file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            file.touch(mode=0o600)
    except OSError as error:
        raise ConfigError(f"database.url: cannot make {file}: {error.strerror}") from None


def _look_at(file: Path) -> None:
    """Refuses a foreign file before the writer's connection turns it to write-ahead logging, which changes it."""
    address = f"{file.absolute().as_uri()}?mode=ro"
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(address, uri=True), poolclass=NullPool)
    with engine.connect() as connection:
        _check_ours(connection, MigrationContext.configure(connection).get_current_revision())


def _upgraded(engine: Engine, file: Path | None, now: datetime) -> bool:
    head = scripts().get_current_head()
    with engine.connect() as connection:
        with connection.begin():
            current = MigrationContext.configure(connection).get_current_revision()
            _check_ours(connection, current)
        if current == head:
            return False
        if current is not None and file is not None:
            _copy(file, current, now)
        with connection.begin():
            if file is None and _done_meanwhile(connection, head):
                return False
            migrate(connection)
    log.info("database_migrated", before=current, after=head)
    return True


def _done_meanwhile(connection: Connection, head: str | None) -> bool:
    """Whether another process that starts with this one was faster; only one at a time migrates a server's database."""
    connection.execute(select(func.pg_advisory_xact_lock(_MIGRATING)))
    return MigrationContext.configure(connection).get_current_revision() == head


def _check_ours(connection: Connection, current: str | None) -> None:
    names = set(inspect(connection).get_table_names())
    if current is None and names - {"alembic_version"}:
        raise ConfigError("database.url: this database belongs to another program; nothing was changed in it")
    known = {script.revision for script in scripts().walk_revisions()}
    if current is not None and current not in known:
        if "fact" not in names:
            raise ConfigError("database.url: this database belongs to another program; nothing was changed in it")
        raise ConfigError(
            "database.url: this database was written by a newer version of this program; install that one"
        )


def _copy(file: Path, revision: str, now: datetime) -> None:
    """A backup beside the file, taken by SQLite itself; it gets its name when it is whole."""
    copy = file.with_name(f"{file.name}.{now:%Y%m%d-%H%M%S}.{revision}.backup")
    draft = file.with_name(f"{file.name}.copying")
    for part in (draft, draft.with_name(f"{draft.name}-journal")):
        part.unlink(missing_ok=True)
    source, target = sqlite3.connect(file), sqlite3.connect(draft)
    try:
        source.backup(target)
    finally:
        source.close()
        target.close()
    shutil.copymode(file, draft)
    draft.rename(copy)
    log.info("backup_copied", before=revision)
    older = sorted(file.parent.glob(f"{file.name}.*.{revision}.backup"))[:-COPIES]
    for one in older:
        one.unlink()


def _reason(error: DatabaseError) -> str:
    return str(error.orig).splitlines()[0] if error.orig else type(error).__name__
