"""What deleted rows leave behind in the database's file: moved out of the log, looked for, and cleared (threat T16).

SQLite overwrites what it deletes (`secure_delete`), but a page that it builds anew may keep an old copy of a row in its
gap, and the write-ahead log keeps old pages until it is cut off. PostgreSQL marks rows as dead and lets VACUUM give
their room back; the bytes stay until something else is written there, and in its own log until that is recycled.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool

from bot.store.engine import BUSY_MS
from bot.store.traces import MARK

PIECE = 1 << 20  # bytes looked through at a time
BUDGET = 4 << 30  # bytes compared in one look
TOUCHED = ("inbox", "outbox", "conversation", "timer", "job", "person", "address", "entry", "attachment", "web_message")


def cut_log(connection: Any) -> bool:
    """Writes the log into the database and empties it; False while somebody still reads the old state of things."""
    connection.execute("PRAGMA busy_timeout=0")  # a reader must not hold up the writer
    try:
        busy, _pages, _moved = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    return not busy


def rebuild(connection: Any) -> None:
    """Writes the whole file anew, without gaps. Takes about a second for a hundred megabytes, and as much free disk."""
    connection.execute("VACUUM")


def residue(file: Path, marks: Collection[bytes]) -> int:
    """How many of these marks stand in the file or its log. They are random: none stands there by chance.

    Of very many marks in a large file a part is looked for, so that looking takes seconds.
    """
    paths = [path for path in (file, file.with_name(file.name + "-wal")) if path.exists()]
    size = max(1, sum(path.stat().st_size for path in paths))
    wanted = sorted(marks)[:: max(1, len(marks) * size // BUDGET)]
    found: set[bytes] = set()
    for path in paths:
        with path.open("rb") as content:
            tail = b""
            while piece := content.read(PIECE):
                whole = tail + piece
                found.update(mark for mark in wanted if mark in whole)
                tail = piece[-MARK:]
    return len(found)


def vacuum_server(url: URL) -> None:
    """On PostgreSQL, beside the writer: dead rows give their room back."""
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            for table in TOUCHED:
                connection.execute(text(f"VACUUM {table}"))
            connection.execute(text('VACUUM "case"'))
    finally:
        engine.dispose()
