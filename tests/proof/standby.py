"""A PostgreSQL that begins as a copy of another one, and one that follows it and takes its place."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

from tests.postgres import database_at

NAME = "standby"


@contextmanager
def pair(server: str) -> Iterator[tuple[str, str]]:
    """A primary with all that `server` holds, and a standby without which it confirms no commit; their addresses."""
    with _copy(server) as primary, _copy(primary, "-R") as standby:
        _say(primary, f"ALTER SYSTEM SET synchronous_standby_names = '{NAME}'", "SELECT pg_reload_conf()")
        yield primary, standby


@contextmanager
def _copy(server: str, *more: str) -> Iterator[str]:
    """A server of its own for the time of the block; yields the address of its maintenance database."""
    home = Path(tempfile.mkdtemp(prefix="pg"))  # short: a socket's path has 108 bytes at most
    user = "embedded_postgres" if os.geteuid() == 0 else None  # no server runs as root
    if user is not None:
        shutil.chown(home, user)
    home.chmod(0o755)
    data, url = home / "data", make_url(server)
    source = f"host={url.query['host']} user={url.username} application_name={NAME}"
    try:
        _run(user, "pg_basebackup", "-D", data, "-X", "stream", "-c", "fast", "--no-sync", "-d", source, *more)
        _run(user, "pg_ctl", "-D", data, "-w", "-l", home / "log", "-o", f"-k {home} -h ''", "start")
        yield url.update_query_dict({"host": str(home)}).render_as_string(hide_password=False)
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):  # it is dead already
            _run(user, "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
        shutil.rmtree(home)


def address_of(servers: tuple[str, str], name: str) -> str:
    """Of a database at whichever of the servers takes writes."""
    hosts = tuple(f"{make_url(server).query['host']}:5432" for server in servers)
    more = {"host": hosts, "target_session_attrs": "read-write"}
    return make_url(database_at(servers[0], name)).update_query_dict(more).render_as_string(hide_password=False)


def kill(server: str) -> None:
    """kill -9 to each of its processes."""
    with psycopg.connect(server, autocommit=True) as connection:
        (data,) = connection.execute("SHOW data_directory").fetchone() or ("",)
        others = [pid for (pid,) in connection.execute("SELECT pid FROM pg_stat_activity")]
        first = int((Path(data) / "postmaster.pid").read_text("ascii").split()[0])
        for pid in (first, *others):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def promote(standby: str) -> None:
    """Comes back when it takes writes; it waits for no other."""
    _say(standby, "SELECT pg_promote()")


def _say(server: str, *words: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        for each in words:
            connection.execute(each)


def _run(user: str | None, program: str, *arguments: str | Path) -> None:
    from embedded_postgres._commands import POSTGRES_BIN_PATH

    subprocess.run([POSTGRES_BIN_PATH / program, *map(str, arguments)], check=True, user=user,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
