"""What may be sent, and in which words the rest is refused."""

from typing import Any

import pytest

from tests.fakebotapi import FakeBotApi, Person
from tests.fakebotapi.conftest import Client

pytestmark = pytest.mark.sockets

TEXT_BUTTON = "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"


@pytest.fixture
def alice(api: FakeBotApi) -> Person:
    alice = api.person("Alice")
    alice.starts()
    return alice


def inline(*buttons: Any) -> dict[str, Any]:
    return {"inline_keyboard": [list(buttons)]}


@pytest.mark.parametrize(
    "text, words",
    [
        ("", "message text is empty"),
        (None, "message text is empty"),
        (" \n ", "text must be non-empty"),
        ("字" * 4097, "message is too long"),
        ("😀" * 2049, "message is too long"),
    ],
)
async def test_texts_refused(client: Client, alice: Person, text: str | None, words: str) -> None:
    assert await client.refused("sendMessage", chat_id=alice.id, text=text) == (400, f"Bad Request: {words}")
    assert alice.received == []


async def test_length_counts_utf16_units_after_the_markup(client: Client, alice: Person) -> None:
    await client.asked("sendMessage", chat_id=alice.id, text="😀" * 2048)
    sent = await client.asked("sendMessage", chat_id=alice.id, text="<b>" + "字" * 4096 + "</b>", parse_mode="HTML")
    assert sent["entities"] == [{"type": "bold", "offset": 0, "length": 4096}]


async def test_white_space_at_the_ends_goes_and_entities_move(client: Client, alice: Person) -> None:
    bold = [{"type": "bold", "offset": 1, "length": 4}]
    sent = await client.asked("sendMessage", chat_id=alice.id, text="\n a😀 \n", entities=bold)
    assert (sent["text"], sent["entities"]) == ("a😀", [{"type": "bold", "offset": 0, "length": 3}])


@pytest.mark.parametrize(
    "markup, words",
    [
        ("<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        ("<h1>x</h1>", 'Unsupported start tag "h1" at byte offset 0'),
        ("字</b>", "Unexpected end tag at byte offset 3"),
        ("1 < 2", 'Unsupported start tag "" at byte offset 2'),
    ],
)
async def test_html_refused(client: Client, alice: Person, markup: str, words: str) -> None:
    found = await client.refused("sendMessage", chat_id=alice.id, text=markup, parse_mode="HTML")
    assert found == (400, f"Bad Request: can't parse entities: {words}")


async def test_html_is_read(client: Client, alice: Person) -> None:
    text = '&lt;x&gt; <a href="https://a.b/?x=1&amp;y=2">字<i>!</i></a><blockquote expandable>q</blockquote>'
    sent = await client.asked("sendMessage", chat_id=alice.id, text=text, parse_mode="HTML")
    assert sent["text"] == "<x> 字!q"
    assert sent["entities"] == [
        {"type": "text_link", "url": "https://a.b/?x=1&y=2", "offset": 4, "length": 2},
        {"type": "italic", "offset": 5, "length": 1},
        {"type": "expandable_blockquote", "offset": 6, "length": 1},
    ]


@pytest.mark.parametrize("offset, length", [(0, 9), (-1, 2), (3, 0), (1, 1), (2, 1)])
async def test_entities_that_do_not_fit_are_refused_and_complained_of(
    api: FakeBotApi, client: Client, alice: Person, offset: int, length: int
) -> None:
    wrong = [{"type": "bold", "offset": offset, "length": length}]
    code, words = await client.refused("sendMessage", chat_id=alice.id, text="a😀b", entities=wrong)
    assert code == 400
    assert words.startswith(f"Bad Request: entity beginning at UTF-16 offset {offset} ")
    assert len(api.complaints) == 1


async def test_more_than_a_hundred_entities_are_left_out(api: FakeBotApi, client: Client, alice: Person) -> None:
    many = [{"type": "bold", "offset": n, "length": 1} for n in range(101)]
    sent = await client.asked("sendMessage", chat_id=alice.id, text="x" * 101, entities=many)
    assert len(sent["entities"]) == 100
    assert api.complaints == ["sendMessage: 101 entities, those beyond 100 are ignored"]


@pytest.mark.parametrize(
    "markup, words",
    [
        (inline({"text": "x", "callback_data": "字" * 22}), "BUTTON_DATA_INVALID"),
        (inline({"text": "x", "callback_data": ""}), "BUTTON_DATA_INVALID"),
        (inline({"text": "x"}), TEXT_BUTTON),
        (inline({"text": " ", "callback_data": "x"}), "inline keyboard button text must be non-empty"),
        (inline({"callback_data": "x"}), "can't parse inline keyboard button: Can't find field \"text\""),
        (inline("x"), "can't parse inline keyboard button: InlineKeyboardButton must be an Object"),
        (inline({"text": "x", "url": "ftp://x"}), "inline keyboard button URL 'ftp://x' is invalid: Wrong HTTP URL"),
        (inline(*[{"text": "x", "callback_data": "x"}] * 101), "REPLY_MARKUP_TOO_LONG"),
        ({"inline_keyboard": [{"text": "x"}]}, 'field "inline_keyboard" must be an Array of Arrays'),
        ({"keyboard": [[{"text": ""}]]}, "keyboard button text must be non-empty"),
        ({"buttons": []}, "object expected as reply markup"),
        ("{", "can't parse reply markup JSON object"),
    ],
)
async def test_keyboards_refused(client: Client, alice: Person, markup: Any, words: str) -> None:
    found = await client.refused("sendMessage", chat_id=alice.id, text="x", reply_markup=markup)
    assert found == (400, f"Bad Request: {words}")


async def test_callback_data_counts_bytes(client: Client, alice: Person) -> None:
    await client.asked(
        "sendMessage", chat_id=alice.id, text="x", reply_markup=inline({"text": "x", "callback_data": "字" * 21 + "x"})
    )


async def test_chats_refused(api: FakeBotApi, client: Client, alice: Person) -> None:
    async def refusal(chat: Any) -> tuple[int, str]:
        return await client.refused("sendMessage", chat_id=chat, text="x")

    assert await refusal("") == (400, "Bad Request: chat_id is empty")
    assert await refusal(42) == (400, "Bad Request: chat not found")
    assert await refusal("@nobody") == (400, "Bad Request: chat not found")
    bob = api.person("Bob")
    assert await refusal(bob.id) == (403, "Forbidden: bot can't initiate conversation with a user")
    alice.blocks()
    assert await refusal(alice.id) == (403, "Forbidden: bot was blocked by the user")
    alice.unblocks()
    await client.asked("sendMessage", chat_id=alice.id, text="x")
    alice.leaves_telegram()
    assert await refusal(alice.id) == (403, "Forbidden: user is deactivated")
    changes = [update["my_chat_member"] for update in await client.updates() if "my_chat_member" in update]
    assert [change["new_chat_member"]["status"] for change in changes] == ["kicked", "member"]


async def test_a_reply_needs_its_message(client: Client, alice: Person) -> None:
    missing = {"message_id": 99999}
    refused = await client.refused("sendMessage", chat_id=alice.id, text="x", reply_parameters=missing)
    assert refused == (400, "Bad Request: message to be replied not found")
    missing["allow_sending_without_reply"] = True
    assert "reply_to_message" not in await client.asked(
        "sendMessage", chat_id=alice.id, text="x", reply_parameters=missing
    )
    there = {"message_id": alice.messages[0].id}
    sent = await client.asked("sendMessage", chat_id=alice.id, text="x", reply_parameters=there)
    assert sent["reply_to_message"]["text"] == "/start"


async def test_places_contacts_copies_and_forwards(api: FakeBotApi, client: Client, alice: Person) -> None:
    place = await client.asked("sendLocation", chat_id=alice.id, latitude=31.2, longitude=121.5)
    assert place["location"] == {"latitude": 31.2, "longitude": 121.5}
    assert (await client.refused("sendLocation", chat_id=alice.id, latitude=91, longitude=0))[0] == 400
    await client.asked("sendContact", chat_id=alice.id, phone_number="12345", first_name="街道")
    said = alice.says("原话")
    bob = api.person("Bob")
    bob.starts()
    number = await client.asked("copyMessage", chat_id=bob.id, from_chat_id=alice.id, message_id=said.id)
    assert bob.screen is not None
    assert bob.screen.body | number == bob.screen.body
    assert "forward_origin" not in bob.screen.body
    forwarded = await client.asked("forwardMessage", chat_id=bob.id, from_chat_id=alice.id, message_id=said.id)
    assert forwarded["forward_origin"]["sender_user"]["first_name"] == "Alice"
    refused = await client.refused("copyMessage", chat_id=bob.id, from_chat_id=alice.id, message_id=1)
    assert refused == (400, "Bad Request: message to copy not found")
    await client.asked("sendChatAction", chat_id=alice.id, action="typing")
    assert (await client.asked("getChat", chat_id=alice.id))["first_name"] == "Alice"
    await client.asked("pinChatMessage", chat_id=alice.id, message_id=said.id)
    assert (await client.asked("getChat", chat_id=alice.id))["pinned_message"]["text"] == "原话"
    assert api.complaints == []
