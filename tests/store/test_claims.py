"""Taking what waits, in its order: each rule on both databases."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.engine import URL

from bot.ids import Ids
from bot.store import claims, queues
from bot.store.claims import MAX_REPEATS, RESEND_AFTER, WINDOW, Lease, Sendable
from bot.store.engine import writer_engine
from bot.store.queues import InboxState, JobState, OutboxState, Policy, inbox, job, outbox
from bot.store.transaction import Transaction
from bot.store.writer import Writer
from bot.telling import Lane
from tests.rig import FakeClock


class Post:
    """Puts rows where they wait and takes them as the loops do."""

    def __init__(self, writer: Writer, ids: Ids, clock: FakeClock) -> None:
        self.writer = writer
        self.ids = ids
        self.clock = clock
        self.names: dict[int, str] = {}
        self._keys = 0

    def arrives(self, *lanes: int) -> list[int]:
        """Updates for these lanes, in this order; their inbox ids."""
        rows = []
        for lane in lanes:
            self._keys += 1
            rows.append({"id": self.ids(), "channel": "silent", "key": str(self._keys), "lane": lane, "raw": b"r",
                         "received_at": self.clock.now()})  # fmt: skip
        self.writer.run(lambda tx: claims.take_in(tx, rows))
        return [int(row["id"]) for row in rows]

    def owes(self, name: str, *, address: int = 1, lane: Lane = Lane.REPLY, policy: Policy = Policy.RESEND,
             channel: str = "silent", **more: object) -> int:  # fmt: skip
        id_ = self.ids()
        self.names[id_] = name

        def act(tx: Transaction) -> None:
            facts = {"not_before": tx.now} | more
            queues.owe(tx, queues.Owed(id=id_, channel=channel, address=address, lane=lane, policy=policy, key=name,
                                       body=b"sealed", **facts))  # type: ignore[arg-type]  # fmt: skip

        self.writer.run(act)
        return id_

    def takes(self, at_most: int = 10, busy: tuple[int, ...] = (), epoch: int = 1) -> list[Sendable]:
        return self.claims(at_most, busy, epoch)[0]

    def claims(self, at_most: int = 10, busy: tuple[int, ...] = (), epoch: int = 1) -> tuple[list[Sendable], bool]:
        return self.writer.run(lambda tx: claims.claim_sendable(tx, "silent", epoch, at_most, busy))

    def sends_all(self) -> list[str]:
        """Everything that may go out now, one round after another, each arriving at once."""
        sent: list[str] = []
        while rows := self.takes():
            sent += [self.names[row.id] for row in rows]
            arrived = {row.id: (f"m{row.id}",) for row in rows}
            self.writer.run(lambda tx, a=arrived: claims.settle_sent(tx, a))
        return sent

    def state(self, id_: int) -> str:
        return str(self.writer.run(lambda tx: tx.read(select(outbox.c.state).where(outbox.c.id == id_)).scalar_one()))


@pytest.fixture
def post(writer: Writer, ids: Ids, clock: FakeClock) -> Post:
    return Post(writer, ids, clock)


@pytest.fixture
def other_writer(url: URL, clock: FakeClock) -> Iterator[Writer]:
    """A second dispatcher's writer: PostgreSQL alone has one."""
    if url.get_backend_name() == "sqlite":
        pytest.skip("an embedded database has one writer")
    other = Writer(writer_engine(url), clock)
    yield other
    other.close()


# --- inbox ---


def test_the_head_of_each_lane_is_taken_oldest_first(post: Post) -> None:
    first, second, _third = post.arrives(5, 4, 5)
    heads = post.writer.run(lambda tx: claims.heads(tx, 10))
    assert [head.id for head in heads] == [first, second]


def test_an_update_that_comes_again_changes_nothing(post: Post, clock: FakeClock) -> None:
    def rows(raw: bytes) -> list[dict[str, object]]:
        keys = ("1", "2") if raw == b"again" else ("1",)
        return [{"id": post.ids(), "channel": "silent", "key": key, "lane": 3, "raw": raw, "received_at": clock.now()}
                for key in keys]  # fmt: skip

    assert post.writer.run(lambda tx: claims.take_in(tx, rows(b"first"))) == 1
    assert post.writer.run(lambda tx: claims.take_in(tx, rows(b"again"))) == 1
    kept = post.writer.run(lambda tx: tx.read(select(inbox.c.raw).order_by(inbox.c.key)).scalars().all())
    assert kept == [b"first", b"again"]


def test_one_key_on_two_channels_is_two_updates(post: Post, clock: FakeClock) -> None:
    rows = [{"id": post.ids(), "channel": channel, "key": "1", "lane": 3, "raw": b"r", "received_at": clock.now()}
            for channel in ("telegram:1", "telegram:2")]  # fmt: skip
    assert post.writer.run(lambda tx: claims.take_in(tx, rows)) == 2


def test_a_new_update_never_touches_the_place_of_its_conversation(post: Post) -> None:
    post.arrives(3)
    post.writer.run(lambda tx: queues.save_conversation(tx, 3, b"place"))
    post.arrives(3)
    assert post.writer.run(lambda tx: claims.heads(tx, 10))[0].conversation == b"place"


def test_one_flooded_lane_does_not_hide_the_others(post: Post) -> None:
    post.arrives(*[5] * (WINDOW + 20), 4)
    heads = post.writer.run(lambda tx: claims.heads(tx, 10))
    assert [head.lane for head in heads] == [5, 4]


def test_lanes_that_are_skipped_wait(post: Post) -> None:
    post.arrives(5, 4)
    heads = post.writer.run(lambda tx: claims.heads(tx, 10, skipping=[5]))
    assert [head.lane for head in heads] == [4]


def test_what_is_done_or_set_aside_lets_the_next_of_its_lane_through(post: Post) -> None:
    first, second, third = post.arrives(5, 5, 5)
    post.writer.run(lambda tx: queues.mark_inbox(tx, first))
    post.writer.run(lambda tx: claims.count_try(tx, second, "KeyError", set_aside=True))
    assert [head.id for head in post.writer.run(lambda tx: claims.heads(tx, 10))] == [third]


def test_the_words_of_a_handled_update_go(post: Post) -> None:
    (id_,) = post.arrives(5)
    post.writer.run(lambda tx: queues.mark_inbox(tx, id_))
    row = post.writer.run(lambda tx: tx.read(select(inbox.c.state, inbox.c.raw)).one())
    assert tuple(row) == (InboxState.DONE, None)


def test_the_words_of_an_update_that_is_set_aside_are_kept(post: Post) -> None:
    (id_,) = post.arrives(5)
    post.writer.run(lambda tx: claims.count_try(tx, id_, "KeyError", set_aside=True))
    row = post.writer.run(lambda tx: tx.read(select(inbox.c.state, inbox.c.raw, inbox.c.error)).one())
    assert tuple(row) == (InboxState.SET_ASIDE, b"r", "KeyError")


def test_a_conversation_in_another_writers_hands_is_left_to_it(post: Post, other_writer: Writer) -> None:
    post.arrives(5, 4)

    def act(tx: Transaction) -> list[int]:
        assert [head.lane for head in claims.heads(tx, 1)] == [5]
        return [head.lane for head in other_writer.run(lambda theirs: claims.heads(theirs, 10))]

    assert post.writer.run(act) == [4]


def test_a_lane_gives_its_updates_in_order_to_several_writers(post: Post, other_writer: Writer) -> None:
    first, second = post.arrives(5, 5)

    def act(tx: Transaction) -> None:
        (head,) = claims.heads(tx, 10)
        assert head.id == first
        assert other_writer.run(lambda theirs: claims.heads(theirs, 10)) == []
        queues.mark_inbox(tx, head.id)

    post.writer.run(act)
    assert [head.id for head in other_writer.run(lambda tx: claims.heads(tx, 10))] == [second]


# --- timers ---


def test_due_timers_come_oldest_first_and_later_ones_not_at_all(post: Post) -> None:
    def act(tx: Transaction) -> None:
        for key, minutes in (("late", -1), ("later", -2), ("not yet", 1)):
            due_at = tx.now + timedelta(minutes=minutes)
            queues.arm(tx, id=post.ids(), key=key, kind="due", due_at=due_at)

    post.writer.run(act)
    assert [due.key for due in post.writer.run(lambda tx: claims.due_timers(tx, 10))] == ["later", "late"]


def test_a_timer_about_a_conversation_waits_for_its_lock(post: Post, other_writer: Writer) -> None:
    post.arrives(5)
    post.writer.run(lambda tx: queues.arm(tx, id=post.ids(), key="draft:5", kind="draft", due_at=tx.now, lane=5))

    def act(tx: Transaction) -> int:
        claims.heads(tx, 1)
        return len(other_writer.run(lambda theirs: claims.due_timers(theirs, 10)))

    assert post.writer.run(act) == 0


def test_the_next_moment_is_that_of_the_next_armed_timer(post: Post, clock: FakeClock) -> None:
    def act(tx: Transaction) -> None:
        for hours in (5, 2, 9):
            queues.arm(tx, id=post.ids(), key=str(hours), kind="due", due_at=tx.now + timedelta(hours=hours))

    post.writer.run(act)
    assert post.writer.run(claims.next_due) == clock.now() + timedelta(hours=2)


# --- outbox ---


def test_order_holds_within_an_address_and_a_lane(post: Post) -> None:
    for name in ("one", "two", "three"):
        post.owes(name)
    assert post.sends_all() == ["one", "two", "three"]


def test_one_address_has_one_message_on_its_way(post: Post) -> None:
    post.owes("one")
    post.owes("two")
    post.owes("for somebody else", address=2)
    assert [post.names[row.id] for row in post.takes()] == ["one", "for somebody else"]
    assert post.takes(busy=(1, 2)) == []


def test_urgent_lanes_go_first(post: Post) -> None:
    post.owes("notice", lane=Lane.NOTICE)
    post.owes("deadline", lane=Lane.DEADLINE)
    post.owes("reply", lane=Lane.REPLY)
    post.owes("answer", lane=Lane.INTERACTIVE)
    assert post.sends_all() == ["answer", "reply", "deadline", "notice"]


def test_a_thousand_notices_do_not_delay_an_answer(post: Post) -> None:
    for number in range(WINDOW + 5):
        post.owes(f"notice {number}", address=7, lane=Lane.NOTICE)
    post.owes("for another", address=8, lane=Lane.NOTICE)
    assert [post.names[row.id] for row in post.takes()] == ["notice 0", "for another"]


def test_a_claim_says_whether_anything_that_is_due_stays_behind(post: Post, clock: FakeClock) -> None:
    post.owes("one", address=1)
    post.owes("two", address=2)
    post.owes("tomorrow", address=3, not_before=clock.now() + timedelta(days=1))
    assert [(len(rows), left) for rows, left in (post.claims(1), post.claims(1), post.claims())] == [
        (1, True), (1, False), (0, False),
    ]  # fmt: skip
    post.owes("three", address=7)
    assert post.claims(busy=(7, 8)) == ([], True)
    post.owes("four", address=9)
    rows, left = post.claims(busy=(7,))
    assert ([post.names[row.id] for row in rows], left) == (["four"], True)
    rows, left = post.claims()
    assert ([post.names[row.id] for row in rows], left) == (["three"], False)


def test_what_is_not_due_blocks_nothing(post: Post, clock: FakeClock) -> None:
    post.owes("tomorrow", not_before=clock.now() + timedelta(days=1))
    post.owes("today")
    assert post.sends_all() == ["today"]
    clock.advance(days=1)
    assert post.sends_all() == ["tomorrow"]


def test_what_is_not_due_is_not_even_read(post: Post, clock: FakeClock) -> None:
    for number in range(5):
        post.owes(f"tomorrow {number}", address=number + 1, not_before=clock.now() + timedelta(days=1))
    post.owes("today")
    read = select(queues.outbox.c.id).where(queues.IS_NEXT)
    assert len(post.writer.run(lambda tx: tx.flushed().execute(read).all())) == 1
    assert post.sends_all() == ["today"]
    clock.advance(days=2)
    assert post.sends_all() == [f"tomorrow {number}" for number in range(5)]
    assert not post.writer.run(lambda tx: tx.flushed().execute(select(outbox.c.id).where(queues.IS_LATER)).all())


def test_claiming_reads_by_the_indexes_of_what_is_next_and_of_what_comes_later(post: Post) -> None:
    if post.writer.run(lambda tx: tx.is_postgresql):
        pytest.skip("a server chooses by its own figures")
    asked: list[str] = []

    def traced(tx: Transaction) -> list[str]:
        driver = tx.flushed().connection.dbapi_connection
        driver.set_trace_callback(asked.append)
        claims.claim_sendable(tx, "silent", 1, 10, ())
        driver.set_trace_callback(None)
        return [str(row[3]) for sql in asked for row in driver.execute(f"EXPLAIN QUERY PLAN {sql}")]

    steps = [step for step in post.writer.run(traced) if "outbox" in step]
    assert [step.split("INDEX ")[1].split()[0] for step in steps] == ["ix_outbox_later", "ix_outbox_next"]
    assert all(step.startswith("SEARCH") for step in steps)


def test_what_waits_for_a_closed_page_blocks_nothing(post: Post) -> None:
    post.owes("waits")
    post.owes("for somebody else", address=2)
    waiting, open_ = post.takes()
    post.writer.run(lambda tx: claims.postpone(tx, waiting, tx.now + timedelta(days=30), "closed page"))
    post.writer.run(lambda tx: claims.settle_sent(tx, {open_.id: ("m1",)}))
    post.owes("more for somebody else", address=2)
    assert post.sends_all() == ["more for somebody else"]


def test_a_postponed_message_keeps_those_behind_it_behind_it(post: Post, clock: FakeClock) -> None:
    post.owes("one")
    post.owes("two")
    (row,) = post.takes()
    post.writer.run(lambda tx: claims.postpone(tx, row, tx.now + timedelta(seconds=30), "retry_after"))
    assert post.sends_all() == []
    clock.advance(seconds=30)
    assert post.sends_all() == ["one", "two"]


def test_postponing_brings_nothing_forward(post: Post, clock: FakeClock) -> None:
    post.owes("now")
    post.owes("tomorrow", not_before=clock.now() + timedelta(days=1))
    (row,) = post.takes()
    post.writer.run(lambda tx: claims.postpone(tx, row, tx.now + timedelta(seconds=30), "retry_after"))
    clock.advance(seconds=30)
    assert post.sends_all() == ["now"]


def test_an_opened_page_gets_what_waited_for_it_and_nothing_meant_for_later(post: Post, clock: FakeClock) -> None:
    post.owes("one")
    post.owes("two")
    post.owes("tomorrow", not_before=clock.now() + timedelta(days=90))
    post.owes("another page", address=2)
    for row in post.takes():
        post.writer.run(lambda tx, r=row: claims.postpone(tx, r, tx.now + timedelta(days=30), "closed page"))
    assert post.writer.run(lambda tx: claims.wake_address(tx, 1, "closed page")) == 2
    assert post.sends_all() == ["one", "two"]


def test_each_channel_sends_its_own_rows(post: Post) -> None:
    post.owes("elsewhere", channel="telegram:1")
    assert post.sends_all() == []


def test_what_arrived_keeps_its_message_and_loses_its_body(post: Post) -> None:
    id_ = post.owes("one", subject=77)
    post.takes()
    post.writer.run(lambda tx: claims.settle_sent(tx, {id_: ("m1",)}))
    row = post.writer.run(lambda tx: tx.read(select(outbox).where(outbox.c.id == id_)).one())
    assert (row.state, row.message, row.body) == (OutboxState.SENT, "m1", None)
    assert post.writer.run(lambda tx: claims.subject_of(tx, 1, "m1")) == 77
    assert post.writer.run(lambda tx: claims.subject_of(tx, 2, "m1")) is None


def test_an_end_is_recorded_once(post: Post) -> None:
    id_ = post.owes("one")
    post.takes()
    post.writer.run(lambda tx: claims.settle(tx, id_, OutboxState.FAILED, cause="blocked"))
    post.writer.run(lambda tx: claims.settle_sent(tx, {id_: ("m1",)}))
    post.writer.run(lambda tx: claims.settle(tx, id_, OutboxState.SENT))
    assert post.state(id_) == "failed"


def test_replacing_what_is_still_queued_supersedes_it(post: Post) -> None:
    earlier = post.owes("earlier", not_before=post.clock.now() + timedelta(days=1))
    found = post.writer.run(lambda tx: claims.replaced(tx, [earlier]))
    assert found == {earlier: ("superseded", None)}
    assert post.state(earlier) == "superseded"


def test_replacing_what_was_sent_finds_its_message(post: Post) -> None:
    earlier = post.owes("earlier")
    post.takes()
    post.writer.run(lambda tx: claims.settle_sent(tx, {earlier: ("m1",)}))
    assert post.writer.run(lambda tx: claims.replaced(tx, [earlier])) == {earlier: ("sent", "m1")}


def test_replacing_what_failed_finds_no_message(post: Post) -> None:
    earlier = post.owes("earlier")
    post.takes()
    post.writer.run(lambda tx: claims.settle(tx, earlier, OutboxState.FAILED, cause="too old"))
    assert post.writer.run(lambda tx: claims.replaced(tx, [earlier])) == {earlier: ("failed", None)}


def uncertain(post: Post, policy: Policy, *, idempotent: bool = False, after: timedelta = timedelta(0)) -> str:
    """The state of a row of this policy whose only try may have arrived."""
    id_ = post.owes(f"{policy} {idempotent}", policy=policy)
    row = next(row for row in post.takes() if row.id == id_)
    post.clock.advance(seconds=after.total_seconds())
    return str(post.writer.run(lambda tx: claims.after_uncertain(tx, row, idempotent=idempotent)))


def test_uncertain_a_held_message_is_never_sent_twice(post: Post) -> None:
    assert uncertain(post, Policy.HOLD) == "uncertain"
    post.clock.advance(days=1)
    assert post.takes() == []


def test_uncertain_a_channel_that_knows_its_keys_may_repeat_everything(post: Post) -> None:
    assert uncertain(post, Policy.HOLD, idempotent=True) == "queued"


def test_uncertain_what_changes_nothing_twice_is_sent_again(post: Post) -> None:
    assert uncertain(post, Policy.FREE) == "queued"


def test_uncertain_a_prompt_is_sent_again_however_old(post: Post) -> None:
    """The screen that counts is superseded by a newer one, never by the clock."""
    assert uncertain(post, Policy.PROMPT, after=timedelta(hours=1)) == "queued"


def test_uncertain_a_reply_is_repeated_after_a_minute_at_most_twice(post: Post, clock: FakeClock) -> None:
    id_ = post.owes("reply")
    for repeats in range(MAX_REPEATS):
        (row,) = post.takes()
        assert row.repeats == repeats
        assert post.writer.run(lambda tx, r=row: claims.after_uncertain(tx, r, idempotent=False)) == "queued"
        clock.advance(seconds=RESEND_AFTER.total_seconds() - 1)
        assert post.takes() == []
        clock.advance(seconds=1)
    (row,) = post.takes()
    assert post.writer.run(lambda tx: claims.after_uncertain(tx, row, idempotent=False)) == "uncertain"
    assert post.state(id_) == "uncertain"


def test_orphans_are_what_an_earlier_run_was_sending(post: Post) -> None:
    id_ = post.owes("one")
    post.takes(epoch=4)
    assert post.writer.run(lambda tx: claims.orphans(tx, 4)) == []
    ((channel, row),) = post.writer.run(lambda tx: claims.orphans(tx, 5))
    assert (channel, row.id) == ("silent", id_)


# --- jobs ---


def claimed_and_taken_back(post: Post, policy: Policy) -> Sendable:
    """On its way, when the right to receive it ends."""
    post.owes("card", policy=policy, subject=7, person=8)
    (row,) = post.takes()
    post.writer.run(lambda tx: queues.cancel_for(tx, 7, 8))
    return row


def test_what_is_taken_back_on_its_way_is_not_tried_again(post: Post, clock: FakeClock) -> None:
    row = claimed_and_taken_back(post, Policy.RESEND)
    post.writer.run(lambda tx: claims.postpone(tx, row, clock.now(), "429"))
    assert post.state(row.id) == "cancelled"


def test_what_is_taken_back_on_its_way_and_may_have_arrived_is_listed(post: Post) -> None:
    row = claimed_and_taken_back(post, Policy.FREE)
    post.writer.run(lambda tx: claims.after_uncertain(tx, row, idempotent=True))
    assert post.state(row.id) == "uncertain"


def start_job(post: Post, subject: int = 1) -> None:
    def act(tx: Transaction) -> None:
        queues.start_job(tx, id=post.ids(), key=f"fetch:{subject}", kind="fetch", subject=subject, data=b"sealed")

    post.writer.run(act)


def lease(post: Post) -> list[Lease]:
    return post.writer.run(lambda tx: claims.lease_jobs(tx, 10, timedelta(minutes=5)))


def finish(post: Post, held: Lease) -> bool:
    return post.writer.run(lambda tx: claims.finish_job(tx, held, JobState.DONE, id_=post.ids(), raw=b"result"))


def test_a_leased_job_is_leased_again_when_its_lease_ran_out(post: Post, clock: FakeClock) -> None:
    start_job(post)
    (first,) = lease(post)
    assert lease(post) == []
    clock.advance(minutes=5)
    (second,) = lease(post)
    assert (second.epoch, second.tries) == (first.epoch + 1, 2)


def test_a_late_finisher_of_a_job_is_fenced(post: Post, clock: FakeClock) -> None:
    start_job(post)
    (late,) = lease(post)
    clock.advance(minutes=5)
    (current,) = lease(post)
    assert not finish(post, late)
    assert post.writer.run(lambda tx: tx.read(select(inbox.c.id)).all()) == []
    post.writer.run(lambda tx: claims.retry_job(tx, late, tx.now, "too late"))
    assert lease(post) == []
    assert finish(post, current)
    assert not finish(post, current)


def test_the_result_of_a_job_enters_the_inbox_with_its_end(post: Post) -> None:
    start_job(post, subject=9)
    (held,) = lease(post)
    assert finish(post, held)
    (head,) = post.writer.run(lambda tx: claims.heads(tx, 10))
    assert (head.channel, head.raw) == ("job", b"result")
    assert post.writer.run(lambda tx: tx.read(select(job.c.state)).scalar_one()) == JobState.DONE


def test_the_results_about_one_case_keep_their_order(post: Post) -> None:
    for subject in (9, 9, 8):
        post.writer.run(lambda tx, s=subject: queues.start_job(tx, id=post.ids(), key=f"{s}:{post.ids()}",
                                                               kind="fetch", subject=s, data=b"r"))  # fmt: skip
    for held in lease(post):
        finish(post, held)
    lanes = post.writer.run(lambda tx: tx.read(select(inbox.c.lane).order_by(inbox.c.id)).scalars().all())
    assert lanes[0] == lanes[1] != lanes[2]


def test_a_job_that_is_tried_again_waits_for_its_moment(post: Post, clock: FakeClock) -> None:
    start_job(post)
    (held,) = lease(post)
    post.writer.run(lambda tx: claims.retry_job(tx, held, tx.now + timedelta(seconds=15), "gone"))
    assert lease(post) == []
    clock.advance(seconds=15)
    assert len(lease(post)) == 1


def test_notices_take_no_more_than_their_share(post: Post) -> None:
    for address in range(1, 6):
        post.owes(f"notice {address}", address=address, lane=Lane.NOTICE)
    post.owes("answer", address=9)

    def takes(bulk: int) -> list[str]:
        rows = post.writer.run(lambda tx: claims.claim_sendable(tx, "silent", 1, 4, (), bulk=bulk))[0]
        return [post.names[row.id] for row in rows]

    assert takes(2) == ["answer", "notice 1", "notice 2"]
    assert takes(0) == []
    assert takes(99) == ["notice 3", "notice 4", "notice 5"]


def test_what_is_cancelled_for_a_subject_is_only_what_has_not_gone_out(post: Post) -> None:
    gone = post.owes("sent", address=1, subject=7)
    post.takes()
    post.writer.run(lambda tx: claims.settle_sent(tx, {gone: "m1"}))
    on_its_way = post.owes("on its way", address=2, subject=7)
    post.takes()
    waiting = [post.owes(f"waiting {address}", address=address, subject=7) for address in (3, 4)]
    other = post.owes("other", address=5, subject=8)
    assert post.writer.run(lambda tx: queues.cancel_all(tx, 7)) == 2
    assert [post.state(id_) for id_ in (gone, on_its_way, *waiting, other)] == [
        "sent", "sending", "cancelled", "cancelled", "queued",
    ]  # fmt: skip
    assert post.sends_all() == ["other"]
