"""Looking costs what waits, not what has ever been done: every statement is answered by one of these indexes."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from bot.office.cases.tally import read_figures
from bot.store.engine import file_of, read_url, watching_engine
from bot.store.standing import read_standing
from bot.store.transaction import Transaction
from bot.store.upgrade import bring_up
from tests.rig import TUESDAY

SMALL = (
    "ix_inbox_new", "ix_inbox_set_aside", "ix_outbox_queued", "ix_outbox_open", "ix_outbox_failed", "ix_timer_due",
    "ix_timer_set_aside", "ix_job_open", "ix_job_failed", "ix_case_open", "ix_case_owner",
)  # fmt: skip
OF_ONE_ROW = ("alembic_version", "fact")


def test_every_statement_uses_an_index_of_what_waits(tmp_path: Path) -> None:
    url = read_url(f"sqlite:///{tmp_path}/huiyin.db")
    bring_up(url, TUESDAY)
    asked: list[tuple[str, Any]] = []
    engine = watching_engine(url)
    event.listen(engine, "before_cursor_execute", lambda *args: asked.append((args[2], args[3])))
    with engine.connect() as connection:
        tx = Transaction(connection, TUESDAY)
        read_standing(tx)
        read_figures(tx)
    assert len(asked) >= 15
    with sqlite3.connect(str(file_of(url))) as database:
        for statement, values in asked:
            for *_numbers, step in database.execute(f"EXPLAIN QUERY PLAN {statement}", values):
                if step.startswith(("SCAN", "SEARCH")) and not any(name in step for name in OF_ONE_ROW):
                    assert any(name in step for name in SMALL), (statement, step)
    database.close()


def test_a_database_is_watched_without_being_changed(tmp_path: Path) -> None:
    url = read_url(f"sqlite:///{tmp_path}/huiyin.db")
    bring_up(url, TUESDAY)
    engine = watching_engine(url)
    with engine.connect() as connection, pytest.raises(OperationalError, match="readonly"):
        connection.exec_driver_sql("DELETE FROM fact")
