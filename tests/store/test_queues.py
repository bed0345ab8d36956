"""How acts add to what waits: each rule on both databases."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from bot.ids import Ids
from bot.store import claims, facts, queues, sending, withdrawal
from bot.store.queues import JobState, Owed, Policy, conversation, job, outbox, timer
from bot.store.transaction import Transaction
from bot.store.writer import Writer
from bot.telling import Lane
from bot.text import storable
from tests.rig import FakeClock


def owed(tx: Transaction, ids: Ids, key: str, address: int = 1, **more: Any) -> Owed:
    facts: dict[str, Any] = {"lane": Lane.REPLY, "policy": Policy.RESEND, "body": b"sealed", "not_before": tx.now}
    return Owed(id=ids(), channel="silent", address=address, key=key, **(facts | more))


def states(tx: Transaction) -> dict[str, str]:
    return {row.key: row.state for row in tx.flushed().execute(select(outbox.c.key, outbox.c.state))}


def test_a_row_owed_twice_under_one_key_is_owed_once(writer: Writer, ids: Ids) -> None:
    def act(tx: Transaction) -> None:
        queues.owe(tx, owed(tx, ids, "case-event:1"))
        queues.owe(tx, owed(tx, ids, "case-event:1"))

    writer.run(act)
    writer.run(act)
    assert len(writer.run(lambda tx: tx.read(select(outbox.c.id)).all())) == 1


def test_one_key_is_owed_to_each_recipient(writer: Writer, ids: Ids) -> None:
    def act(tx: Transaction) -> None:
        for address in (1, 2):
            queues.owe(tx, owed(tx, ids, "notice:1", address))

    writer.run(act)
    assert len(writer.run(lambda tx: tx.read(select(outbox.c.id)).all())) == 2


def test_a_superseded_prompt_does_not_go_out_and_loses_its_body(writer: Writer, ids: Ids) -> None:
    def act(tx: Transaction) -> int:
        row = owed(tx, ids, "prompt")
        queues.owe(tx, row)
        return row.id

    id_ = writer.run(act)
    writer.run(lambda tx: queues.supersede(tx, id_))
    row = writer.run(lambda tx: tx.read(select(outbox).where(outbox.c.id == id_)).one())
    assert (row.state, row.body) == ("superseded", None)
    assert row.settled_at is not None


def test_what_is_being_sent_is_not_superseded_any_more(writer: Writer, ids: Ids) -> None:
    writer.run(lambda tx: queues.owe(tx, owed(tx, ids, "prompt")))
    (claimed,), _left = writer.run(lambda tx: sending.claim_sendable(tx, "silent", 1, 10, ()))
    writer.run(lambda tx: queues.supersede(tx, claimed.id))
    assert writer.run(states) == {"prompt": "sending"}


def test_revocation_cancels_what_is_queued_for_that_person_about_that_case_only(writer: Writer, ids: Ids) -> None:
    def act(tx: Transaction) -> None:
        queues.owe(tx, owed(tx, ids, "theirs", subject=1, person=5))
        queues.owe(tx, owed(tx, ids, "another case", subject=2, person=5))
        queues.owe(tx, owed(tx, ids, "another person", address=2, subject=1, person=6))
        withdrawal.cancel_for(tx, subject=1, person=5)

    writer.run(act)
    assert writer.run(states) == {"theirs": "cancelled", "another case": "queued", "another person": "queued"}


def test_arming_a_timer_that_exists_sets_its_new_due_time(writer: Writer, ids: Ids, clock: FakeClock) -> None:
    for days in (1, 3):
        due_at = clock.now() + timedelta(days=days)
        writer.run(partial(queues.arm, id=ids(), key="case:1", kind="due", due_at=due_at))
    rows = writer.run(lambda tx: tx.read(select(timer.c.due_at)).scalars().all())
    assert rows == [clock.now() + timedelta(days=3)]


def test_arming_a_timer_that_was_set_aside_gives_it_all_its_tries(writer: Writer, ids: Ids, clock: FakeClock) -> None:
    id_ = ids()
    writer.run(lambda tx: queues.arm(tx, id=id_, key="case:1", kind="due", due_at=tx.now))
    writer.run(lambda tx: claims.count_timer_try(tx, id_, set_aside=True, next_at=tx.now))
    assert writer.run(lambda tx: claims.due_timers(tx, 10, ())) == []
    writer.run(lambda tx: queues.arm(tx, id=ids(), key="case:1", kind="due", due_at=tx.now))
    (due,) = writer.run(lambda tx: claims.due_timers(tx, 10, ()))
    assert (due.id, due.tries) == (id_, 0)


def test_a_disarmed_timer_is_never_due(writer: Writer, ids: Ids, clock: FakeClock) -> None:
    writer.run(lambda tx: queues.arm(tx, id=ids(), key="case:1", kind="due", due_at=tx.now))
    writer.run(lambda tx: queues.disarm(tx, "case:1"))
    assert writer.run(claims.next_due) is None


def test_a_naive_moment_is_refused(writer: Writer, ids: Ids, clock: FakeClock) -> None:
    naive = clock.now().replace(tzinfo=None)
    with pytest.raises(Exception, match="without a time zone"):
        writer.run(lambda tx: queues.arm(tx, id=ids(), key="case:1", kind="due", due_at=naive))


def test_moments_come_back_aware_and_exact(writer: Writer, ids: Ids, clock: FakeClock) -> None:
    exact = clock.now() + timedelta(microseconds=123457)
    writer.run(lambda tx: queues.arm(tx, id=ids(), key="case:1", kind="due", due_at=exact))
    assert writer.run(claims.next_due) == exact


def test_a_job_started_twice_under_one_key_is_done_once(writer: Writer, ids: Ids) -> None:
    for data in (b"first", b"second"):
        writer.run(partial(queues.start_job, id=ids(), key="fetch:1", kind="fetch", subject=1, data=data))
    rows = writer.run(lambda tx: tx.read(select(job.c.data, job.c.state)).all())
    assert [tuple(row) for row in rows] == [(b"first", JobState.WAITING)]


def test_the_last_state_of_a_conversation_in_a_batch_is_kept(writer: Writer, ids: Ids, clock: FakeClock) -> None:
    row = {"id": ids(), "channel": "silent", "key": "1", "lane": 7, "raw": b"r", "received_at": clock.now()}
    writer.run(lambda tx: claims.take_in(tx, [row]))

    def act(tx: Transaction) -> None:
        queues.save_conversation(tx, 7, b"earlier")
        queues.save_conversation(tx, 7, b"later")

    writer.run(act)
    assert writer.run(lambda tx: claims.state_of(tx, 7)) == b"later"
    assert writer.run(lambda tx: tx.read(select(conversation.c.changed_at)).scalar_one()) == clock.now()


@pytest.mark.parametrize("words", ["a\0b", "half \ud83d of a pair", "\udc00", "楼道灯坏了😀"])
def test_every_database_takes_storable_words(writer: Writer, words: str) -> None:
    writer.run(lambda tx: facts.put(tx, "words", storable(words)))
    assert writer.run(lambda tx: facts.get(tx, "words")) == storable(words)
