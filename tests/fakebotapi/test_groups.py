"""Groups and channels: who is heard, who may write, what happens when a group becomes a supergroup."""

import pytest

from tests.fakebotapi import FakeBotApi
from tests.fakebotapi.conftest import Client

pytestmark = pytest.mark.sockets


async def test_an_ordinary_member_hears_commands_mentions_and_replies(api: FakeBotApi, client: Client) -> None:
    alice, group = api.person("Alice"), api.group("社区工作群")
    sent = await client.asked("sendMessage", chat_id=group.id, text="今天的待办")
    for words in ("闲聊", "/todo", "/todo@other_bot", "/todo@huiyin_bot", "问 @Huiyin_bot 一下"):
        alice.says(words, into=group)
    alice.says("答复", into=group, reply_to=sent["message_id"])
    heard = [update["message"]["text"] for update in await client.updates()]
    assert heard == ["/todo", "/todo@huiyin_bot", "问 @Huiyin_bot 一下", "答复"]
    group.add_bot(alice, admin=True)
    assert alice.says("闲聊", into=group).update_id is not None


async def test_presses_in_a_group_come_from_whoever_pressed(api: FakeBotApi, client: Client) -> None:
    bob, group = api.person("Bob"), api.group("社区工作群")
    keyboard = {"inline_keyboard": [[{"text": "我来办", "callback_data": "take"}]]}
    await client.asked("sendMessage", chat_id=group.id, text="新的诉求", reply_markup=keyboard)
    await group.sees("新的诉求")
    bob.presses("我来办", into=group)
    query = (await client.updates())[0]["callback_query"]
    assert (query["from"]["id"], query["message"]["chat"]["id"]) == (bob.id, group.id)


async def test_anonymous_administrators_write_as_the_group(api: FakeBotApi, client: Client) -> None:
    boss, group = api.person("Boss"), api.group("社区工作群")
    group.promote(boss, title="主任", anonymous=True)
    boss.says("/todo", into=group)
    message = (await client.updates())[0]["message"]
    assert message["from"]["username"] == "GroupAnonymousBot"
    assert message["sender_chat"]["id"] == group.id
    found = await client.asked("getChatMember", chat_id=group.id, user_id=boss.id)
    assert (found["status"], found["is_anonymous"], found["custom_title"]) == ("administrator", True, "主任")
    assert (await client.asked("getChatMember", chat_id=group.id, user_id=api.account.id))["status"] == "member"


@pytest.mark.parametrize("kind", ["group", "supergroup"])
async def test_a_bot_that_was_put_out_cannot_write(api: FakeBotApi, client: Client, kind: str) -> None:
    alice, group = api.person("Alice"), api.group("社区工作群", kind, bot="left")
    refused = await client.refused("sendMessage", chat_id=group.id, text="x")
    assert refused == (403, f"Forbidden: bot is not a member of the {kind} chat")
    group.add_bot(alice)
    await client.asked("sendMessage", chat_id=group.id, text="x")
    group.remove_bot(alice)
    refused = await client.refused("sendMessage", chat_id=group.id, text="x")
    assert refused == (403, f"Forbidden: bot was kicked from the {kind} chat")
    changes = [update["my_chat_member"] for update in await client.updates() if "my_chat_member" in update]
    assert [change["new_chat_member"]["status"] for change in changes] == ["member", "kicked"]


async def test_a_group_that_became_a_supergroup_says_so(api: FakeBotApi, client: Client) -> None:
    group = api.group("社区工作群", "group")
    old = group.id
    new = group.migrate()
    found = await client.call("sendMessage", chat_id=old, text="x")
    assert found["description"] == "Bad Request: group chat was upgraded to a supergroup chat"
    assert found["parameters"] == {"migrate_to_chat_id": new}
    await client.asked("sendMessage", chat_id=new, text="x")
    first, second = [update["message"] for update in await client.updates()]
    assert (first["chat"]["id"], first["migrate_to_chat_id"]) == (old, new)
    assert (second["chat"]["id"], second["migrate_from_chat_id"]) == (new, old)


async def test_people_come_and_go(api: FakeBotApi, client: Client) -> None:
    alice, group = api.person("Alice"), api.group("社区工作群", bot="administrator")
    await client.updates(allowed_updates=["message", "chat_member"])
    alice.joins(group)
    alice.leaves(group)
    kinds = [next(key for key in update if key != "update_id") for update in await client.updates(offset=1)]
    assert kinds == ["chat_member", "message", "chat_member", "message"]
    assert (await client.asked("getChatMember", chat_id=group.id, user_id=alice.id))["status"] == "left"
    await client.asked("leaveChat", chat_id=group.id)
    assert (await client.refused("sendMessage", chat_id=group.id, text="x"))[0] == 403


async def test_channels_have_posts_and_names(api: FakeBotApi, client: Client) -> None:
    channel = api.channel("公告", username="gonggao")
    channel.posts("今日停水")
    assert "from" not in (await client.updates())[0]["channel_post"]
    assert "from" not in await client.asked("sendMessage", chat_id="@gonggao", text="x")
    assert channel.received[0].text == "x"
