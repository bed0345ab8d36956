"""A talk between a person and a bot: what is said arrives, what is answered is seen."""

import asyncio

import pytest

from tests.fakebotapi import FakeBotApi, ManualClock
from tests.fakebotapi.conftest import Client

pytestmark = pytest.mark.sockets

BUTTONS = {
    "inline_keyboard": [[{"text": "登记新的诉求", "callback_data": "register"}, {"text": "帮助", "url": "https://a.b"}]]
}


async def test_words_arrive_and_the_answer_is_seen(api: FakeBotApi, client: Client) -> None:
    alice = api.person("Alice")
    alice.starts("w-7")
    alice.says("楼道灯坏了")
    first, second = await client.updates()
    assert first["message"]["text"] == "/start w-7"
    assert first["message"]["entities"] == [{"type": "bot_command", "offset": 0, "length": 6}]
    assert second["message"]["from"]["language_code"] == "zh-hans"
    assert second["message"]["chat"] == {"id": alice.id, "type": "private", "first_name": "Alice"}
    waiting = asyncio.create_task(alice.sees("收到"))
    await client.asked("sendMessage", chat_id=alice.id, text="我们收到了您的诉求", reply_markup=BUTTONS)
    seen = await waiting
    assert seen.buttons == ["登记新的诉求", "帮助"]
    assert alice.screen is seen
    assert [message.by_bot for message in alice.messages] == [False, False, True]
    assert api.complaints == []


async def test_what_was_seen_before_the_last_act_is_no_answer_to_it(api: FakeBotApi, client: Client) -> None:
    alice = api.person("Alice")
    alice.starts()
    await client.asked("sendMessage", chat_id=alice.id, text="好的")
    alice.says("再来")
    with pytest.raises(AssertionError, match="does not see '好的' but"):
        await alice.sees("好的", timeout=0.01)
    assert (await alice.sees("好的", ever=True)).text == "好的"


async def test_a_press_is_answered_and_its_message_edited(api: FakeBotApi, client: Client) -> None:
    alice = api.person("Alice")
    alice.starts()
    shown = await client.asked("sendMessage", chat_id=alice.id, text="做什么？", reply_markup=BUTTONS)
    press = alice.presses("登记")
    update = (await client.updates())[-1]["callback_query"]
    assert update["data"] == press.data == "register"
    assert update["message"]["message_id"] == shown["message_id"]
    assert update["message"]["reply_markup"] == BUTTONS
    await client.asked("answerCallbackQuery", callback_query_id=update["id"], text="好")
    assert (await press.answered()).text == "好"
    await client.asked("editMessageText", chat_id=alice.id, message_id=shown["message_id"], text="请说")
    assert (await alice.sees("请说")).buttons == []
    with pytest.raises(AssertionError, match="has no button '登记'"):
        alice.presses("登记")


async def test_a_button_with_an_address_tells_the_bot_nothing(api: FakeBotApi, client: Client) -> None:
    alice = api.person("Alice")
    alice.starts()
    await client.asked("sendMessage", chat_id=alice.id, text="做什么？", reply_markup=BUTTONS)
    assert alice.presses("帮助").url == "https://a.b"
    assert len(await client.updates()) == 1


async def test_a_press_can_be_answered_only_for_a_while(api: FakeBotApi, client: Client, clock: ManualClock) -> None:
    alice = api.person("Alice")
    alice.starts()
    await client.asked("sendMessage", chat_id=alice.id, text="做什么？", reply_markup=BUTTONS)
    press = alice.presses("登记")
    clock.advance(151)
    too_old = (400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
    assert await client.refused("answerCallbackQuery", callback_query_id=press.id) == too_old
    assert await client.refused("answerCallbackQuery", callback_query_id="1") == too_old


async def test_the_reply_keyboard_stays_until_it_is_replaced_or_used_up(api: FakeBotApi, client: Client) -> None:
    alice = api.person("Alice")
    alice.starts()
    keyboard = {"keyboard": [[{"text": "菜单"}], [{"text": "发送位置", "request_location": True}]]}
    await client.asked("sendMessage", chat_id=alice.id, text="a", reply_markup=keyboard)
    await client.asked("sendMessage", chat_id=alice.id, text="b", reply_markup=BUTTONS)
    assert alice.keyboard == [["菜单"], ["发送位置"]]
    assert alice.taps("菜单").text == "菜单"
    assert alice.taps("位置", latitude=30.5, longitude=114.3).body["location"] == {"latitude": 30.5, "longitude": 114.3}
    once = {"keyboard": [["电话", {"text": "我的号码", "request_contact": True}]], "one_time_keyboard": True}
    await client.asked("sendMessage", chat_id=alice.id, text="c", reply_markup=once)
    assert alice.taps("号码").body["contact"]["user_id"] == alice.id
    assert alice.keyboard == []
    await client.asked("sendMessage", chat_id=alice.id, text="d", reply_markup=keyboard)
    await client.asked("sendMessage", chat_id=alice.id, text="e", reply_markup={"remove_keyboard": True})
    assert alice.keyboard == []


async def test_the_journal_holds_everything_in_order(api: FakeBotApi, client: Client) -> None:
    alice = api.person("Alice")
    said = alice.starts()
    await client.updates()
    sent = await client.asked("sendMessage", chat_id=str(alice.id), text="好")
    await client.updates(offset=(said.update_id or 0) + 1)
    assert api.journal.fates(said.update_id or 0) == ["queued", "handed", "confirmed"]
    assert api.journal.confirmed_at(said.update_id or 0) == api.hub.ticker.now()
    assert [entry.message_id for entry in api.journal.sent(alice.id)] == [sent["message_id"]]
    assert api.journal.calls("sendMessage")[0].parameters == {"chat_id": str(alice.id), "text": "好"}
    assert [entry.seq for entry in api.journal.entries] == list(range(1, len(api.journal.entries) + 1))
    waiting = asyncio.create_task(api.journal.wait(lambda entry: entry.outcome == "400"))
    await client.refused("sendMessage", chat_id=alice.id)
    assert (await waiting).description == "Bad Request: message text is empty"
