"""What forgetting costs: overwriting what is deleted, the act itself, a file built anew. Prints `name value limit`."""

import asyncio
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from bot.office.cases.model import Kind
from bot.office.cases.service import Matter
from bot.store import wiping
from bot.store.transaction import Transaction
from tests.rig import Town

ROUNDS = 7
ROWS = 4000
PEOPLE = 60
CASES = 4  # of each


def told(name: str, figures: list[float], limit: float, unit: str) -> None:
    middle = statistics.median(figures)
    spread = f"min {min(figures):.3f}, max {max(figures):.3f}, n {len(figures)}"
    print(f"{name} {middle:.3f} {unit} ({spread}) limit {limit} {unit}")


def a_life_of_rows(folder: Path, secure: str) -> float:
    """Microseconds of CPU for a row that comes with a sealed body, loses it, and is deleted later: an outbox row."""
    file = folder / f"{time.monotonic_ns()}.db"
    connection = sqlite3.connect(file, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=OFF", f"secure_delete={secure}"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("CREATE TABLE owed (id INTEGER PRIMARY KEY, body BLOB)")
    body = os.urandom(600)
    began = time.process_time()
    for start in range(0, ROWS, 100):
        ids = [(start + number,) for number in range(100)]
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO owed VALUES (?, ?)", [(id_, body) for (id_,) in ids])
        connection.execute("COMMIT")
        connection.execute("BEGIN")
        connection.executemany("UPDATE owed SET body = NULL WHERE id = ?", ids)
        connection.execute("COMMIT")
    connection.execute("DELETE FROM owed")
    spent = time.process_time() - began
    connection.close()
    file.unlink()
    return spent / ROWS * 1e6


def overwriting(folder: Path) -> None:
    with_, without = [], []
    for _round in range(ROUNDS):  # by turns, so that a busy machine is unfair to both
        with_.append(a_life_of_rows(folder, "ON"))
        without.append(a_life_of_rows(folder, "OFF"))
    told("row.secure_delete", with_, 60, "us")
    told("row.plain_delete", without, 60, "us")


async def forgetting(folder: Path) -> None:
    town = await Town(folder, f"sqlite:///{folder}/bench.db").open()
    await town.store.writer.submit(lambda tx: _fill(town, tx))
    begun = [await town.store.writer.submit(partial(_begin, town, number=number)) for number in range(PEOPLE)]
    told("forget.first_transaction", begun, 60, "ms")
    size = (folder / "bench.db").stat().st_size / 1e8
    await town.store.writer.submit_bare(wiping.cut_log)
    began = time.perf_counter()
    await town.store.writer.submit_bare(wiping.rebuild)
    told("rebuild.per_100MB", [(time.perf_counter() - began) / size], 5, "s")
    await town.close()


def _fill(town: Town, tx: Transaction) -> None:
    office = town.app.office(tx)
    for number in range(PEOPLE * CASES):
        by = office.people.meet(town.channel.name, f"r{number % PEOPLE}")
        office.cases.register(Matter(kind=Kind.HELP, words="楼道灯坏了" * 40), by=by, said_at=tx.now)
    office.told()


def _begin(town: Town, tx: Transaction, number: int) -> float:
    """Milliseconds of the first transaction for somebody with open cases."""
    office = town.app.office(tx)
    by = office.people.meet(town.channel.name, f"r{number}")
    began = time.perf_counter()
    office.erase(by, mark="…", event=0, lane=None, misses=False)
    spent = (time.perf_counter() - began) * 1000
    office.told()
    return spent


if __name__ == "__main__":
    sys.setswitchinterval(0.0005)
    with tempfile.TemporaryDirectory() as name:
        overwriting(Path(name))
        asyncio.run(forgetting(Path(name)))
