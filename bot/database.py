"""The database of an office with its keys and files: locked, brought up to date, opened. It knows no office."""

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import URL

from bot.config import Settings
from bot.errors import ConfigError
from bot.outside import Outside
from bot.sealing import Keys, KeysExist, make_keys, read_keys
from bot.store.engine import file_of, read_url, writer_engine
from bot.store.files import Files
from bot.store.space import Space
from bot.store.upgrade import bring_up, is_new
from bot.store.writer import Writer


@dataclass
class Store:
    """An open database with its keys; held by one process."""

    url: URL
    keys: Keys
    writer: Writer
    files: Files
    lock: int | None
    space: Space

    @property
    def is_shared(self) -> bool:
        """Whether other processes may work on this database beside this one."""
        return self.lock is None

    def close(self) -> None:
        self.writer.close()
        if self.lock is not None:
            os.close(self.lock)


def open_store(settings: Settings, outside: Outside) -> Store:
    """Locks, migrates and opens the database; every fault is one line that names the setting."""
    url = read_url(settings.database.url)
    file = file_of(url)
    lock = lock_database(file) if file is not None else None
    try:
        keys = _keys(settings, url)
        settings.files.make_folder()
        bring_up(url, outside.clock.now())
        writer = Writer(writer_engine(url), outside.clock, outside.failpoint)
    except BaseException:
        if lock is not None:
            os.close(lock)
        raise
    space = Space(tuple(_homes(file, settings)), settings.limits.free_for_files, settings.limits.free_for_messages)
    return Store(url, keys, writer, Files(settings.files.folder, keys.content, outside.clock), lock, space)


def _homes(file: Path | None, settings: Settings) -> list[Path]:
    """The folders that grow; a database server's disk is not seen from here."""
    return [settings.files.folder, *([file.absolute().parent] if file is not None else [])]


def lock_database(file: Path) -> int:
    """One process per database file; the lock goes when the process does."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(file.with_name(file.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConfigError(f"database.url: {file} is in use by another huiyin") from None
    except OSError as error:
        raise ConfigError(f"database.url: cannot use {file}: {error.strerror}") from None
    return handle


def _keys(settings: Settings, url: URL) -> Keys:
    """The keys; new ones only for a database that does not exist yet."""
    path = settings.security.key_file
    if path.exists() or not is_new(url):
        return read_keys(path)
    try:
        return make_keys(path)
    except KeysExist:  # of several that start at once another one was faster
        return read_keys(path)
