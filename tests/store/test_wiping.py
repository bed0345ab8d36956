"""What SQLite leaves of deleted rows in its file: seen, and ended by building it anew."""

import os
import random
import sqlite3
from pathlib import Path

from sqlalchemy.engine import URL

from bot.store import wiping
from bot.store.engine import PRAGMAS, file_of
from bot.store.traces import MARK
from bot.store.writer import Writer

SIZES = (30, 100, 300, 900, 3000, 9000)


def lived_in(file: Path, seed: int) -> tuple[sqlite3.Connection, set[bytes]]:
    """A database in which rows came, grew, shrank and went; the marks of all that is gone."""
    chance = random.Random(seed)
    connection = sqlite3.connect(file, isolation_level=None)
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("CREATE TABLE held (id INTEGER PRIMARY KEY, body BLOB)")
    rows: dict[int, bytes] = {}
    gone: set[bytes] = set()
    for number in range(3000):
        fresh = os.urandom(MARK) + bytes(chance.choice(SIZES))
        if rows and (dice := chance.random()) < 0.5:
            id_ = chance.choice(list(rows))
            gone.add(rows.pop(id_)[:MARK])
            connection.execute("DELETE FROM held WHERE id = ?", (id_,))
            if dice < 0.2:
                continue
        rows[chance.getrandbits(40) + number] = fresh
        connection.execute("INSERT INTO held VALUES (?, ?)", ([*rows][-1], fresh))
    return connection, gone


def test_overwriting_alone_leaves_some_and_building_anew_leaves_none(tmp_path: Path) -> None:
    left = []
    for seed in range(4):
        file = tmp_path / f"{seed}.db"
        connection, gone = lived_in(file, seed)
        assert wiping.cut_log(connection)
        left.append(wiping.residue(file, gone))
        wiping.rebuild(connection)
        assert wiping.cut_log(connection)
        assert wiping.residue(file, gone) == 0
        connection.close()
    assert sum(left) > 0  # else building anew would be of no use


def test_what_still_stands_in_the_log_is_seen(tmp_path: Path) -> None:
    connection, gone = lived_in(tmp_path / "x.db", 1)
    mark = next(iter(gone))
    connection.execute("INSERT INTO held VALUES (-1, ?)", (mark + bytes(100),))
    connection.execute("DELETE FROM held WHERE id = -1")
    assert wiping.residue(tmp_path / "x.db", [mark]) == 1
    connection.close()


async def test_a_reader_does_not_hold_up_the_writer(url: URL, writer: Writer) -> None:
    file = file_of(url)
    if file is None:
        return
    reader = sqlite3.connect(file, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM fact").fetchall()
    writer.run(lambda tx: None)
    assert not await writer.submit_bare(wiping.cut_log) or not file.with_name(file.name + "-wal").stat().st_size
    reader.close()
    assert await writer.submit_bare(wiping.cut_log)
    assert not file.with_name(file.name + "-wal").stat().st_size
