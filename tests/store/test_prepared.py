"""Prepared statements say what the same statements say the long way round."""

from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from bot.store.facts import fact
from bot.store.prepared import Prepared, first
from bot.store.queues import TimerState, timer
from bot.store.writer import Writer, as_store_error

NOON = datetime(2026, 9, 15, 12, 0, tzinfo=UTC)
ADD = Prepared(insert(timer), [column.name for column in timer.c])
BY_KEYS = Prepared(
    select(timer.c.key, timer.c.due_at, timer.c.state)
    .where(timer.c.key.in_(bindparam("keys", expanding=True)), timer.c.state == "armed")
    .order_by(timer.c.key)
)
MOVE = Prepared(update(timer).where(timer.c.key == bindparam("which")).values(due_at=bindparam("at")))


def a_timer(number: int) -> dict[str, object]:
    return {"id": number, "key": f"k{number:03}", "kind": "k", "subject": 0, "lane": None, "data": b"\x00{}",
            "due_at": NOON, "state": TimerState.ARMED, "tries": 0}  # fmt: skip


@pytest.fixture
def connection(writer: Writer) -> Iterator[Connection]:
    with writer._connected().begin():
        yield writer._connected()


@pytest.mark.parametrize("count", [1, 2, 3, 7, 64, 65])
def test_a_list_may_have_any_length(connection: Connection, count: int) -> None:
    assert ADD.run_many(connection, [a_timer(number) for number in range(100)]) == 100
    rows = BY_KEYS.rows(connection, {"keys": [f"k{number:03}" for number in range(count)]})
    assert [row.key for row in rows] == [f"k{number:03}" for number in range(count)]


def test_moments_and_bytes_come_back_as_they_went(connection: Connection) -> None:
    ADD.run(connection, a_timer(1))
    (row,) = Prepared(select(timer)).rows(connection)
    assert (row.due_at, row.data, row.lane) == (NOON, b"\x00{}", None)
    assert tuple(row) == tuple(connection.execute(select(timer)).one())


def test_a_change_says_how_many_rows_it_touched(connection: Connection) -> None:
    ADD.run(connection, a_timer(1))
    assert MOVE.run(connection, {"which": "k001", "at": NOON}) == 1
    assert MOVE.run(connection, {"which": "k002", "at": NOON}) == 0


@pytest.mark.parametrize("kind", ["quoted ' twice ''", "50 % of %s", ":kind", "?"])
def test_what_is_fixed_stands_in_the_text_and_means_the_same(connection: Connection, kind: str) -> None:
    ADD.run_many(connection, [a_timer(1), a_timer(2) | {"kind": kind}])
    found = Prepared(select(timer.c.key).where(timer.c.kind == kind, timer.c.tries == 0))
    assert [row.key for row in found.rows(connection)] == ["k002"]
    assert Prepared(update(timer).where(timer.c.kind == kind).values(kind="new", data=b"1")).run(connection) == 1
    (form,) = found._forms.values()
    assert not form.defaults


def test_rows_come_back_from_a_change_that_returns_some(connection: Connection) -> None:
    ADD.run_many(connection, [a_timer(1), a_timer(2)])
    move = update(timer).where(timer.c.key.in_(bindparam("keys", expanding=True))).values(due_at=bindparam("at"))
    rows = Prepared(move.returning(timer.c.key, timer.c.due_at)).rows(connection, {"keys": ["k002"], "at": NOON})
    assert [tuple(row) for row in rows] == [("k002", NOON)]


def test_a_value_that_is_missing_is_an_error_and_no_null(connection: Connection) -> None:
    with pytest.raises(KeyError):
        MOVE.run(connection, {"which": "k001"})


def test_a_naive_moment_is_refused(connection: Connection) -> None:
    with pytest.raises(ValueError, match="time zone"):
        MOVE.run(connection, {"which": "k001", "at": datetime(2026, 9, 15)})


def test_nothing_found_is_none(connection: Connection) -> None:
    assert first(BY_KEYS.rows(connection, {"keys": ["nobody"]})) is None


def test_many_of_none_runs_nothing(connection: Connection) -> None:
    assert ADD.run_many(connection, []) == 0


def test_a_fault_is_sqlalchemys_and_shows_no_values(writer: Writer) -> None:
    add = Prepared(insert(fact), ["name", "value"])

    def twice(tx: object) -> None:
        add.run(writer._connected(), {"name": "secret", "value": "words"})
        add.run(writer._connected(), {"name": "secret", "value": "words"})

    with pytest.raises(IntegrityError) as caught:
        writer.run(twice)
    assert "words" not in str(caught.value).replace("[parameters hidden", "")
    assert as_store_error(caught.value) is None


def test_a_lost_server_is_a_store_error(writer: Writer) -> None:
    if writer._engine.dialect.name != "postgresql":
        pytest.skip("a file cannot be disconnected")
    from bot.errors import StoreError

    def cut(tx: object) -> None:
        connection = writer._connected()
        driver = connection.connection.dbapi_connection
        assert isinstance(driver, psycopg.Connection)
        driver.pgconn.finish()
        BY_KEYS.rows(connection, {"keys": ["k"]})

    with pytest.raises(StoreError):
        writer.run(cut)
    assert writer.run(lambda tx: BY_KEYS.rows(writer._connected(), {"keys": ["k"]})) == []
