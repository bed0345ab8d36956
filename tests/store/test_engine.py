"""Opening the database: what the writer's connection promises, and what readers cannot do."""

from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from bot.errors import ConfigError
from bot.store import facts
from bot.store.engine import file_of, read_url, reader_engine, watching_engine, writer_engine
from bot.store.facts import fact
from bot.store.transaction import Transaction
from bot.store.writer import Writer


@pytest.mark.parametrize("address", ["", "huiyin.db", "sqlite://", "sqlite:///:memory:", "mysql://localhost/huiyin"])
def test_an_address_that_cannot_serve_stops_the_start_and_names_its_key(address: str) -> None:
    with pytest.raises(ConfigError, match=r"^database\.url: "):
        read_url(address)


def test_the_secret_of_an_address_is_not_shown(tmp_path: Path) -> None:
    assert "secret" not in str(read_url("postgresql://huiyin:secret@localhost/huiyin"))


def test_only_an_embedded_database_has_a_file(tmp_path: Path) -> None:
    assert file_of(read_url(f"sqlite:///{tmp_path}/huiyin.db")) == tmp_path / "huiyin.db"
    assert file_of(read_url("postgresql://localhost/huiyin")) is None


@pytest.fixture
def sqlite_only(url: URL) -> URL:
    if url.get_backend_name() != "sqlite":
        pytest.skip("a setting of SQLite")
    return url


def test_a_commit_survives_a_power_loss(sqlite_only: URL, writer: Writer) -> None:
    def pragma(name: str) -> object:
        return writer.run(lambda tx: tx.read(text(f"PRAGMA {name}")).scalar_one())

    assert pragma("journal_mode") == "wal"
    assert pragma("synchronous") == 2  # FULL
    assert pragma("foreign_keys") == 1
    assert pragma("secure_delete") == 1


def test_a_transaction_takes_the_write_lock_at_its_beginning(sqlite_only: URL, writer: Writer) -> None:
    other = writer_engine(sqlite_only)

    def act(tx: Transaction) -> None:
        with other.connect() as connection, pytest.raises(DBAPIError, match="locked"):
            connection.begin()

    with other.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=0")  # the pool keeps this one connection
    writer.run(act)
    other.dispose()


async def test_readers_see_what_is_committed_and_nothing_else(url: URL, writer: Writer) -> None:
    readers = reader_engine(url)
    writer.run(lambda tx: facts.put(tx, "committed", "1"))
    async with readers.connect() as reader:
        await writer.submit(lambda tx: tx.read(select(fact)).all())
        assert (await reader.execute(select(fact.c.name))).scalars().all() == ["committed"]
    await readers.dispose()


async def test_readers_cannot_write(url: URL, writer: Writer) -> None:
    readers = reader_engine(url)
    async with readers.connect() as reader:
        with pytest.raises(DBAPIError):
            await reader.execute(fact.insert().values(name="smuggled", value="1"))
    await readers.dispose()
    assert writer.run(lambda tx: facts.get(tx, "smuggled")) is None


async def test_readers_do_not_hold_up_the_writer(url: URL, writer: Writer) -> None:
    readers = reader_engine(url)
    async with readers.connect() as reader:
        await reader.execute(select(fact))
        await writer.submit(lambda tx: facts.put(tx, "meanwhile", "1"))
    await readers.dispose()
    assert writer.run(lambda tx: facts.get(tx, "meanwhile")) == "1"


async def test_readers_do_not_checkpoint(sqlite_only: URL, writer: Writer) -> None:
    readers = reader_engine(sqlite_only)
    async with readers.connect() as reader:
        assert (await reader.execute(text("PRAGMA wal_autocheckpoint"))).scalar_one() == 0
    await readers.dispose()


async def test_an_address_of_several_servers_leads_readers_too_to_the_one_that_takes_writes(postgres: str) -> None:
    """libpq asks whether the session may write, which a reader's may not."""
    url = read_url(postgres).update_query_dict({"target_session_attrs": "read-write"})
    readers = reader_engine(url)
    async with readers.connect() as connection:
        assert (await connection.execute(text("SHOW transaction_read_only"))).scalar() == "on"
    await readers.dispose()
    with watching_engine(url).connect() as connection:
        assert connection.execute(text("SHOW transaction_read_only")).scalar() == "on"
