"""Taking what waits to be sent, in its order, and what becomes of it: each rule on both databases."""

from datetime import timedelta
from functools import partial

from sqlalchemy import select

from bot.store import queues, sending, withdrawal
from bot.store.claims import WINDOW
from bot.store.queues import OutboxState, Policy, outbox
from bot.store.sending import MAX_REPEATS, MOST_TRIES, RESEND_AFTER, Left, Sendable
from bot.telling import Lane
from tests.rig import FakeClock
from tests.store.post import Post


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
    assert [(len(rows), left.more) for rows, left in (post.claims(1), post.claims(1), post.claims())] == [
        (1, True), (1, False), (0, False),
    ]  # fmt: skip
    post.owes("three", address=7)
    assert post.claims(busy=(7, 8)) == ([], Left(frozenset({7}), more=False))
    post.owes("four", address=9)
    post.owes("five", address=9)
    rows, left = post.claims(busy=(7,))
    assert ([post.names[row.id] for row in rows], left) == (["four"], Left(frozenset({7, 9}), more=False))
    rows, left = post.claims()
    assert ([post.names[row.id] for row in rows], left) == (["three", "five"], Left(frozenset(), more=False))


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
    plan = post.plan(lambda tx: sending.claim_sendable(tx, "silent", 1, 10, ()))
    steps = [step for step in plan if "outbox" in step]
    assert [step.split("INDEX ")[1].split()[0] for step in steps] == ["ix_outbox_later", "ix_outbox_next"]
    assert all(step.startswith("SEARCH") for step in steps)


def test_what_waits_for_a_closed_page_blocks_nothing(post: Post) -> None:
    post.owes("waits")
    post.owes("for somebody else", address=2)
    waiting, open_ = post.takes()
    post.writer.run(lambda tx: sending.postpone(tx, waiting, tx.now + timedelta(days=30), "closed page"))
    post.writer.run(lambda tx: sending.settle_sent(tx, {open_.id: ("m1",)}))
    post.owes("more for somebody else", address=2)
    assert post.sends_all() == ["more for somebody else"]


def test_a_postponed_message_keeps_those_behind_it_behind_it(post: Post, clock: FakeClock) -> None:
    post.owes("one")
    post.owes("two")
    (row,) = post.takes()
    post.writer.run(lambda tx: sending.postpone(tx, row, tx.now + timedelta(seconds=30), "retry_after"))
    assert post.sends_all() == []
    clock.advance(seconds=30)
    assert post.sends_all() == ["one", "two"]


def test_postponing_brings_nothing_forward(post: Post, clock: FakeClock) -> None:
    post.owes("now")
    post.owes("tomorrow", not_before=clock.now() + timedelta(days=1))
    (row,) = post.takes()
    post.writer.run(lambda tx: sending.postpone(tx, row, tx.now + timedelta(seconds=30), "retry_after"))
    clock.advance(seconds=30)
    assert post.sends_all() == ["now"]


def test_an_opened_page_gets_what_waited_for_it_and_nothing_meant_for_later(post: Post, clock: FakeClock) -> None:
    post.owes("one")
    post.owes("two")
    post.owes("tomorrow", not_before=clock.now() + timedelta(days=90))
    post.owes("another page", address=2)
    for row in post.takes():
        post.writer.run(partial(sending.postpone, row=row, until=clock.now() + timedelta(days=30), cause="closed page"))
    assert post.writer.run(lambda tx: sending.wake_address(tx, 1, "closed page")) == 2
    assert post.sends_all() == ["one", "two"]


def test_whoever_never_takes_a_message_keeps_no_other_from_going_out(post: Post) -> None:
    """A page that is opened and closed a thousand times an hour: a column of small integers ends (PostgreSQL)."""
    refused = post.owes("to somebody who never takes it")
    often = outbox.update().where(outbox.c.id == refused).values(tries=MOST_TRIES)
    post.writer.run(lambda tx: tx.flushed().execute(often))
    post.owes("to another", address=2)
    assert post.sends_all() == ["to somebody who never takes it", "to another"]


def test_each_channel_sends_its_own_rows(post: Post) -> None:
    post.owes("elsewhere", channel="telegram:1")
    assert post.sends_all() == []


def test_what_arrived_keeps_its_message_and_loses_its_body(post: Post) -> None:
    id_ = post.owes("one", subject=77)
    post.takes()
    post.writer.run(lambda tx: sending.settle_sent(tx, {id_: ("m1",)}))
    row = post.writer.run(lambda tx: tx.read(select(outbox).where(outbox.c.id == id_)).one())
    assert (row.state, row.message, row.body) == (OutboxState.SENT, "m1", None)
    assert post.writer.run(lambda tx: sending.subject_of(tx, 1, "m1")) == 77
    assert post.writer.run(lambda tx: sending.subject_of(tx, 2, "m1")) is None


def test_an_end_is_recorded_once(post: Post) -> None:
    id_ = post.owes("one")
    post.takes()
    post.writer.run(lambda tx: sending.settle(tx, id_, OutboxState.FAILED, cause="blocked"))
    post.writer.run(lambda tx: sending.settle_sent(tx, {id_: ("m1",)}))
    post.writer.run(lambda tx: sending.settle(tx, id_, OutboxState.SENT))
    assert post.state(id_) == "failed"


def test_replacing_what_is_still_queued_supersedes_it(post: Post) -> None:
    earlier = post.owes("earlier", not_before=post.clock.now() + timedelta(days=1))
    found = post.writer.run(lambda tx: sending.replaced(tx, [earlier]))
    assert found == {earlier: ("superseded", None)}
    assert post.state(earlier) == "superseded"


def test_replacing_what_was_sent_finds_its_message(post: Post) -> None:
    earlier = post.owes("earlier")
    post.takes()
    post.writer.run(lambda tx: sending.settle_sent(tx, {earlier: ("m1",)}))
    assert post.writer.run(lambda tx: sending.replaced(tx, [earlier])) == {earlier: ("sent", "m1")}


def test_replacing_what_failed_finds_no_message(post: Post) -> None:
    earlier = post.owes("earlier")
    post.takes()
    post.writer.run(lambda tx: sending.settle(tx, earlier, OutboxState.FAILED, cause="too old"))
    assert post.writer.run(lambda tx: sending.replaced(tx, [earlier])) == {earlier: ("failed", None)}


def uncertain(post: Post, policy: Policy, *, idempotent: bool = False, after: timedelta = timedelta(0)) -> str:
    """The state of a row of this policy whose only try may have arrived."""
    id_ = post.owes(f"{policy} {idempotent}", policy=policy)
    row = next(row for row in post.takes() if row.id == id_)
    post.clock.advance(seconds=after.total_seconds())
    return str(post.writer.run(lambda tx: sending.after_uncertain(tx, row, idempotent=idempotent)))


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
        assert post.writer.run(partial(sending.after_uncertain, row=row, idempotent=False)) == "queued"
        clock.advance(seconds=RESEND_AFTER.total_seconds() - 1)
        assert post.takes() == []
        clock.advance(seconds=1)
    (row,) = post.takes()
    assert post.writer.run(lambda tx: sending.after_uncertain(tx, row, idempotent=False)) == "uncertain"
    assert post.state(id_) == "uncertain"


def test_orphans_are_what_an_earlier_run_was_sending(post: Post) -> None:
    id_ = post.owes("one")
    post.takes(epoch=4)
    assert post.writer.run(lambda tx: sending.orphans(tx, 4)) == []
    ((channel, row),) = post.writer.run(lambda tx: sending.orphans(tx, 5))
    assert (channel, row.id) == ("silent", id_)


def claimed_and_taken_back(post: Post, policy: Policy) -> Sendable:
    """On its way, when the right to receive it ends."""
    post.owes("card", policy=policy, subject=7, person=8)
    (row,) = post.takes()
    post.writer.run(lambda tx: withdrawal.cancel_for(tx, 7, 8))
    return row


def test_what_is_taken_back_on_its_way_is_not_tried_again(post: Post, clock: FakeClock) -> None:
    row = claimed_and_taken_back(post, Policy.RESEND)
    post.writer.run(lambda tx: sending.postpone(tx, row, clock.now(), "429"))
    assert post.state(row.id) == "cancelled"


def test_what_is_taken_back_on_its_way_and_may_have_arrived_is_listed(post: Post) -> None:
    row = claimed_and_taken_back(post, Policy.FREE)
    post.writer.run(lambda tx: sending.after_uncertain(tx, row, idempotent=True))
    assert post.state(row.id) == "uncertain"


def test_notices_take_no_more_than_their_share(post: Post) -> None:
    for address in range(1, 6):
        post.owes(f"notice {address}", address=address, lane=Lane.NOTICE)
    post.owes("answer", address=9)

    def takes(bulk: int) -> list[str]:
        rows = post.writer.run(lambda tx: sending.claim_sendable(tx, "silent", 1, 4, (), bulk=bulk))[0]
        return [post.names[row.id] for row in rows]

    assert takes(2) == ["answer", "notice 1", "notice 2"]
    assert takes(0) == []
    assert takes(99) == ["notice 3", "notice 4", "notice 5"]


def test_what_is_cancelled_for_a_subject_is_only_what_has_not_gone_out(post: Post) -> None:
    gone = post.owes("sent", address=1, subject=7)
    post.takes()
    post.writer.run(lambda tx: sending.settle_sent(tx, {gone: "m1"}))
    on_its_way = post.owes("on its way", address=2, subject=7)
    post.takes()
    waiting = [post.owes(f"waiting {address}", address=address, subject=7) for address in (3, 4)]
    other = post.owes("other", address=5, subject=8)
    assert post.writer.run(lambda tx: withdrawal.cancel_all(tx, 7)) == 2
    assert [post.state(id_) for id_ in (gone, on_its_way, *waiting, other)] == [
        "sent", "sending", "cancelled", "cancelled", "queued",
    ]  # fmt: skip
    assert post.sends_all() == ["other"]
