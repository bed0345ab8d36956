"""Fixtures: a migrated database of its own on SQLite and on PostgreSQL, with the one writer."""

import random
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from bot.ids import Ids
from bot.store.engine import file_of, read_url, writer_engine
from bot.store.upgrade import bring_up
from bot.store.writer import Writer
from tests.rig import FakeClock
from tests.store.post import Post


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file that tests copy: migrating takes longer than most of them."""
    file = tmp_path_factory.mktemp("template") / "huiyin.db"
    bring_up(read_url(f"sqlite:///{file}"), datetime.now(UTC))
    return file


@pytest.fixture
def url(database_url: str, template: Path) -> URL:
    """A database of its own with the current schema."""
    url = read_url(database_url)
    if (file := file_of(url)) is not None:
        shutil.copy(template, file)
    return url


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def writer(url: URL, clock: FakeClock) -> Iterator[Writer]:
    writer = Writer(writer_engine(url), clock)
    yield writer
    writer.close()


@pytest.fixture
def ids(clock: FakeClock) -> Ids:
    return Ids(lambda: int(clock.now().timestamp() * 1000), random.Random(7))


@pytest.fixture
def post(writer: Writer, ids: Ids, clock: FakeClock) -> Post:
    return Post(writer, ids, clock)
