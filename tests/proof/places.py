"""Where an office of one example lives: a folder, and a database."""

import itertools
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tests.postgres import a_database, serving

Place = Callable[[], AbstractContextManager[tuple[Path, str]]]


@contextmanager
def files() -> Iterator[Place]:
    """Each with a file of its own."""

    @contextmanager
    def place() -> Iterator[tuple[Path, str]]:
        with tempfile.TemporaryDirectory() as name:
            yield Path(name), f"sqlite:///{name}/huiyin.db"

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
