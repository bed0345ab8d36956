"""Lost keys, and keys that several make at once: nothing is made in the place of keys that are or were there."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from bot import database
from bot.config import Settings
from bot.database import open_store
from bot.errors import ConfigError
from bot.outside import Outside
from bot.sealing import make_keys
from bot.store import facts
from bot.store.upgrade import is_new


def settings_in(folder: Path, url: str) -> Settings:
    return Settings.model_validate(
        {
            "database": {"url": url},
            "security": {"key_file": folder / "keys"},
            "files": {"folder": folder / "files"},
        }
    )


def test_lost_keys_are_not_replaced_by_new_ones(tmp_path: Path, database_url: str) -> None:
    settings = settings_in(tmp_path, database_url)
    store = open_store(settings, Outside())
    store.writer.run(lambda tx: facts.open_run(tx, store.keys.fingerprint))
    store.close()
    (tmp_path / "keys").unlink()
    with pytest.raises(ConfigError, match=r"security\.key_file: .* is missing"):
        open_store(settings, Outside())
    assert not (tmp_path / "keys").exists()


def test_several_that_start_at_once_agree_on_the_keys_of_the_first(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_in(tmp_path, database_url)
    made: list[str] = []

    def is_new_and_another_is_faster(url: URL) -> bool:
        new = is_new(url)
        made.append(make_keys(settings.security.key_file).fingerprint)
        return new

    monkeypatch.setattr(database, "is_new", is_new_and_another_is_faster)
    store = open_store(settings, Outside())
    store.close()
    assert [store.keys.fingerprint] == made


def test_a_server_that_is_away_gets_no_keys(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"database\.url"):
        open_store(settings_in(tmp_path, "postgresql://nobody@127.0.0.1:1/x"), Outside())
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize("is_database", [True, False])
def test_a_foreign_file_is_called_so_where_there_are_no_keys_either(tmp_path: Path, is_database: bool) -> None:
    file = tmp_path / "huiyin.db"
    if is_database:
        with closing(sqlite3.connect(file)) as foreign:
            foreign.execute("CREATE TABLE theirs (a)")
    else:
        file.write_text("notes of somebody", "utf-8")
    before = file.read_bytes()
    with pytest.raises(ConfigError, match=r"database\.url: this (database belongs to another|is not a database)"):
        open_store(settings_in(tmp_path, f"sqlite:///{file}"), Outside())
    assert file.read_bytes() == before
    assert not (tmp_path / "keys").exists()
