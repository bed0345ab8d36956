"""The books of a sender: what each failure means, what takes the place of what, and who may read it."""

import asyncio
from datetime import timedelta
from functools import partial

import pytest

from bot.delivery.channel import Abilities
from bot.delivery.ledger import DOWN_PAUSE
from bot.delivery.sender import Sender
from bot.errors import ChannelDown, NotSent, Refused, Uncertain
from bot.store import queues, sending
from bot.store.queues import OutboxState, Policy, outbox
from bot.store.sending import RESEND_AFTER
from bot.telling import OPEN
from tests.delivery.stage import Stage


async def starts(sender: Sender) -> None:
    """A new run settles what the last one left behind, and ends before it sends."""
    running = asyncio.create_task(sender.run())
    await asyncio.sleep(0)
    await sender.stop()
    await running


async def test_what_was_not_sent_goes_out_later_and_in_order(stage: Stage, sender: Sender) -> None:
    stage.owes("one")
    stage.owes("two")
    stage.channel.troubles["one"] = [NotSent("retry_after", timedelta(seconds=30))]
    await stage.sends(sender)
    assert stage.channel.texts == []
    stage.clock.advance(seconds=30)
    await stage.sends(sender)
    assert stage.channel.texts == ["one", "two"]


async def test_a_whole_channel_that_must_wait_sends_to_nobody(stage: Stage, sender: Sender) -> None:
    stage.owes("one")
    stage.channel.troubles["one"] = [NotSent("retry_after", timedelta(seconds=30), whole=True)]
    await stage.sends(sender)
    stage.owes("for li", address=2)
    assert await sender.step() == 0


async def test_one_chat_that_must_wait_stops_no_other(stage: Stage, sender: Sender) -> None:
    stage.owes("one")
    stage.channel.troubles["one"] = [NotSent("retry_after", timedelta(seconds=30))]
    await stage.sends(sender)
    stage.owes("for li", address=2)
    await stage.sends(sender)
    assert stage.channel.texts == ["for li"]


async def test_a_channel_that_is_down_keeps_its_rows_and_pauses(stage: Stage, sender: Sender) -> None:
    id_ = stage.owes("one")
    stage.channel.troubles["one"] = [ChannelDown("unauthorized")]
    await stage.sends(sender)
    row = stage.row(outbox, id_)
    assert (row.state, row.not_before) == (OutboxState.QUEUED, stage.clock.now() + DOWN_PAUSE)
    stage.owes("for li", address=2)
    assert await sender.step() == 0


async def test_a_refusal_ends_the_message_and_is_told(stage: Stage, sender: Sender) -> None:
    id_ = stage.owes("one", subject=77)
    stage.channel.troubles["one"] = [Refused("blocked", gone=True)]
    stage.owes("two")
    await stage.sends(sender)
    row = stage.row(outbox, id_)
    assert (row.state, row.cause, row.body) == (OutboxState.FAILED, "blocked", None)
    assert stage.lost == [(id_, 77, 1, True)]
    assert stage.channel.texts == ["two"]


async def test_a_message_that_cannot_be_opened_fails_and_blocks_nothing(stage: Stage, sender: Sender) -> None:
    id_ = stage.owes("one", body=b"sealed with another key")
    stage.owes("two")
    await stage.sends(sender)
    assert stage.row(outbox, id_).state == OutboxState.FAILED
    assert stage.channel.texts == ["two"]


@pytest.mark.parametrize("fault", [Uncertain("timeout"), KeyError("our own bug")])
@pytest.mark.parametrize(
    "policy, state",
    [
        (Policy.HOLD, OutboxState.UNCERTAIN),
        (Policy.RESEND, OutboxState.QUEUED),
        (Policy.PROMPT, OutboxState.QUEUED),
        (Policy.FREE, OutboxState.QUEUED),
    ],
)
async def test_what_may_have_arrived_is_treated_by_its_policy(
    stage: Stage, sender: Sender, fault: Exception, policy: Policy, state: OutboxState
) -> None:
    id_ = stage.owes("one", policy=policy)
    stage.channel.troubles["one"] = [fault]
    await stage.sends(sender)
    assert stage.row(outbox, id_).state == state


async def test_a_repeat_says_that_it_is_one(stage: Stage, sender: Sender) -> None:
    stage.owes("one")
    stage.channel.troubles["one"] = [Uncertain("timeout")]
    await stage.sends(sender)
    stage.clock.advance(seconds=RESEND_AFTER.total_seconds())
    await stage.sends(sender)
    assert [outgoing.repeat for outgoing in stage.channel.sent] == [True]


async def test_a_channel_that_knows_its_keys_repeats_what_must_not_come_twice(stage: Stage) -> None:
    stage.channel.abilities = Abilities(idempotent_send=True)
    sender = stage.a_sender()
    id_ = stage.owes("one", policy=Policy.HOLD)
    stage.channel.troubles["one"] = [Uncertain("timeout")]
    await stage.sends(sender)
    stage.clock.advance(seconds=2)
    await stage.sends(sender)
    assert [outgoing.id for outgoing in stage.channel.sent] == [id_]


# --- what an earlier run left behind ---


@pytest.mark.parametrize(
    "policy, age, state",
    [
        (Policy.HOLD, timedelta(0), OutboxState.UNCERTAIN),
        (Policy.RESEND, timedelta(0), OutboxState.QUEUED),
        (Policy.FREE, timedelta(days=1), OutboxState.QUEUED),
        (Policy.PROMPT, timedelta(0), OutboxState.QUEUED),
        (Policy.PROMPT, timedelta(hours=1), OutboxState.QUEUED),
    ],
)
async def test_an_orphan_is_treated_by_its_policy_at_the_start(
    stage: Stage, policy: Policy, age: timedelta, state: OutboxState
) -> None:
    id_ = stage.owes("one", policy=policy)
    stage.writer.run(lambda tx: sending.claim_sendable(tx, "silent", 1, 10, ()))
    stage.clock.advance(seconds=age.total_seconds())
    await starts(stage.a_sender(epoch=2))
    assert stage.row(outbox, id_).state == state


async def test_a_start_leaves_alone_what_its_own_run_is_sending(stage: Stage) -> None:
    id_ = stage.owes("one", policy=Policy.HOLD)
    stage.writer.run(lambda tx: sending.claim_sendable(tx, "silent", 2, 10, ()))
    await starts(stage.a_sender(epoch=2))
    assert stage.row(outbox, id_).state == OutboxState.SENDING


# --- rows that take the place of earlier ones ---


async def test_a_row_that_replaces_a_sent_one_edits_its_message(stage: Stage, sender: Sender) -> None:
    earlier = stage.owes("1 vote")
    await stage.sends(sender)
    stage.owes("2 votes", replaces=earlier)
    await stage.sends(sender)
    assert [(str(out.screen.text), out.edits) for out in stage.channel.sent] == [
        ("1 vote", None),
        ("2 votes", f"m{earlier}"),
    ]


async def test_a_row_that_replaces_a_queued_one_goes_out_in_its_place(stage: Stage, sender: Sender) -> None:
    earlier = stage.owes("1 vote", not_before=stage.clock.now() + timedelta(hours=1))
    stage.owes("2 votes", replaces=earlier)
    await stage.sends(sender)
    stage.clock.advance(hours=1)
    await stage.sends(sender)
    assert [(str(out.screen.text), out.edits) for out in stage.channel.sent] == [("2 votes", None)]


async def test_a_row_that_replaces_a_failed_one_is_sent_anew(stage: Stage, sender: Sender) -> None:
    earlier = stage.owes("1 vote")
    stage.channel.troubles["1 vote"] = [Refused("too long")]
    await stage.sends(sender)
    stage.owes("2 votes", replaces=earlier)
    await stage.sends(sender)
    assert [(str(out.screen.text), out.edits) for out in stage.channel.sent] == [("2 votes", None)]


async def test_what_comes_later_does_not_overtake_what_could_not_be_sent(stage: Stage, sender: Sender) -> None:
    stage.channel.troubles["one"] = [NotSent("429", timedelta(seconds=30))]
    stage.owes("one")
    await stage.sends(sender)
    stage.clock.advance(seconds=10)
    stage.owes("two")
    stage.owes("for li", address=2)
    await stage.sends(sender)
    assert stage.channel.texts == ["for li"]
    stage.clock.advance(seconds=20)
    await stage.sends(sender)
    assert stage.channel.texts == ["for li", "one", "two"]


async def test_nor_does_it_after_a_new_start(stage: Stage, sender: Sender) -> None:
    stage.channel.troubles["one"] = [NotSent("429", timedelta(seconds=30))]
    stage.owes("one")
    await stage.sends(sender)
    again = stage.a_sender(epoch=2)
    await starts(again)
    again._stopping = False
    stage.owes("two")
    await stage.sends(again)
    assert stage.channel.texts == []
    stage.clock.advance(seconds=30)
    await stage.sends(again)
    assert stage.channel.texts == ["one", "two"]


async def test_a_closed_page_holds_up_nothing_that_comes_later(stage: Stage, sender: Sender) -> None:
    stage.channel.troubles["one"] = [NotSent(sending.CLOSED, timedelta(days=1))]
    stage.owes("one")
    await stage.sends(sender)
    stage.owes("two")
    await stage.sends(sender)
    assert stage.channel.texts == ["two"]


async def test_a_row_behind_others_that_never_went_out_still_finds_the_first_message(
    stage: Stage, sender: Sender
) -> None:
    first = stage.owes("1 vote")
    await stage.sends(sender)
    later = stage.clock.now() + timedelta(hours=1)
    second = stage.owes("2 votes", replaces=first, not_before=later)
    third = stage.owes("3 votes", replaces=second, not_before=later)
    for id_ in (second, third):
        stage.writer.run(partial(queues.supersede, outbox_id=id_))
    stage.owes("4 votes", replaces=third)
    stage.clock.advance(hours=2)
    await stage.sends(sender)
    assert [(str(out.screen.text), out.edits) for out in stage.channel.sent] == [
        ("1 vote", None),
        ("4 votes", f"m{first}"),
    ]


# --- who may read it (T5) ---


@pytest.mark.parametrize(
    ("audience", "chat", "goes"),
    [
        (None, None, True),
        (None, "group", False),
        (None, "staff:housing", False),
        ("staff:housing", "staff:housing", True),
        ("staff:housing", "staff:", False),
        ("staff:", "staff:housing", False),
        ("staff:housing", "group", False),
        ("staff:housing", None, False),
        (OPEN, None, True),
        (OPEN, "group", True),
        (OPEN, "staff:housing", True),
    ],
)
async def test_nothing_goes_where_it_is_not_meant_to_be_read(
    stage: Stage, sender: Sender, audience: str | None, chat: str | None, goes: bool
) -> None:
    if chat is not None:
        stage.audiences[1] = chat
    id_ = stage.owes("words", audience=audience, subject=77)
    stage.owes("for li", address=2)
    await stage.sends(sender)
    await stage.sends(sender)  # what is refused leaves nothing else behind
    assert stage.channel.texts == (["words", "for li"] if goes else ["for li"])
    assert stage.row(outbox, id_).state == (OutboxState.SENT if goes else OutboxState.CANCELLED)
    assert stage.row(outbox, id_).body is None
    assert stage.lost == []
    assert stage.channel.sent[0].group is (goes and chat is not None)


async def test_what_was_on_its_way_when_its_group_moved_goes_to_the_new_one(stage: Stage, sender: Sender) -> None:
    """The platform says so in an update as well, which may be handled before the refusal is recorded."""
    stage.audiences[1] = "staff:"
    stage.channel.troubles["words"] = [Refused("400", moved_to="new")]
    arrives = stage.channel.held["words"] = asyncio.Event()
    stage.owes("words", audience="staff:")
    await sender.step()
    await stage.channel.began.wait()
    stage.moved[1] = "new"
    arrives.set()
    await sender.idle()
    await stage.sends(sender)
    assert [(out.chat, str(out.screen.text)) for out in stage.channel.sent] == [("new", "words")]


async def test_a_group_that_has_moved_is_followed_once(stage: Stage, sender: Sender) -> None:
    stage.audiences[1] = "staff:"
    stage.channel.troubles["words"] = [Refused("400", moved_to="new")]
    stage.owes("words", audience="staff:")
    await stage.sends(sender)
    await stage.sends(sender)
    assert [(out.chat, str(out.screen.text)) for out in stage.channel.sent] == [("new", "words")]
    stage.channel.troubles["again"] = [Refused("400", moved_to="new")]
    id_ = stage.owes("again", audience="staff:")
    await stage.sends(sender)
    assert stage.row(outbox, id_).state == OutboxState.FAILED
