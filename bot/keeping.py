"""Backups of an office and their way back: what the command line does."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import Engine, create_engine, inspect, select
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool

from bot.config import Settings
from bot.database import lock_database
from bot.errors import ConfigError, Refused
from bot.office.cases.chain import broken_links, links_of, links_of_rows
from bot.office.cases.tables import attachment
from bot.office.notices import records as notice_records
from bot.outside import Outside
from bot.sealing import Keys, read_keys
from bot.store import backup, facts, held
from bot.store.engine import file_of, read_url, watching_engine, writer_engine
from bot.store.files import Files
from bot.store.transaction import Transaction
from bot.store.upgrade import bring_up, migrate, revision_of, scripts


def back_up(settings: Settings, target: Path, keep: int | None) -> list[str]:
    """A backup into `target`, beside a running office or without one."""
    url = read_url(settings.database.url)
    keys, files = read_keys(settings.security.key_file), settings.files.folder
    if target.resolve().is_relative_to(files.resolve()):
        raise ConfigError(f"{target}: a backup must not lie among the files it copies")
    engine = _reading(url)
    with backup.snapshot(engine) as connection:
        revision = revision_of(connection) or ""
        if revision != scripts().get_current_head():
            raise ConfigError("database.url: start this version once before you back it up: the database is older")
        made = backup.make(connection, files, target, now=Outside().clock.now(), version=version("huiyin"),
                           revision=revision, keys=keys.fingerprint)  # fmt: skip
    engine.dispose()
    rows = sum(backup.read_manifest(made).rows.values())
    gone = backup.forget_older(target, keep) if keep is not None else []
    return [
        f"backup: {made} ({rows} rows)",
        *(f"deleted: {path}" for path in gone),
        f"The keys are not in it. Keep a copy of {settings.security.key_file} elsewhere: nothing opens without it.",
    ]


def verify(settings: Settings, of: Path | None) -> list[str]:
    """The faults of a backup, or of the database in use; none: it is sound."""
    keys = read_keys(settings.security.key_file)
    if of is None:
        return _faults_here(read_url(settings.database.url), settings.files.folder, keys)
    manifest = backup.read_manifest(of)
    found = list(backup.faults(of, manifest))
    if manifest.keys != keys.fingerprint:
        return [*found, f"keys: {settings.security.key_file} is not the key file of this backup"]
    if found:
        return found  # what is not whole need not be read
    rows = of / "tables"
    broken = broken_links(links_of_rows(*backup.read_rows(rows / "case_event.rows")))
    columns, attached = backup.read_rows(rows / "attachment.rows")
    at = columns.index("digest")
    return [*broken, *_unreadable((row[at] for row in attached), Files(of / "files", keys.content))]


def restore(settings: Settings, of: Path, *, replace: bool, outside: Outside | None = None) -> list[str]:
    """The backup as the office's database and files. What was owed then is held until somebody releases it.

    So is what came due since and is said by a timer: it may have gone out before. Notices under way are stopped.
    """
    manifest, now = backup.read_manifest(of), (outside or Outside()).clock.now()
    if faults := list(backup.faults(of, manifest)):
        raise ConfigError(f"{of}: {faults[0]} ({len(faults)} faults; huiyin verify lists them)")
    keys = read_keys(settings.security.key_file)
    if keys.fingerprint != manifest.keys:
        raise ConfigError(f"security.key_file: {settings.security.key_file} is not the key file of this backup")
    if manifest.revision not in {script.revision for script in scripts().walk_revisions()}:
        raise ConfigError(f"{of}: written by a newer version of this program; install that one")
    url = read_url(settings.database.url)
    with _free(url, replace=replace, now=now) as aside:
        count, stopped = _fill(url, of, manifest, now)
    backup.restore_files(of, settings.files.folder)
    return [
        f"restored: {of}, made {manifest.made_at:%Y-%m-%d %H:%M} UTC by version {manifest.version}",
        *([f"the database that was here: {aside}"] if aside else []),
        f"{count} messages were owed when it was made; they may have been sent since, so they are held.",
        "So are reminders that have come due since.",
        *_of_notices(stopped),
        "huiyin outbox lists them; huiyin outbox --release ID, or --release all, sends them once more.",
        "What came in between the backup and now is not in it. Ask people to write again where it matters.",
    ]


def _of_notices(stopped: int) -> list[str]:
    if not stopped:
        return []
    which = "1 notice was" if stopped == 1 else f"{stopped} notices were"
    return [f"{which} under way and may have gone on since: stopped. /notices shows how far each had come."]


def _faults_here(url: URL, folder: Path, keys: Keys) -> list[str]:
    with _reading(url).connect() as connection:
        tx = Transaction(connection, Outside().clock.now())
        if facts.get(tx, "keys") not in (None, keys.fingerprint):
            return ["keys: these are not the keys that this database was written with"]
        found = []
        if connection.dialect.name == "sqlite":
            check = connection.exec_driver_sql("PRAGMA integrity_check").scalars()
            found = [f"database: {line}" for line in check if line != "ok"]
        digests = list(connection.execute(select(attachment.c.digest)).scalars())
        return [*found, *broken_links(links_of(connection)), *_unreadable(iter(digests), Files(folder, keys.content))]


def _unreadable(digests: Iterator[str | None], files: Files) -> Iterator[str]:
    for digest in {found for found in digests if found}:
        try:
            if hashlib.sha256(files.get(digest)).hexdigest() != digest:
                yield f"file {digest[:12]}: changed"
        except Refused:
            yield f"file {digest[:12]}: missing"
        except Exception:  # whatever opening damaged bytes ends in
            yield f"file {digest[:12]}: does not open"


def _reading(url: URL) -> Engine:
    if file_of(url) is not None and not Path(url.database or "").exists():
        raise ConfigError(f"database.url: {url.database} does not exist")
    if file_of(url) is not None:
        return watching_engine(url)
    return create_engine(url, poolclass=NullPool)


@contextmanager
def _free(url: URL, *, replace: bool, now: datetime) -> Iterator[Path | None]:
    """An empty place for a database that nobody uses; what stood there is moved aside."""
    file = file_of(url)
    if file is None:
        engine = create_engine(url, poolclass=NullPool)
        if inspect(engine).get_table_names():
            raise ConfigError("database.url: restore into an empty database of the server, then name that one here")
        yield None
        return
    lock, aside, is_cleared = lock_database(file), None, False
    try:
        if file.exists() and file.stat().st_size:
            if not replace:
                raise ConfigError(f"database.url: {file} is there already; --replace moves it aside")
            aside = file.with_name(f"{file.name}.{now:%Y%m%d-%H%M%S}.before-restore")
            for suffix in ("", "-wal", "-shm"):
                if (part := file.with_name(file.name + suffix)).exists():
                    shutil.move(part, aside.with_name(aside.name + suffix))
        is_cleared = True
        yield aside
    except BaseException:
        for suffix in ("", "-wal", "-shm"):  # nothing half restored stays, and what was here comes back
            if is_cleared:
                file.with_name(file.name + suffix).unlink(missing_ok=True)
            if aside is not None and (part := aside.with_name(aside.name + suffix)).exists():
                shutil.move(part, file.with_name(file.name + suffix))
        raise
    finally:
        os.close(lock)


def _fill(url: URL, of: Path, manifest: backup.Manifest, now: datetime) -> tuple[int, int]:
    """The rows at their own revision, in one transaction; then what this version adds.

    Returns how many messages are held now, and how many notices were stopped.
    """
    file = file_of(url)
    if file is not None:
        file.touch(mode=0o600)
    engine = writer_engine(url)
    try:
        with engine.connect() as connection, connection.begin():
            migrate(connection, manifest.revision)
            backup.load(connection, of, manifest)
    finally:
        engine.dispose()
    bring_up(url, now)
    engine = writer_engine(url)
    try:
        with engine.connect() as connection, connection.begin():
            tx = Transaction(connection, now)
            count, stopped = held.hold_all(tx), notice_records.stop_running(tx)
            facts.put(tx, facts.RESTORED_AT, now.isoformat())
            tx.flushed()
            return count, stopped
    finally:
        engine.dispose()
