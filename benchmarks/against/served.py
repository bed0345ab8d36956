"""The same office on a PostgreSQL server: each time a fresh copy of its rows."""

from pathlib import Path

import psycopg

from benchmarks.against.office import Past, copy_rows
from tests.postgres import TEMPLATE, database_at


class Served:
    """A server's databases."""

    def __init__(self, server: str) -> None:
        self._server = server
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM RESET fsync")  # here it is to be as safe as it is slow
            connection.execute("SELECT pg_reload_conf()")
        self._seeded: tuple[Path, int] | None = None  # whose rows, and of when

    @property
    def postmaster(self) -> int:
        """The process of the server; its children do the work."""
        with psycopg.connect(self._server) as connection:
            backend = connection.info.backend_pid
        return int(Path(f"/proc/{backend}/stat").read_text("ascii").rpartition(")")[2].split()[1])

    def fresh(self, past: Past) -> str:
        """The address of a database with the rows of `past`, which ends the one before."""
        rows = past.folder, (past.folder / "huiyin.db").stat().st_mtime_ns
        if rows != self._seeded:
            self._make("seeded", TEMPLATE)
            copy_rows(past.folder, database_at(self._server, "seeded"))
            self._seeded = rows
        self._make("bench", "seeded")
        return database_at(self._server, "bench")

    def _make(self, name: str, template: str) -> None:
        with psycopg.connect(self._server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
