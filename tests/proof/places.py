"""Where an office of one example lives: a folder with keys, and a database with the current schema."""

import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from bot.sealing import make_keys
from bot.store.engine import read_url
from bot.store.upgrade import bring_up
from tests.postgres import a_database, serving

Place = Callable[[], AbstractContextManager[tuple[Path, str]]]


@contextmanager
def files() -> Iterator[Place]:
    """Each with a copy of one migrated file: migrating takes longer than an example."""
    with tempfile.TemporaryDirectory() as home:
        template = Path(home) / "template.db"
        bring_up(read_url(f"sqlite:///{template}"), datetime.now(UTC))

        @contextmanager
        def place() -> Iterator[tuple[Path, str]]:
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                make_keys(folder / "keys")
                shutil.copy(template, folder / "huiyin.db")
                yield folder, f"sqlite:///{folder}/huiyin.db"

        yield place


@contextmanager
def databases(server: str) -> Iterator[Place]:
    """Each with a database of its own on this server."""
    numbers = itertools.count()

    @contextmanager
    def place() -> Iterator[tuple[Path, str]]:
        with tempfile.TemporaryDirectory() as name, a_database(server, f"place{next(numbers)}") as url:
            yield Path(name), url

    yield place


@contextmanager
def a_server(folder: Path) -> Iterator[Place]:
    """The same on a server for the time of the block."""
    with serving(folder) as server, databases(server) as place:
        yield place
