"""Edits and deletions."""

import pytest

from tests.fakebotapi import FakeBotApi, ManualClock, Person
from tests.fakebotapi.conftest import Client

pytestmark = pytest.mark.sockets

ONE = {"inline_keyboard": [[{"text": "x", "callback_data": "x"}]]}
NOT_MODIFIED = (
    400,
    "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a "
    "current content and reply markup of the message",
)


@pytest.fixture
def alice(api: FakeBotApi) -> Person:
    alice = api.person("Alice")
    alice.starts()
    return alice


async def test_an_edit_must_change_something(client: Client, alice: Person, clock: ManualClock) -> None:
    sent = await client.asked("sendMessage", chat_id=alice.id, text="a", reply_markup=ONE)
    where = {"chat_id": alice.id, "message_id": sent["message_id"]}
    assert await client.refused("editMessageText", **where, text="a", reply_markup=ONE) == NOT_MODIFIED
    edited = await client.asked("editMessageText", **where, text="a")
    assert edited["edit_date"] == clock()
    assert await client.refused("editMessageReplyMarkup", **where) == NOT_MODIFIED
    await client.asked("editMessageReplyMarkup", **where, reply_markup=ONE)
    assert await client.refused("editMessageReplyMarkup", **where, reply_markup=ONE) == NOT_MODIFIED
    assert alice.screen is not None
    assert alice.screen.buttons == ["x"]


async def test_edits_refused(client: Client, alice: Person) -> None:
    sent = await client.asked("sendMessage", chat_id=alice.id, text="a")
    where = {"chat_id": alice.id, "message_id": sent["message_id"]}
    missing = {**where, "message_id": 9999}
    assert await client.refused("editMessageText", **missing, text="b") == (
        400,
        "Bad Request: message to edit not found",
    )
    own = {**where, "message_id": alice.messages[0].id}
    assert await client.refused("editMessageText", **own, text="b") == (400, "Bad Request: message can't be edited")
    assert await client.refused("editMessageText", **where, text="") == (400, "Bad Request: message text is empty")
    typed = {"keyboard": [[{"text": "x"}]]}
    refused = await client.refused("editMessageText", **where, text="b", reply_markup=typed)
    assert refused == (400, "Bad Request: inline keyboard expected")
    refused = await client.refused("editMessageCaption", **where, caption="b")
    assert refused == (400, "Bad Request: there is no caption in the message to edit")
    alice.blocks()
    assert (await client.refused("editMessageText", **where, text="b"))[0] == 403


async def test_deletions(client: Client, alice: Person, clock: ManualClock) -> None:
    numbers = [(await client.asked("sendMessage", chat_id=alice.id, text=word))["message_id"] for word in "abc"]
    await client.asked("deleteMessage", chat_id=alice.id, message_id=numbers[0])
    refused = await client.refused("deleteMessage", chat_id=alice.id, message_id=numbers[0])
    assert refused == (400, "Bad Request: message to delete not found")
    await client.asked("deleteMessages", chat_id=alice.id, message_ids=numbers[:2])
    assert [message.text for message in alice.received] == ["c"]
    assert (await client.refused("deleteMessages", chat_id=alice.id, message_ids=list(range(101))))[0] == 400
    clock.advance(48 * 3600 + 1)
    refused = await client.refused("deleteMessage", chat_id=alice.id, message_id=numbers[2])
    assert refused == (400, "Bad Request: message can't be deleted for everyone")
    young = (await client.asked("sendMessage", chat_id=alice.id, text="d"))["message_id"]
    refused = await client.refused("deleteMessages", chat_id=alice.id, message_ids=[young, numbers[2]])
    assert refused == (400, "Bad Request: message can't be deleted for everyone")
    assert [message.text for message in alice.received] == ["c", "d"]


async def test_deletions_of_no_message(client: Client, alice: Person) -> None:
    for odd, words in (
        ([], "message identifiers are not specified"),
        (7, "expected an Array of message identifiers"),
        ([0], "invalid message identifier specified"),
        (["a"], "invalid message identifier specified"),
    ):
        refused = await client.refused("deleteMessages", chat_id=alice.id, message_ids=odd)
        assert refused == (400, f"Bad Request: {words}")


async def test_people_edit_and_delete_too(client: Client, alice: Person, clock: ManualClock) -> None:
    said = alice.says("a")
    clock.advance(60)
    alice.edits(said, "/help b")
    alice.deletes(said)
    edited = (await client.updates())[-1]["edited_message"]
    assert (edited["text"], edited["edit_date"] - edited["date"]) == ("/help b", 60)
    assert edited["entities"] == [{"type": "bot_command", "offset": 0, "length": 5}]
    assert len(alice.messages) == 1
