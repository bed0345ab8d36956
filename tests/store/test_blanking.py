"""What is taken out of the queues of one talk, and what of others stays as it is."""

from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.engine import URL

from bot.ids import Ids
from bot.store import blanking, claims, jobs, queues, sending
from bot.store.engine import file_of
from bot.store.queues import JobState, Owed, Policy, inbox, job, outbox
from bot.store.talks import web_message
from bot.store.transaction import Transaction
from bot.store.writer import Writer
from bot.telling import Lane
from tests.rig import FakeClock

LANE, OTHER = 11, 12


def owes(writer: Writer, ids: Ids, *, address: int = 1, subject: int | None = None) -> int:
    id_ = ids()

    def act(tx: Transaction) -> None:
        queues.owe(tx, Owed(id=id_, channel="silent", address=address, lane=Lane.INTERACTIVE, policy=Policy.PROMPT,
                            key=str(id_), body=b"sealed", not_before=tx.now, subject=subject))  # fmt: skip

    writer.run(act)
    return id_


def sent(writer: Writer, ids: Ids, *messages: str, **more: Any) -> int:
    id_ = owes(writer, ids, **more)
    writer.run(lambda tx: sending.claim_sendable(tx, "silent", 1, 10, ()))
    writer.run(lambda tx: sending.settle_sent(tx, {id_: messages}))
    return id_


def rows(writer: Writer) -> dict[int, Any]:
    return {row.id: row for row in writer.run(lambda tx: tx.flushed().execute(select(outbox)).all())}


def test_what_was_shown_about_no_case_goes_and_the_rest_stays(writer: Writer, ids: Ids, clock: FakeClock) -> None:
    before = sent(writer, ids, "m0")
    clock.advance(hours=1)
    began = clock.now()
    gone = sent(writer, ids, "m1")
    of_a_case, of_another = sent(writer, ids, "m2", subject=77), sent(writer, ids, "m3", address=2)
    on_its_way = owes(writer, ids)
    writer.run(lambda tx: sending.claim_sendable(tx, "silent", 1, 10, ()))
    queued = owes(writer, ids)
    writer.run(lambda tx: blanking.blank_outbox(tx, 1, began))
    left = rows(writer)
    assert left.keys() == {before, of_a_case, of_another, on_its_way}
    assert gone not in left
    assert queued not in left
    assert (left[on_its_way].state, left[on_its_way].body) == ("sending", None)


def test_the_ids_of_all_parts_are_known_before_they_go(writer: Writer, ids: Ids, clock: FakeClock) -> None:
    sent(writer, ids, "old")
    clock.advance(hours=50)
    sent(writer, ids, "m1", "m2", "m3")
    since = clock.now() - timedelta(hours=48)
    found = writer.run(lambda tx: blanking.message_ids(tx, 1, since))
    assert [message for message, _at in found] == ["m1", "m2", "m3"]
    assert writer.run(lambda tx: blanking.has_older(tx, 1, since))
    writer.run(lambda tx: blanking.forget_messages(tx, 1, since))
    assert writer.run(lambda tx: blanking.message_ids(tx, 1, since)) == []
    assert not writer.run(lambda tx: blanking.has_older(tx, 2, since))


def test_more_parts_than_there_is_room_for_do_not_break_the_record(writer: Writer, ids: Ids) -> None:
    id_ = sent(writer, ids, *(f"{number:010}" for number in range(200)))
    row = rows(writer)[id_]
    assert (row.state, row.message) == ("sent", "0000000199")
    assert row.parts.startswith("0000000000 0000000001")


def test_what_was_set_aside_loses_its_words_and_what_waits_keeps_them(writer: Writer, clock: FakeClock) -> None:
    def store(id_: int, lane: int) -> None:
        row = {
            "id": id_,
            "channel": "silent",
            "key": str(id_),
            "lane": lane,
            "raw": b"words",
            "received_at": clock.now(),
        }
        writer.run(lambda tx: claims.take_in(tx, [row]))

    for id_, lane in ((1, LANE), (2, LANE), (3, OTHER)):
        store(id_, lane)
    for id_ in (1, 3):
        writer.run(partial(claims.count_try, id_=id_, error="ValueError", set_aside=True))
    writer.run(lambda tx: blanking.blank_inbox(tx, LANE, clock.now()))
    found = writer.run(lambda tx: tx.read(select(inbox.c.id, inbox.c.raw, inbox.c.error).order_by(inbox.c.id)).all())
    assert [tuple(row) for row in found] == [(1, None, None), (2, b"words", None), (3, b"words", "ValueError")]


def test_pages_forget_what_came_since(writer: Writer, clock: FakeClock) -> None:
    def shown(id_: int, chat: int) -> None:
        row = {"id": id_, "chat": chat, "mine": True, "body": b"x", "at": clock.now()}
        writer.run(lambda tx: tx.write(insert(web_message), row))

    shown(1, LANE)
    clock.advance(hours=1)
    shown(2, LANE)
    shown(3, OTHER)
    writer.run(lambda tx: blanking.blank_pages(tx, LANE, clock.now()))
    assert writer.run(lambda tx: tx.read(select(web_message.c.id).order_by(web_message.c.id)).scalars().all()) == [1, 3]


def test_a_job_goes_with_its_result(writer: Writer, ids: Ids, clock: FakeClock) -> None:
    def start(tx: Transaction) -> None:
        queues.start_job(tx, id=5, key="file:9", kind="file.fetch", subject=9, data=b"ref")

    writer.run(start)
    (lease,) = writer.run(lambda tx: jobs.lease_jobs(tx, 4, timedelta(minutes=5)))
    assert writer.run(lambda tx: jobs.finish_job(tx, lease, JobState.DONE, id_=6, raw=b"result"))
    assert writer.run(lambda tx: tx.read(select(job.c.data)).scalar_one()) == b""
    writer.run(lambda tx: blanking.forget_job(tx, "file:9"))
    assert writer.run(lambda tx: tx.read(select(job.c.id)).all()) == []
    assert writer.run(lambda tx: tx.read(select(inbox.c.id)).all()) == []
    writer.run(lambda tx: blanking.forget_job(tx, "file:9"))  # once more changes nothing


def test_the_log_is_emptied_after_the_commit_that_asks_for_it(writer: Writer, url: URL, ids: Ids) -> None:
    file = file_of(url)
    if file is None:
        pytest.skip("a server keeps its own log")
    log = Path(f"{file}-wal")
    owes(writer, ids)
    assert log.stat().st_size > 0

    def scrub(tx: Transaction) -> None:
        blanking.blank_outbox(tx, 1, tx.now)
        tx.scrubs = True

    writer.run(scrub)
    assert log.stat().st_size == 0
    owes(writer, ids)  # and goes on
