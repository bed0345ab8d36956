"""Events a second of one, two and four dispatchers on one PostgreSQL that writes everything to the disk.

python -m benchmarks.several [--events 10200] [--chats 200]

The same load for each number of processes, from a copy of the same database: half of it policy pages, half changes of
cases (additions by residents, notes by officials in the same cases). The server runs on the same cores: where there are
two of them, four dispatchers cannot be four times as fast as one. Prints `name value`, and the machine's cores.
"""

import argparse
import asyncio
import os
import tempfile
import threading
from pathlib import Path

import psycopg

from benchmarks.against.meter import children, processor_seconds
from bot.logs import set_up_logs
from tests.postgres import a_database, serving
from tests.proof.several import drained, judged, prepare

NAME = "several"


def server_processes(server: str) -> list[int]:
    """The database server and everything that it has started."""
    with psycopg.connect(server) as connection:
        found = connection.execute("SELECT pg_read_file('postmaster.pid')").fetchone()
    main = int(str(found[0]).split()[0]) if found else 0
    return [main, *children(main)]


def size_of(database: str) -> int:
    """Bytes on the disk, indexes and room left over included."""
    with psycopg.connect(database) as connection:
        found = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    return int(found[0]) if found else 0


class Meter:
    """Processor seconds of the server, whose processes come and go: noted often, they are not lost when one ends."""

    def __init__(self, server: str) -> None:
        self._main = server_processes(server)[0]
        self._seen: dict[int, tuple[float, float]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _note(self) -> None:
        for pid in (self._main, *children(self._main)):
            now = processor_seconds(pid)
            if now:
                self._seen[pid] = (self._seen.get(pid, (now, now))[0], now)

    def _run(self) -> None:
        while not self._stop.wait(0.2):
            self._note()

    def stopped(self) -> float:
        self._stop.set()
        self._thread.join()
        return sum(last - first for first, last in self._seen.values())


async def main(chats: int, events: int) -> int:
    with tempfile.TemporaryDirectory() as name, serving(Path(name)) as server:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM RESET fsync")
            connection.execute("SELECT pg_reload_conf()")
        folder, missed, speeds = Path(name), 0, {}
        with a_database(server, NAME) as source:
            await prepare(folder, source, chats=chats, events=events)
            print(f"cores {os.cpu_count()}", flush=True)
            for processes in (1, 2, 4):
                with a_database(server, f"{NAME}{processes}", like=NAME) as database:
                    before, meter = size_of(database), Meter(server)
                    outcome = await drained(folder, database, processes)
                    spent, handled = meter.stopped(), sum(told.handled for told in outcome.processes)
                    speeds[processes] = handled / outcome.seconds
                    own = sum(told.milliseconds for told in outcome.processes) / handled
                    grown = (size_of(database) - before) / handled
                    again = sum(told.contended for told in outcome.processes)
                    print(f"several.{processes}.speed {speeds[processes]:.0f} events/s", flush=True)
                    print(f"several.{processes}.cpu {own:.2f} ms an event, the server {spent / handled * 1000:.2f} ms")
                    print(f"several.{processes}.again {again} batches begun anew, {outcome.deadlocks} deadlocks")
                    print(f"several.{processes}.size {grown:.0f} bytes an event")
                    for figure in judged(folder, database, outcome, events=events):
                        missed += not figure.holds
                        if not figure.holds:
                            print(figure)
        print(f"several.growth {speeds[2] / speeds[1]:.2f} with two, {speeds[4] / speeds[1]:.2f} with four")
    return min(missed, 1)


if __name__ == "__main__":
    set_up_logs("critical")
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=10_200)
    parser.add_argument("--chats", type=int, default=200)
    chosen = parser.parse_args()
    raise SystemExit(asyncio.run(main(chosen.chats, chosen.events)))
