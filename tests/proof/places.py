"""Where an office of one example lives: a folder, and a database."""

import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tests.postgres import a_database, serving

Place = Callable[[], AbstractContextManager[tuple[Path, str]]]


@contextmanager
def files() -> Iterator[Place]:
    """Each with a file of its own, at one address: what one example leaves behind is gone before the next."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name) / "home"

        @contextmanager
        def place() -> Iterator[tuple[Path, str]]:
            home.mkdir()
            try:
                yield home, f"sqlite:///{home}/huiyin.db"
            finally:
                shutil.rmtree(home)

        yield place


@contextmanager
def databases(server: str) -> Iterator[Place]:
    """Each with a database of its own on this server, all of one name."""
    database = f"place{uuid.uuid4().hex}"

    @contextmanager
    def place() -> Iterator[tuple[Path, str]]:
        with tempfile.TemporaryDirectory() as name, a_database(server, database) as url:
            yield Path(name), url

    yield place


@contextmanager
def a_server(folder: Path) -> Iterator[Place]:
    """The same on a server for the time of the block."""
    with serving(folder) as server, databases(server) as place:
        yield place
