"""Fixtures: an office on SQLite and, where a package carries a server, the same on PostgreSQL."""

import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import hypothesis
import pytest

from bot.logs import set_up_logs
from tests.rig import Town
from tests.sample import read_once

MEMORY, ENOUGH = Path("/dev/shm"), 4 * 2**30  # bytes

# What tests write need not outlive the machine. On a disk they would wait for it most of the time.
if "TMPDIR" not in os.environ and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH:
    os.environ["TMPDIR"], tempfile.tempdir = str(MEMORY), None
set_up_logs("critical")
hypothesis.settings.register_profile("untimed", deadline=None)  # no test measures time: the machine may be busy
hypothesis.settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that wait for other processes stand among the rest: at the end there would be nothing to do meanwhile."""
    slow = [item for item in items if item.get_closest_marker("slow")]
    rest = [item for item in items if not item.get_closest_marker("slow")]
    places = {item: place / len(group) for group in (slow, rest) for place, item in enumerate(group)}
    items.sort(key=lambda item: places[item])


@pytest.fixture(scope="session", autouse=True)
def content() -> Iterator[None]:
    """Read once: to read it for every office takes longer than most tests."""
    with read_once():
        yield


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real PostgreSQL of this session; yields the address of its maintenance database."""
    from tests.postgres import serving

    with serving(tmp_path_factory.mktemp("postgres")) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of its own."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/huiyin.db"
        return
    from tests.postgres import a_database

    with a_database(request.getfixturevalue("postgres"), f"t{uuid.uuid4().hex}") as url:
        yield url


@pytest.fixture
async def town(tmp_path: Path, database_url: str) -> AsyncIterator[Town]:
    town = await Town(tmp_path, database_url).open()
    yield town
    await town.close()
