"""Moving an office to a server and back: all of it, compared, and the talk goes on where it stood."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Table, create_engine, delete, func, select, text

from bot.config import Settings
from bot.errors import ConfigError
from bot.moving import copy_database
from bot.office.cases.tables import case
from bot.store import backup, copying, leases
from bot.store.engine import read_url
from bot.store.queues import conversation
from tests.postgres import EMPTY, a_database
from tests.rig import Town


@pytest.fixture
def server(postgres: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database on a server."""
    with a_database(postgres, f"m{id(request)}", like=EMPTY) as url:
        yield url


async def an_office(folder: Path) -> Town:
    """With a case, a talk in the middle of a form, and something owed."""
    town = await Town(folder, f"sqlite:///{folder}/huiyin.db").open()
    wang = town.resident("wang")
    for words in ("/start", "好", "/request 幸福里3号楼2单元的灯坏了", "登记"):
        await wang.says(words)
    await town.resident("li").says("/start")
    return town


def settings_of(town: Town, url: str) -> Settings:
    return town.settings.model_copy(update={"database": town.settings.database.model_copy(update={"url": url})})


def sums(url: str) -> dict[str, copying.Sum]:
    engine = create_engine(read_url(url))
    with engine.connect() as connection:
        found = {of.name: copying.summed(connection, of) for of in backup.tables()}
    engine.dispose()
    return found


async def test_an_office_moves_to_a_server_and_back(tmp_path: Path, server: str) -> None:
    town = await an_office(tmp_path)
    number = town.resident("wang").number()
    await town.close()
    lines = copy_database(town.settings, server)
    assert any(line.startswith("case: 1 rows, ") for line in lines)
    assert sums(server) == sums(town.url)

    moved = Town(tmp_path, server)
    moved.channel._run = "later"  # the platform goes on with its numbers, it does not begin anew
    await moved.open()
    wang = moved.resident("wang")
    await wang.says(f"/add {number} 三楼也不亮")
    assert "补到" in wang.last.text
    await moved.close()
    back = f"sqlite:///{tmp_path}/back.db"
    copy_database(settings_of(town, server), back)
    assert sums(back) == sums(server)
    assert sums(back) != sums(town.url)


async def test_a_row_that_is_not_the_same_is_found(tmp_path: Path, server: str) -> None:
    town = await an_office(tmp_path)
    await town.close()
    copy_database(town.settings, server)
    engine = create_engine(read_url(server))
    with engine.begin() as connection:
        connection.execute(case.update().values(area="elsewhere"))
    engine.dispose()
    changed = {name for name, found in sums(server).items() if found != sums(town.url)[name]}
    assert changed == {"case"}


async def test_a_running_office_is_not_copied(tmp_path: Path, server: str, postgres: str) -> None:
    town = await an_office(tmp_path)
    with pytest.raises(ConfigError, match="in use by another huiyin"):
        copy_database(town.settings, server)
    await town.close()
    copy_database(town.settings, server)
    moved = await Town(tmp_path, server).open()
    with pytest.raises(ConfigError, match=r"database\.url: in use by"):
        copy_database(settings_of(town, server), f"sqlite:///{tmp_path}/back.db")
    assert not (tmp_path / "back.db").exists()
    await moved.close()


async def test_only_an_empty_place_is_filled(tmp_path: Path, server: str) -> None:
    town = await an_office(tmp_path)
    await town.close()
    engine = create_engine(read_url(server))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE wiki (page text)"))
    with pytest.raises(ConfigError, match="--to: there are tables in it"):
        copy_database(town.settings, server)
    (tmp_path / "other.db").write_text("words")
    with pytest.raises(ConfigError, match=r"--to: .*other\.db is there already"):
        copy_database(town.settings, f"sqlite:///{tmp_path}/other.db")
    with pytest.raises(ConfigError, match="--to: this is the database in use"):
        copy_database(town.settings, town.url)
    with pytest.raises(ConfigError, match="--to: mysql is not supported"):
        copy_database(town.settings, "mysql://x/y")
    assert (tmp_path / "other.db").read_text() == "words"
    engine.dispose()


async def test_a_copy_that_differs_is_not_kept(
    tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    town = await an_office(tmp_path)
    await town.close()
    copy = copying.copy

    def losing(source: Connection, target: Connection, of: Table) -> copying.Sum:
        told = copy(source, target, of)
        if of is conversation:
            some = select(func.min(conversation.c.id)).scalar_subquery()
            target.execute(delete(conversation).where(conversation.c.id == some))
        return told

    monkeypatch.setattr(copying, "copy", losing)
    with pytest.raises(ConfigError, match="the copy of conversation differs"):
        copy_database(town.settings, server)
    engine = create_engine(read_url(server))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")).scalar() == 0
    engine.dispose()


def test_leases_stay_with_their_database() -> None:
    assert leases.lease not in backup.tables()
