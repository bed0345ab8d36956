"""One open transaction: what an event writes and collects, and what of it stays."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from bot.ids import Ids
from bot.store import queues
from bot.store.facts import fact
from bot.store.queues import arm, conversation, disarm, fire, save_conversation, timer
from bot.store.transaction import Collector, Transaction
from bot.store.writer import Writer
from tests.rig import FakeClock


class Died(Exception):
    """What a test raises to end a transaction."""


def names(tx: Transaction) -> set[str]:
    return set(tx.read(select(fact.c.name)).scalars())


def timers(tx: Transaction) -> dict[str, str]:
    return {row.key: row.state for row in tx.flushed().execute(select(timer.c.key, timer.c.state))}


def say(tx: Transaction, name: str) -> None:
    tx.write(fact.insert().values(name=name, value="1"))


def remember(tx: Transaction, ids: Ids, key: str, hours: int = 1) -> None:
    arm(tx, id=ids(), key=key, kind="reminder", due_at=tx.now + timedelta(hours=hours))


def test_a_released_savepoint_does_not_survive_a_rollback(writer: Writer) -> None:
    def act(tx: Transaction) -> None:
        tx.begin_event()
        say(tx, "one")
        tx.end_event()
        raise Died

    with pytest.raises(Died):
        writer.run(act)
    assert writer.run(names) == set()


def test_an_undone_event_takes_back_its_writes_and_its_collected_rows(writer: Writer, ids: Ids) -> None:
    def act(tx: Transaction) -> None:
        tx.begin_event()
        say(tx, "undone")
        remember(tx, ids, "undone")
        tx.undo_event()

    writer.run(act)
    assert writer.run(names) == set()
    assert writer.run(timers) == {}


def test_an_undone_event_takes_back_nothing_of_the_events_before_it(writer: Writer, ids: Ids) -> None:
    def act(tx: Transaction) -> None:
        tx.begin_event()
        remember(tx, ids, "kept")
        say(tx, "kept")
        tx.end_event()
        tx.begin_event()
        remember(tx, ids, "collected only")
        tx.end_event()
        tx.begin_event()
        remember(tx, ids, "undone")
        say(tx, "undone")
        remember(tx, ids, "undone too")
        tx.undo_event()

    writer.run(act)
    assert writer.run(names) == {"kept"}
    assert writer.run(timers).keys() == {"kept", "collected only"}


def test_an_event_that_only_collects_is_undone_without_a_savepoint(writer: Writer, ids: Ids) -> None:
    def act(tx: Transaction) -> None:
        tx.begin_event()
        remember(tx, ids, "kept")
        tx.end_event()
        tx.begin_event()
        remember(tx, ids, "undone")
        tx.undo_event()
        tx.begin_event()
        remember(tx, ids, "kept too")
        tx.end_event()

    writer.run(act)
    assert writer.run(timers).keys() == {"kept", "kept too"}


def test_a_flush_inside_an_event_writes_earlier_rows_before_the_savepoint(writer: Writer, ids: Ids) -> None:
    def act(tx: Transaction) -> None:
        tx.begin_event()
        remember(tx, ids, "earlier")
        tx.end_event()
        tx.begin_event()
        remember(tx, ids, "own")
        assert timers(tx).keys() == {"earlier", "own"}
        tx.undo_event()
        assert timers(tx).keys() == {"earlier"}

    writer.run(act)
    assert writer.run(timers).keys() == {"earlier"}


def test_a_direct_write_leaves_what_was_collected_for_the_flush(writer: Writer, ids: Ids) -> None:
    def act(tx: Transaction) -> int:
        tx.begin_event()
        remember(tx, ids, "earlier")
        tx.end_event()
        tx.begin_event()
        say(tx, "own")
        unflushed: int = tx.read(select(func.count()).select_from(timer)).scalar_one()
        tx.end_event()
        return unflushed

    assert writer.run(act) == 0
    assert writer.run(timers).keys() == {"earlier"}


def test_what_was_flushed_under_a_later_events_savepoint_outlives_it(writer: Writer, ids: Ids) -> None:
    def act(tx: Transaction) -> None:
        tx.begin_event()
        remember(tx, ids, "earlier")
        remember(tx, ids, "disarmed")
        disarm(tx, "disarmed")
        tx.end_event()
        tx.begin_event()
        say(tx, "undone")
        remember(tx, ids, "undone")
        assert timers(tx).keys() == {"earlier", "undone"}
        remember(tx, ids, "undone too")
        assert timers(tx).keys() == {"earlier", "undone", "undone too"}
        tx.undo_event()
        tx.begin_event()
        remember(tx, ids, "later")
        tx.end_event()

    writer.run(act)
    assert writer.run(names) == set()
    assert writer.run(timers).keys() == {"earlier", "later"}


def test_one_kind_of_rows_can_be_flushed_alone(writer: Writer, ids: Ids) -> None:
    def state(tx: Transaction) -> bytes:
        found: bytes = tx.read(select(conversation.c.state)).scalar_one()
        return found

    def act(tx: Transaction) -> None:
        tx.write(conversation.insert().values(id=1, state=b"before", changed_at=tx.now))
        tx.begin_event()
        save_conversation(tx, 1, b"earlier")
        remember(tx, ids, "earlier")
        tx.end_event()
        tx.begin_event()
        say(tx, "undone")
        save_conversation(tx, 1, b"undone")
        tx.flushed(queues.CONVERSATIONS)
        assert state(tx) == b"undone"
        assert tx.read(select(func.count()).select_from(timer)).scalar_one() == 0
        tx.undo_event()
        assert state(tx) == b"before"

    writer.run(act)
    assert writer.run(state) == b"earlier"
    assert writer.run(timers).keys() == {"earlier"}


def test_a_failed_flush_takes_back_the_rows_of_its_event_alone(writer: Writer, ids: Ids) -> None:
    def broken(_connection: Any, _rows: Any) -> None:
        raise IntegrityError("", None, Exception())

    def act(tx: Transaction) -> None:
        tx.begin_event()
        remember(tx, ids, "earlier")
        tx.end_event()
        tx.begin_event()
        say(tx, "undone")
        remember(tx, ids, "undone")
        tx.collect(Collector("broken", 9, broken), {})
        with pytest.raises(IntegrityError):
            tx.flushed()
        tx.undo_event()

    writer.run(act)
    assert writer.run(timers).keys() == {"earlier"}


def test_a_read_of_a_collected_table_sees_what_was_collected(writer: Writer, ids: Ids) -> None:
    def act(tx: Transaction) -> dict[str, str]:
        remember(tx, ids, "fresh")
        return timers(tx)

    assert writer.run(act) == {"fresh": "armed"}


def test_what_is_collected_is_written_before_the_commit(writer: Writer, ids: Ids) -> None:
    writer.run(lambda tx: remember(tx, ids, "one"))
    assert writer.run(timers) == {"one": "armed"}


def test_after_an_undone_event_the_batch_goes_on(writer: Writer) -> None:
    def act(tx: Transaction) -> None:
        tx.begin_event()
        say(tx, "wrong")
        tx.undo_event()
        tx.begin_event()
        say(tx, "right")
        tx.end_event()

    writer.run(act)
    assert writer.run(names) == {"right"}


def test_a_broken_statement_of_one_event_leaves_the_others(writer: Writer) -> None:
    def act(tx: Transaction) -> None:
        tx.begin_event()
        say(tx, "one")
        tx.end_event()
        tx.begin_event()
        with pytest.raises(IntegrityError):
            say(tx, "one")
        tx.undo_event()

    writer.run(act)
    assert writer.run(names) == {"one"}


def test_operations_on_one_key_collapse_in_the_order_of_the_events(writer: Writer, ids: Ids) -> None:
    def act(tx: Transaction) -> None:
        remember(tx, ids, "ends armed")
        disarm(tx, "ends armed")
        remember(tx, ids, "ends armed")
        remember(tx, ids, "ends gone")
        disarm(tx, "ends gone")

    writer.run(act)
    assert writer.run(timers) == {"ends armed": "armed"}


def test_the_fired_mark_does_not_hit_a_timer_armed_anew(writer: Writer, ids: Ids, clock: FakeClock) -> None:
    claimed = clock.now() + timedelta(hours=1)
    id_ = ids()
    writer.run(lambda tx: arm(tx, id=id_, key="case:1", kind="due", due_at=claimed))

    def act(tx: Transaction) -> None:
        remember(tx, ids, "case:1", hours=9)
        tx.flushed()
        fire(tx, id_, claimed)

    writer.run(act)
    assert writer.run(timers) == {"case:1": "armed"}


def test_a_timer_that_arms_itself_anew_while_it_fires_stays_armed(writer: Writer, ids: Ids, clock: FakeClock) -> None:
    id_ = ids()
    writer.run(lambda tx: arm(tx, id=id_, key="digest", kind="digest", due_at=clock.now()))

    def act(tx: Transaction) -> None:
        fire(tx, id_, clock.now())
        remember(tx, ids, "digest", hours=24)

    writer.run(act)
    assert writer.run(timers) == {"digest": "armed"}


def test_undoing_an_event_forgets_what_it_had_read(writer: Writer) -> None:
    def act(tx: Transaction) -> None:
        tx.begin_event()
        tx.cache["case"] = "as the undone event left it"
        tx.undo_event()
        assert not tx.cache

    writer.run(act)


def test_what_an_event_has_seen_is_forgotten_with_every_write_and_with_its_end(writer: Writer, ids: Ids) -> None:
    def act(tx: Transaction) -> None:
        def see() -> bool:
            was_seen = "x" in tx.seen
            tx.seen["x"] = 1
            return was_seen

        tx.begin_event()
        see()
        remember(tx, ids, "collected")
        assert see()  # nothing is in the database yet
        say(tx, "written")
        assert not see()
        tx.flushed()
        assert not see()
        tx.end_event()
        tx.begin_event()
        assert not see()
        tx.undo_event()
        assert not see()

    writer.run(act)


def test_saving_an_unknown_conversation_makes_no_row(writer: Writer) -> None:
    writer.run(lambda tx: save_conversation(tx, 17, b"state"))
    assert writer.run(lambda tx: tx.read(select(func.count()).select_from(conversation)).scalar_one()) == 0


def test_now_is_one_for_a_whole_transaction(writer: Writer, clock: FakeClock) -> None:
    def act(tx: Transaction) -> bool:
        before = tx.now
        clock.advance(days=1)
        return tx.now == before

    assert writer.run(act)


def test_collected_rows_are_written_sorted_by_key(writer: Writer, ids: Ids, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several writers that lock rows in one order never wait for each other in a circle."""
    written: list[list[Any]] = []

    def noting(prepared: Any, key: str) -> Any:
        def run_many(connection: Any, rows: Any) -> int:
            written.append([row[key] for row in rows])
            return int(type(prepared).run_many(prepared, connection, rows))

        return run_many

    for statement, key in ((queues._ARM, "key"), (queues._DISARM, "row"), (queues._SAVE_CONVERSATION, "row")):
        monkeypatch.setattr(statement, "run_many", noting(statement, key))

    def act(tx: Transaction) -> None:
        for name in ("c", "a", "b"):
            arm(tx, id=ids(), key=name, kind="x", due_at=tx.now)
            disarm(tx, f"gone {name}")
        for chat in (3, 1, 2):
            save_conversation(tx, chat, b"")

    writer.run(act)
    assert all(keys == sorted(keys) for keys in written)
    assert len(written) == 3
