"""How a request may come: bots by their tokens, parameters in four ways, methods by their names."""

import asyncio

import aiohttp
import pytest

from tests.fakebotapi import FakeBotApi
from tests.fakebotapi.conftest import Client

pytestmark = pytest.mark.sockets

OTHER = "654321:TEST-another_TOKEN-of-nobody_abcdefg"


async def test_a_wrong_token_is_unauthorized_and_a_malformed_one_not_found(client: Client) -> None:
    unknown = {"ok": False, "error_code": 401, "description": "Unauthorized"}
    assert await client.call("getMe", token="123456:AAAA-wrong-canary-token-AAAAAAAAAAA") == unknown
    assert (await client.call("getMe", token="wrong"))["error_code"] == 404


async def test_several_bots_live_apart(api: FakeBotApi, client: Client) -> None:
    other = api.bot(OTHER, "other_bot")
    alice = api.person("Alice")
    alice.starts()
    alice.at(other).says("hello")
    found = await client.call("getUpdates", token=OTHER)
    assert [update["message"]["text"] for update in found["result"]] == ["hello"]
    assert (await client.call("getMe", token=OTHER))["result"]["username"] == "other_bot"
    await client.call("sendMessage", token=OTHER, chat_id=alice.id, text="from the other")
    assert alice.received == []
    assert [message.text for message in alice.at(other).received] == ["from the other"]


async def test_parameters_come_in_four_ways(api: FakeBotApi, client: Client) -> None:
    alice = api.person("Alice")
    alice.starts()
    url = f"{api.base_url}{api.token}/SENDMESSAGE"
    words = {"chat_id": str(alice.id), "text": "你好", "reply_parameters": '{"message_id": 101}'}
    multipart = aiohttp.FormData(words, default_to_multipart=True)
    for way in ({"json": words}, {"data": words}, {"params": words}, {"data": multipart}):
        async with client.session.post(url, **way) as answer:
            assert (await answer.json())["result"]["reply_to_message"]["text"] == "/start"
    async with client.session.get(url, params=words) as answer:
        assert answer.status == 200
    assert len(api.journal.sent(alice.id)) == 5
    assert api.complaints == []


async def test_an_unknown_method_is_not_found_and_an_unknown_parameter_a_complaint(
    api: FakeBotApi, client: Client
) -> None:
    assert await client.refused("sendNothing") == (404, "Not Found: method not found")
    await client.asked("getMe", chat=1)
    assert api.complaints == ["getMe: unknown parameters chat"]


async def test_a_body_that_is_no_json_or_holds_half_a_pair_is_refused(api: FakeBotApi, client: Client) -> None:
    alice = api.person("Alice")
    alice.starts()
    url, headers = f"{api.base_url}{api.token}/sendMessage", {"Content-Type": "application/json"}
    half = b'{"chat_id":%d,"text":"\\ud83d"}' % alice.id
    for body, words in ((b"{", "can't parse JSON object"), (half, "strings must be encoded in UTF-8")):
        async with client.session.post(url, data=body, headers=headers) as answer:
            assert (await answer.json())["description"] == f"Bad Request: {words}"


async def test_everything_about_itself_can_be_set(api: FakeBotApi, client: Client) -> None:
    alice = api.person("Alice", language="zh-hans")
    alice.starts()
    chinese, english, own = ([{"command": "menu", "description": word}] for word in ("菜单", "menu", "own"))
    await client.asked("setMyCommands", commands=english)
    assert alice.commands == [("menu", "menu")]
    private = {"type": "all_private_chats"}
    await client.asked("setMyCommands", commands=chinese, scope=private, language_code="zh")
    assert alice.commands == [("menu", "菜单")]
    alice.language = "fr"
    assert alice.commands == [("menu", "menu")]
    await client.asked("setMyCommands", commands=own, scope={"type": "chat", "chat_id": alice.id})
    assert alice.commands == [("menu", "own")]
    assert await client.asked("getMyCommands", scope=private, language_code="zh") == chinese
    await client.asked("deleteMyCommands", scope={"type": "chat", "chat_id": alice.id})
    assert alice.commands == [("menu", "menu")]
    await client.asked("setMyDescription", description="a")
    await client.asked("setMyShortDescription", short_description="b")
    await client.asked("setChatMenuButton", menu_button={"type": "commands"})
    wrong = [{"command": "Menu!", "description": "x"}]
    assert await client.refused("setMyCommands", commands=wrong) == (400, "Bad Request: BOT_COMMAND_INVALID")
    refused = await client.refused("setMyCommands", commands=own, language_code="zh-hans")
    assert refused == (400, "Bad Request: invalid language code specified")


async def test_a_bot_that_logged_out_is_refused(client: Client) -> None:
    assert await client.asked("close")
    assert await client.asked("logOut")
    assert await client.refused("getMe") == (400, "Bad Request: Logged out")


async def test_requests_at_once_keep_their_order_in_a_chat(api: FakeBotApi, client: Client) -> None:
    alice = api.person("Alice")
    alice.starts()
    await asyncio.gather(*(client.asked("sendMessage", chat_id=alice.id, text=str(n)) for n in range(50)))
    assert sorted(message.id for message in alice.received) == [message.id for message in alice.received]
