"""Fixtures: a migrated database of its own on SQLite and on PostgreSQL, with the one writer."""

import random
from collections.abc import Iterator

import pytest
from sqlalchemy.engine import URL

from bot.ids import Ids
from bot.store.engine import read_url, writer_engine
from bot.store.writer import Writer
from tests.rig import FakeClock
from tests.sample import lay, standing_still
from tests.store.post import Post


@pytest.fixture
def url(database_url: str) -> URL:
    """A database of its own with the current schema."""
    lay(database_url)
    return read_url(database_url)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def writer(url: URL, clock: FakeClock) -> Iterator[Writer]:
    with standing_still():
        writer = Writer(writer_engine(url), clock)
    yield writer
    writer.close()


@pytest.fixture
def ids(clock: FakeClock) -> Ids:
    return Ids(lambda: int(clock.now().timestamp() * 1000), random.Random(7))


@pytest.fixture
def post(writer: Writer, ids: Ids, clock: FakeClock) -> Post:
    return Post(writer, ids, clock)
