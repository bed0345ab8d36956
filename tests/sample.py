"""What every office of the tests begins with and never changes: its content, and the schema of its database."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

from alembic.script import ScriptDirectory

import bot.house
from bot.config import CONTENT, Settings
from bot.sealing import make_keys
from bot.store import engine, upgrade
from bot.store.engine import file_of, read_url

READERS = ("read_policies", "read_words", "read_understanding", "read_departments", "read_emergencies",
           "read_directory", "load_calendar")  # fmt: skip


@contextmanager
def read_once() -> Iterator[None]:
    """The project's content and migrations are read by the first office alone; all later ones find the same."""
    read = cache(lambda _folder, scripts=upgrade.scripts: scripts())

    def scripts() -> ScriptDirectory:
        directory: ScriptDirectory = read(upgrade._FOLDER)
        return directory

    with ExitStack() as patched:
        patched.enter_context(mock.patch.object(upgrade, "scripts", scripts))
        for name in READERS:
            patched.enter_context(mock.patch.object(bot.house, name, once(getattr(bot.house, name))))
        yield


def once(read: Callable[..., Any]) -> Callable[..., Any]:
    """Reads the project's own content once, and any other as often as asked: a test may change that."""
    known = cache(read)

    def reading(file: Path, *facts: Any) -> Any:
        return known(file, *facts) if file.is_relative_to(CONTENT) else read(file, *facts)

    return reading


@cache
def migrated() -> bytes:
    """An SQLite file with the current schema: to copy it takes a hundredth of the time of migrating."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "huiyin.db"
        upgrade.bring_up(read_url(f"sqlite:///{file}"), datetime.now(UTC))
        return file.read_bytes()


@contextmanager
def standing_still() -> Iterator[None]:
    """Writers made in this block keep their transaction for a minute: a busy machine lets a test wait for seconds."""
    with mock.patch.object(engine, "STANDSTILL_MS", 60_000):
        yield


def lay(url: str) -> bool:
    """The schema for an SQLite file that is not there yet; a server's database is made with it."""
    file = file_of(read_url(url))
    if file is None or file.exists():
        return False
    file.touch(mode=0o600)
    file.write_bytes(migrated())
    return True


def furnish(settings: Settings) -> None:
    """The same for a whole office, with its keys: none are made for a database that is there."""
    if lay(settings.database.url) and not settings.security.key_file.exists():
        make_keys(settings.security.key_file)
