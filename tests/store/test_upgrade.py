"""Bringing a database to this program's schema: after a backup copy, in one transaction, or not at all."""

import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import URL

import bot.app
import bot.channels.web.history  # noqa: F401  with these two every subject's tables are declared
from bot.errors import ConfigError
from bot.store import facts, upgrade
from bot.store.engine import file_of, read_url, writer_engine
from bot.store.schema import metadata
from bot.store.upgrade import bring_up
from bot.store.writer import Writer
from tests.rig import TUESDAY, FakeClock

NEXT = '''"""A further step.

Revision: next
"""

import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "next", "{head}", None, None


def upgrade() -> None:
    op.add_column("fact", sa.Column("note", sa.String(10)))
    op.create_table("further", sa.Column("id", sa.BigInteger(), primary_key=True))
    {then}
'''
HEAD = str(upgrade.scripts().get_current_head())
DIES = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from bot.store import upgrade
from bot.store.engine import read_url
upgrade._FOLDER = Path(sys.argv[2])
upgrade.bring_up(read_url(sys.argv[1]), datetime.now(UTC))
"""


@pytest.fixture
def empty(database_url: str, request: pytest.FixtureRequest) -> Iterator[URL]:
    """A database with nothing in it."""
    if database_url.startswith("sqlite"):
        yield read_url(database_url)
        return
    from tests.postgres import EMPTY, a_database

    with a_database(request.getfixturevalue("postgres"), f"e{id(request)}", like=EMPTY) as address:
        yield read_url(address)


@pytest.fixture
def newer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The migrations of a newer program, which the rest of the test runs as."""
    return next_program(tmp_path, monkeypatch)


def next_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch | None, then: str = "pass") -> Path:
    folder = tmp_path / "migrations"
    shutil.copytree(upgrade._FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "next.py").write_text(NEXT.replace("{then}", then).replace("{head}", HEAD))
    if monkeypatch is not None:
        monkeypatch.setattr(upgrade, "_FOLDER", folder)
    return folder


def tables(url: URL) -> set[str]:
    engine = create_engine(url)
    try:
        return set(inspect(engine).get_table_names())
    finally:
        engine.dispose()


def copies(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.backup"))


def test_the_migrations_make_exactly_the_tables_that_the_code_declares(url: URL) -> None:
    engine = create_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        differences = compare_metadata(context, metadata)
    engine.dispose()
    assert differences == []


def test_a_fresh_database_gets_the_whole_schema(empty: URL) -> None:
    assert bring_up(empty, TUESDAY)
    assert tables(empty) == set(metadata.tables) | {"alembic_version"}


def test_processes_that_start_together_migrate_once(empty: URL) -> None:
    if file_of(empty) is not None:
        pytest.skip("an embedded database is opened by one process")
    with ThreadPoolExecutor(4) as pool:
        changed = list(pool.map(lambda _process: bring_up(empty, TUESDAY), range(4)))
    assert sum(changed) == 1
    assert tables(empty) == set(metadata.tables) | {"alembic_version"}


def test_a_current_database_is_left_as_it_is(url: URL, tmp_path: Path) -> None:
    assert not bring_up(url, TUESDAY)
    assert copies(tmp_path) == []


def test_a_fresh_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    bring_up(read_url(f"sqlite:///{tmp_path}/new/huiyin.db"), TUESDAY)
    assert stat.S_IMODE((tmp_path / "new" / "huiyin.db").stat().st_mode) == 0o600


def test_a_migration_keeps_what_is_there(url: URL, newer: Path, clock: FakeClock) -> None:
    writer = Writer(writer_engine(url), clock)
    writer.run(lambda tx: facts.put(tx, "kept", "1"))
    writer.close()
    assert bring_up(url, TUESDAY)
    writer = Writer(writer_engine(url), clock)
    assert writer.run(lambda tx: facts.get(tx, "kept")) == "1"
    writer.close()
    assert "further" in tables(url)


def test_a_backup_copy_is_made_before_a_migration(url: URL, newer: Path, tmp_path: Path, clock: FakeClock) -> None:
    if (file := file_of(url)) is None:
        pytest.skip("a server's backups are its own")
    writer = Writer(writer_engine(url), clock)
    writer.run(lambda tx: facts.put(tx, "kept", "1"))
    bring_up(url, TUESDAY)  # the words are still in the write-ahead log
    writer.close()
    (copy,) = copies(tmp_path)
    assert copy.name == f"{file.name}.20260915-091200.{HEAD}.backup"
    assert stat.S_IMODE(copy.stat().st_mode) == stat.S_IMODE(file.stat().st_mode)
    with sqlite3.connect(copy) as connection:
        assert connection.execute("SELECT name FROM fact").fetchall() == [("kept",)]
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]
        assert connection.execute("SELECT name FROM sqlite_master WHERE name = 'further'").fetchall() == []
    connection.close()


def test_a_copy_has_its_name_only_when_it_is_whole(
    url: URL, newer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if file_of(url) is None:
        pytest.skip("a server's backups are its own")

    def fails(*_arguments: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as full:
        full.setattr(shutil, "copymode", fails)  # after the rows, before the name
        with pytest.raises(OSError, match="no space"):
            bring_up(url, TUESDAY)
    assert copies(tmp_path) == []
    assert bring_up(url, TUESDAY)
    assert len(copies(tmp_path)) == 1


def test_starts_that_fail_again_and_again_do_not_fill_the_disk(
    url: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if file_of(url) is None:
        pytest.skip("a server's backups are its own")
    next_program(tmp_path, monkeypatch, then='raise RuntimeError("half way")')
    for minute in range(5):
        with pytest.raises(RuntimeError, match="half way"):
            bring_up(url, TUESDAY + timedelta(minutes=minute))
    assert [copy.name.split(".")[2] for copy in copies(tmp_path)] == [
        f"20260915-09{minute}00" for minute in (14, 15, 16)
    ]


def test_a_database_of_a_newer_program_is_refused_and_left_alone(
    url: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as newer:
        next_program(tmp_path, newer)
        bring_up(url, TUESDAY)
    with pytest.raises(ConfigError, match=r"database\.url: .*newer version"):
        bring_up(url, TUESDAY)
    assert "further" in tables(url)


def test_a_foreign_database_is_refused_and_left_alone(empty: URL) -> None:
    engine = create_engine(empty)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE wiki (page text)"))
    engine.dispose()
    file = file_of(empty)
    before = file.read_bytes() if file else b""
    with pytest.raises(ConfigError, match="belongs to another program"):
        bring_up(empty, TUESDAY)
    assert tables(empty) == {"wiki"}
    assert file is None or file.read_bytes() == before


def test_another_program_that_uses_the_same_tool_is_refused(empty: URL) -> None:
    engine = create_engine(empty)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE wiki (page text)"))
        connection.execute(text("CREATE TABLE alembic_version (version_num varchar(32) NOT NULL)"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('abc')"))
    engine.dispose()
    with pytest.raises(ConfigError, match="belongs to another program"):
        bring_up(empty, TUESDAY)


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "huiyin.db"
    file.write_text("楼道灯坏了\n" * 500)
    with pytest.raises(ConfigError, match=r"database\.url: .*not a database"):
        bring_up(read_url(f"sqlite:///{file}"), TUESDAY)
    assert file.read_text() == "楼道灯坏了\n" * 500


def test_a_folder_that_cannot_be_made_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"^database\.url: cannot make"):
        bring_up(read_url(f"sqlite:///{tmp_path}/file/huiyin.db"), TUESDAY)


def test_a_server_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^database\.url: cannot open"):
        bring_up(read_url(f"postgresql:///huiyin?host={tmp_path}"), TUESDAY)


def test_a_migration_that_fails_changes_nothing(url: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = tables(url)
    with monkeypatch.context() as faulty:
        next_program(tmp_path, faulty, then='raise RuntimeError("half way")')
        with pytest.raises(RuntimeError, match="half way"):
            bring_up(url, TUESDAY)
    assert tables(url) == before
    assert not bring_up(url, TUESDAY)


def test_a_kill_in_the_middle_of_a_migration_changes_nothing(url: URL, tmp_path: Path) -> None:
    before = tables(url)
    folder = next_program(tmp_path, None, then="import os; os.kill(os.getpid(), 9)")
    address = url.render_as_string(hide_password=False)
    died = subprocess.run([sys.executable, "-c", DIES, address, str(folder)], check=False, capture_output=True)
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()
    assert tables(url) == before
    assert not bring_up(url, TUESDAY)
