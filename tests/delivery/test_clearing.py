"""Deleting a talk: a row like any other, tried again until it is done, and honest about what is left."""

from datetime import timedelta

import msgspec
import pytest

from bot.delivery.channel import Abilities
from bot.delivery.owing import OUTBOX
from bot.delivery.sender import Sender
from bot.dialogue.screen import Clearing, Screen
from bot.errors import DeliveryError, NotSent, Refused
from bot.store.queues import OutboxState, outbox
from bot.text import as_text
from tests.delivery.stage import CONTENT, Stage

CAN = Abilities(deletes=True)


@pytest.fixture
def sender(stage: Stage) -> Sender:
    return stage.a_sender()


def owes_clearing(stage: Stage, *messages: str, is_older: bool = False) -> int:
    screen = Screen(as_text("done"), clears=Clearing(messages, as_text("not all"), is_older))
    return stage.owes("", body=CONTENT.seal(msgspec.msgpack.encode(screen), OUTBOX))


def fails_to_delete(stage: Stage, *faults: DeliveryError) -> None:
    """Each once; then it works."""
    waiting, deletes = list(faults), stage.channel.delete

    async def delete(chat: str, messages: tuple[str, ...]) -> bool:
        if waiting:
            raise waiting.pop(0)
        return await deletes(chat, messages)

    stage.channel.delete = delete  # type: ignore[method-assign,assignment]  # fails first, then deletes


async def test_the_talk_goes_and_one_sentence_stays(stage: Stage, sender: Sender) -> None:
    stage.channel.abilities = CAN
    row = owes_clearing(stage, "a", "b")
    await stage.sends(sender)
    assert stage.channel.deleted == [("chat1", "a"), ("chat1", "b")]
    assert stage.channel.texts == ["done"]
    assert (stage.row(outbox, row).state, stage.row(outbox, row).body) == (OutboxState.SENT, None)


async def test_what_arrived_after_it_was_asked_for_goes_too(stage: Stage, sender: Sender) -> None:
    stage.channel.abilities = CAN
    late = stage.owes("late")
    owes_clearing(stage, "a")
    await stage.sends(sender)
    assert stage.channel.deleted == [("chat1", "a"), ("chat1", f"m{late}")]


async def test_a_channel_that_cannot_says_so(stage: Stage, sender: Sender) -> None:
    owes_clearing(stage, "a")
    await stage.sends(sender)
    assert (stage.channel.deleted, stage.channel.texts) == ([], ["not all"])


async def test_a_refusal_is_said_in_words(stage: Stage, sender: Sender) -> None:
    stage.channel.abilities = CAN
    fails_to_delete(stage, Refused("400 not allowed"))
    owes_clearing(stage, "a")
    await stage.sends(sender)
    assert stage.channel.texts == ["not all"]


async def test_what_is_too_old_to_be_deleted_is_said(stage: Stage, sender: Sender) -> None:
    stage.channel.abilities = Abilities(deletes=True, delete_seconds=48 * 3600)
    owes_clearing(stage, "a", is_older=True)
    await stage.sends(sender)
    assert stage.channel.deleted == [("chat1", "a")]
    assert stage.channel.texts == ["not all"]


async def test_a_lost_line_is_tried_again(stage: Stage, sender: Sender) -> None:
    stage.channel.abilities = CAN
    fails_to_delete(stage, NotSent("reset", timedelta(seconds=2)))
    owes_clearing(stage, "a")
    await stage.sends(sender)
    assert stage.channel.texts == []
    stage.clock.advance(seconds=3)
    await stage.sends(sender)
    assert (stage.channel.deleted, stage.channel.texts) == ([("chat1", "a")], ["done"])
