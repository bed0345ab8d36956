"""Taking what waits to be handled, in its order: each rule on both databases."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.engine import URL

from bot.store import claims, queues
from bot.store.claims import WINDOW
from bot.store.engine import writer_engine
from bot.store.queues import InboxState, inbox
from bot.store.transaction import Transaction
from bot.store.writer import Writer
from tests.rig import FakeClock
from tests.store.post import Post

HERE = ("silent",)


@pytest.fixture
def other_writer(url: URL, clock: FakeClock) -> Iterator[Writer]:
    """A second dispatcher's writer: PostgreSQL alone has one."""
    if url.get_backend_name() == "sqlite":
        pytest.skip("an embedded database has one writer")
    other = Writer(writer_engine(url), clock)
    yield other
    other.close()


def test_the_head_of_each_lane_is_taken_oldest_first(post: Post) -> None:
    first, second, _third = post.arrives(5, 4, 5)
    heads = post.writer.run(lambda tx: claims.heads(tx, 10, HERE))
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
    assert post.writer.run(lambda tx: claims.heads(tx, 10, HERE))[0].conversation == b"place"


def test_one_flooded_lane_does_not_hide_the_others(post: Post) -> None:
    post.arrives(*[5] * (WINDOW + 20), 4)
    heads = post.writer.run(lambda tx: claims.heads(tx, 10, HERE))
    assert [head.lane for head in heads] == [5, 4]


@pytest.mark.parametrize(
    ("lanes", "at_most", "behind"),
    [((5, 4), 10, False), ((5, 4, 5), 10, True), ((5, 4, 3), 2, True), ((5,) * (WINDOW + 20), 10, True)],
    ids=["one of each", "two of one", "more than were asked for", "more than were read"],
)
def test_a_look_tells_whether_more_waits(post: Post, lanes: tuple[int, ...], at_most: int, behind: bool) -> None:
    post.arrives(*lanes)
    look = claims.Look()
    post.writer.run(lambda tx: claims.heads(tx, at_most, HERE, look=look))
    assert look.behind is behind


def test_lanes_that_are_skipped_wait(post: Post) -> None:
    post.arrives(5, 4)
    heads = post.writer.run(lambda tx: claims.heads(tx, 10, HERE, skipping=[5]))
    assert [head.lane for head in heads] == [4]


def test_what_came_over_another_channel_waits_for_who_can_read_it(post: Post) -> None:
    post.arrives(5, 4)
    look = claims.Look()
    assert post.writer.run(lambda tx: claims.heads(tx, 10, ["telegram:1", "job"], look=look)) == []
    assert not look.behind
    assert [head.lane for head in post.writer.run(lambda tx: claims.heads(tx, 10, HERE))] == [5, 4]


def test_taking_heads_reads_what_waits_and_not_all_that_ever_came(post: Post) -> None:
    post.writer.run(lambda tx: queues.arm(tx, id=post.ids(), key="draft:5", kind="draft", due_at=tx.now, lane=5))

    def takes(tx: Transaction) -> None:
        assert claims.due_timers(tx, 10, HERE)
        claims.heads(tx, 10, HERE)

    steps = [step for step in post.plan(takes) if "inbox" in step]
    assert len(steps) == 2
    assert all("ix_inbox_new" in step for step in steps), steps


def test_what_has_waited_for_a_channel_for_too_long_is_set_aside(post: Post, clock: FakeClock) -> None:
    old, _known = post.arrives(5, 4)
    clock.advance(days=14, seconds=1)
    (young,) = post.arrives(3)
    before = clock.now() - timedelta(days=14)
    assert post.writer.run(lambda tx: claims.set_strangers_aside(tx, HERE, before)) == 0
    assert post.writer.run(lambda tx: claims.set_strangers_aside(tx, ["telegram:1"], before)) == 2
    states = post.writer.run(lambda tx: dict(tuple(row) for row in tx.read(select(inbox.c.id, inbox.c.state))))
    assert (states[old], states[young]) == (InboxState.SET_ASIDE, InboxState.NEW)


def test_what_is_done_or_set_aside_lets_the_next_of_its_lane_through(post: Post) -> None:
    first, second, third = post.arrives(5, 5, 5)
    post.writer.run(lambda tx: queues.mark_inbox(tx, first))
    post.writer.run(lambda tx: claims.count_try(tx, second, "KeyError", set_aside=True))
    assert [head.id for head in post.writer.run(lambda tx: claims.heads(tx, 10, HERE))] == [third]


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
        assert [head.lane for head in claims.heads(tx, 1, HERE)] == [5]
        return [head.lane for head in other_writer.run(lambda theirs: claims.heads(theirs, 10, HERE))]

    assert post.writer.run(act) == [4]


def test_a_lane_gives_its_updates_in_order_to_several_writers(post: Post, other_writer: Writer) -> None:
    first, second = post.arrives(5, 5)

    def act(tx: Transaction) -> None:
        (head,) = claims.heads(tx, 10, HERE)
        assert head.id == first
        assert other_writer.run(lambda theirs: claims.heads(theirs, 10, HERE)) == []
        queues.mark_inbox(tx, head.id)

    post.writer.run(act)
    assert [head.id for head in other_writer.run(lambda tx: claims.heads(tx, 10, HERE))] == [second]


# --- timers ---


def test_due_timers_come_oldest_first_and_later_ones_not_at_all(post: Post) -> None:
    def act(tx: Transaction) -> None:
        for key, minutes in (("late", -1), ("later", -2), ("not yet", 1)):
            due_at = tx.now + timedelta(minutes=minutes)
            queues.arm(tx, id=post.ids(), key=key, kind="due", due_at=due_at)

    post.writer.run(act)
    assert [due.key for due in post.writer.run(lambda tx: claims.due_timers(tx, 10, HERE))] == ["later", "late"]


def test_a_timer_does_not_wait_for_words_that_nobody_here_can_read(post: Post, clock: FakeClock) -> None:
    """A channel that is switched off would else hold back every timer of the office behind the timers of its chats."""
    post.arrives(5)
    clock.advance(minutes=1)
    post.writer.run(lambda tx: queues.arm(tx, id=post.ids(), key="draft:5", kind="draft", due_at=tx.now, lane=5))
    assert post.writer.run(lambda tx: claims.due_timers(tx, 10, HERE)) == []
    assert [due.key for due in post.writer.run(lambda tx: claims.due_timers(tx, 10, ["telegram:1"]))] == ["draft:5"]


def test_a_timer_about_a_conversation_waits_for_its_lock(post: Post, other_writer: Writer) -> None:
    post.arrives(5)
    post.writer.run(lambda tx: queues.arm(tx, id=post.ids(), key="draft:5", kind="draft", due_at=tx.now, lane=5))

    def act(tx: Transaction) -> int:
        claims.heads(tx, 1, HERE)
        return len(other_writer.run(lambda theirs: claims.due_timers(theirs, 10, HERE)))

    assert post.writer.run(act) == 0


def test_the_next_moment_is_that_of_the_next_armed_timer(post: Post, clock: FakeClock) -> None:
    def act(tx: Transaction) -> None:
        for hours in (5, 2, 9):
            queues.arm(tx, id=post.ids(), key=str(hours), kind="due", due_at=tx.now + timedelta(hours=hours))

    post.writer.run(act)
    assert post.writer.run(claims.next_due) == clock.now() + timedelta(hours=2)
