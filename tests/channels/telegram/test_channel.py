"""The channel against a scripted Bot API: presses, edits, several messages, files, the menu."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from bot.delivery.channel import Channel, Menu, Outgoing, Sent
from bot.dialogue.screen import Button, Mode, Screen, Shown
from bot.errors import ConfigError, NotSent, Refused, Uncertain
from bot.text import Text, as_text, bold
from tests.channels.telegram.tiny import HANG, RESET, TOKEN, Pauses, channel_of, fails, serving

pytestmark = pytest.mark.sockets

PLACE = Screen(as_text("新"), rows=((Button("好", "yes"),),), mode=Mode.IN_PLACE)


def out(screen: Screen | str, id_: int = 1, chat: str = "4242", **fields: Any) -> Outgoing:
    return Outgoing(id_, chat, screen if isinstance(screen, Screen) else Screen(as_text(screen)), **fields)


async def test_a_message_goes_out() -> None:
    async with serving() as api, channel_of(api.url) as channel:
        plain: Channel = channel
        assert plain.name == "telegram:123456789"
        assert await channel.send(out("你好")) == Sent(("101",))
        assert api.calls("sendMessage")[0]["text"] == "你好"
        assert api.calls("sendMessage")[0]["chat_id"] == 4242


async def test_only_a_bot_that_pays_asks_for_more_a_second() -> None:
    async with serving() as api, channel_of(api.url) as free, channel_of(api.url, per_second=900, pays=True) as paid:
        assert (free.abilities.per_second, paid.abilities.per_second) == (28, 900)
        await free.send(out("你好"))
        await paid.send(out("你好"))
    assert [call.get("allow_paid_broadcast") for call in api.calls("sendMessage")] == [None, True]


async def test_a_toast_alone_is_no_message() -> None:
    async with serving() as api, channel_of(api.url) as channel:
        assert await channel.send(out(Screen(Text(), toast="好了"), answers="99")) == Sent()
        assert await channel.send(out(Screen(Text()), answers="98")) == Sent()
        assert await channel.send(out(Screen(Text(), toast="无处可去"))) == Sent()
        assert api.asked == [
            ("answerCallbackQuery", {"callback_query_id": "99", "text": "好了"}),
            ("answerCallbackQuery", {"callback_query_id": "98"}),
        ]


async def test_leaving_a_group() -> None:
    leave = Screen(Text(), mode=Mode.LEAVE)
    gone = fails(403, "Forbidden: bot is not a member of the supergroup chat")
    moved = fails(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=-1002)
    async with serving() as api, channel_of(api.url) as channel:
        api.lay_down("leaveChat", {"ok": True, "result": True}, gone, RESET, moved)
        for _ in range(2):
            assert await channel.send(out(leave, chat="-77", group=True)) == Sent()
        with pytest.raises(NotSent):
            await channel.send(out(leave, chat="-77", group=True))
        with pytest.raises(Refused) as caught:
            await channel.send(out(leave, chat="-77", group=True))
        assert caught.value.moved_to == "-1002"
        assert api.asked[0] == ("leaveChat", {"chat_id": -77})


@pytest.mark.parametrize(("chat", "group"), [("-77", False), ("4242", True)])
async def test_what_is_for_one_person_never_goes_into_a_group_whatever_the_rows_say(chat: str, group: bool) -> None:
    async with serving() as api, channel_of(api.url) as channel:
        with pytest.raises(Refused, match="audience"):
            await channel.send(out("您的件", chat=chat, group=group))
        assert api.asked == []


async def test_a_press_that_is_too_old_is_done() -> None:
    old = fails(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
    async with serving() as api, channel_of(api.url) as channel:
        api.lay_down("answerCallbackQuery", old, old, RESET, fails(502, "Bad Gateway"))
        assert await channel.send(out(Screen(Text()), answers="99")) == Sent()
        assert await channel.send(out("新", answers="99")) == Sent(("101",))
        for _ in range(2):
            with pytest.raises(NotSent):
                await channel.send(out(Screen(Text()), answers="99"))


async def test_a_screen_does_not_depend_on_the_answer_to_its_press() -> None:
    async with serving() as api, channel_of(api.url) as channel:
        api.lay_down("answerCallbackQuery", RESET)
        assert await channel.send(out("新", answers="99")) == Sent(("101",))
        api.lay_down("sendMessage", fails(403, "Forbidden: bot was blocked by the user"))
        with pytest.raises(Refused):
            await channel.send(out("新", answers="99"))


async def test_an_edit_in_place() -> None:
    done = fails(400, "Bad Request: message is not modified: specified new message content and reply markup are …")
    async with serving() as api, channel_of(api.url) as channel:
        api.lay_down("editMessageText", {"ok": True, "result": True}, done)
        for _ in range(2):
            assert await channel.send(out(PLACE, edits="8")) == Sent(("8",))
        assert api.methods == ["editMessageText"] * 2


@pytest.mark.parametrize(
    "words",
    ["message to edit not found", "message can't be edited", "there is no text in the message to edit"],
)
async def test_what_cannot_be_edited_goes_out_anew(words: str) -> None:
    async with serving() as api, channel_of(api.url) as channel:
        api.lay_down("editMessageText", fails(400, f"Bad Request: {words}"))
        assert await channel.send(out(PLACE, edits="8")) == Sent(("101",))


async def test_an_edit_may_be_tried_again_freely() -> None:
    async with serving() as api, channel_of(api.url) as channel:
        api.lay_down("editMessageText", RESET, fails(502, "Bad Gateway"), fails(403, "Forbidden: bot was blocked"))
        for kind in (NotSent, NotSent, Refused):
            with pytest.raises(kind):
                await channel.send(out(PLACE, edits="8"))
        assert "sendMessage" not in api.methods


async def test_a_long_screen_goes_on_where_it_stopped() -> None:
    pauses = Pauses()
    async with serving() as api, channel_of(api.url, pause=pauses) as channel:
        ok = {"ok": True, "result": {"message_id": 1}}
        api.lay_down("sendMessage", ok, fails(429, "Too Many Requests: retry after 3", retry_after=3))
        long = out("字" * 9000, id_=5)
        with pytest.raises(NotSent):
            await channel.send(long)
        assert await channel.send(long) == Sent(("1", "101", "102"))
        sizes = [len(call["text"]) for call in api.calls("sendMessage")]
        assert sizes == [4000, 4000, 4000, 1000]
        assert pauses.seconds == [1.0, 1.0, 1.0]
        assert not channel._half_sent


async def test_a_long_screen_lost_on_the_way_is_uncertain() -> None:
    async with serving() as api, channel_of(api.url) as channel:
        api.lay_down("sendMessage", {"ok": True, "result": {"message_id": 1}}, RESET)
        with pytest.raises(Uncertain):
            await channel.send(out("字" * 5000))
        assert not channel._half_sent


async def test_two_chats_refused_mean_that_all_wait() -> None:
    slow = fails(429, "Too Many Requests: retry after 3", retry_after=3)
    async with serving() as api, channel_of(api.url) as channel:
        api.lay_down("sendMessage", slow, slow, slow)
        whole = []
        for chat in ("1", "1", "2"):
            with pytest.raises(NotSent) as caught:
                await channel.send(out("x", chat=chat))
            whole.append(caught.value.whole)
    assert whole == [False, False, True]


async def test_what_is_refused_for_its_looks_goes_out_plainly() -> None:
    async with serving() as api, channel_of(api.url) as channel:
        api.lay_down("sendMessage", fails(400, "Bad Request: ENTITY_BOUNDS_INVALID"))
        assert await channel.send(out(Screen(bold("好")))) == Sent(("101",))
        first, second = api.calls("sendMessage")
        assert ("entities" in first, "entities" in second, second["text"]) == (True, False, "好")


async def test_files_go_up_whole() -> None:
    photo, large = Shown("photo", "photo", "楼道 灯.jpg"), Shown("large", "photo", "b.jpg")
    voice = Shown("photo", "voice")
    async with serving() as api, channel_of(api.url) as channel:
        assert await channel.send(out(Screen(bold("图"), files=(photo, large, voice)))) == Sent(("101", "102", "103"))
        sent = api.calls("sendPhoto")[0]
        assert sent["photo"] == ("楼道 灯.jpg", b"\x89PNG")
        assert sent["chat_id"] == "4242"
        assert api.calls("sendDocument")[0]["document"][0] == "b.jpg"
        last = api.calls("sendVoice")[0]
        assert last["caption"] == "图"
        assert json.loads(last["caption_entities"]) == [{"type": "bold", "offset": 0, "length": 1}]
        for digest, kind in (("missing", Refused), ("broken", NotSent)):
            with pytest.raises(kind):
                await channel.send(out(Screen(as_text("图"), files=(Shown(digest, "photo"),))))
        assert len(api.asked) == 3


async def test_a_photo_that_is_refused_goes_as_a_document() -> None:
    async with serving() as api, channel_of(api.url) as channel:
        api.lay_down("sendPhoto", fails(400, "Bad Request: PHOTO_INVALID_DIMENSIONS"))
        await channel.send(out(Screen(as_text("图"), files=(Shown("photo", "photo", "a.jpg"),))))
        assert api.methods == ["sendPhoto", "sendDocument"]


def found(path: str) -> dict[str, Any]:
    return {"ok": True, "result": {"file_id": "f", "file_unique_id": "u", "file_path": path}}


async def test_fetching() -> None:
    async with serving() as api, channel_of(api.url) as channel:
        api.files["photos/1.jpg"] = b"12345"
        api.lay_down("getFile", *[found("photos/1.jpg")] * 2, found("photos/2.jpg"))
        assert await channel.fetch("f", 5) == b"12345"
        for cause in ("too_large", "gone"):
            with pytest.raises(Refused, match=cause):
                await channel.fetch("f", 4)
        assert api.calls("getFile")[0] == {"file_id": "f"}


@pytest.mark.parametrize(
    ("answer", "kind", "cause"),
    [
        (fails(400, "Bad Request: file is too big"), Refused, "too_large"),
        (fails(400, "Bad Request: invalid file_id"), Refused, "gone"),
        (fails(400, "Bad Request: wrong file_id or the file is temporarily unavailable"), NotSent, "unavailable"),
        (fails(401, "Unauthorized"), NotSent, "401"),
        (fails(429, "Too Many Requests", retry_after=3), NotSent, "429"),
        (fails(502, "Bad Gateway"), NotSent, "502"),
        (RESET, NotSent, "ConnectionBroken"),
        ((200, b"<html>"), NotSent, "unreadable"),
        (found(""), Refused, "gone"),
        (found("/etc/hostname"), Refused, "gone"),
    ],
)
async def test_fetching_that_fails(answer: Any, kind: type[Exception], cause: str) -> None:
    async with serving() as api, channel_of(api.url) as channel:
        api.lay_down("getFile", answer)
        with pytest.raises(kind, match=cause):
            await channel.fetch("f", 100)


async def test_a_local_server_names_files_of_this_machine(tmp_path: Path) -> None:
    file = tmp_path / "a.jpg"
    file.write_bytes(b"12345")
    async with serving() as api, channel_of(api.url, local_mode=True) as channel:
        api.lay_down("getFile", *[found(str(file))] * 2)
        assert await channel.fetch("f", 5) == b"12345"
        with pytest.raises(Refused, match="too_large"):
            await channel.fetch("f", 4)


async def test_a_chat_without_a_menu_of_its_own_sees_everybodys() -> None:
    async with serving() as api, channel_of(api.url) as channel:
        await channel.publish(Menu((), language="en", chat="77"))
        (call,) = api.calls("deleteMyCommands")
        assert (call["language_code"], call["scope"]["chat_id"]) == ("en", 77)
        assert api.calls("setMyCommands") == []


async def test_the_menu() -> None:
    async with serving() as api, channel_of(api.url) as channel:
        await channel.publish(Menu((("help", "帮助"),), language="zh_CN"))
        await channel.publish(Menu((("queue", "待办"),), chat="77"))
        api.lay_down("setMyCommands", RESET)
        with pytest.raises(NotSent):
            await channel.publish(Menu((("help", "帮助"),)))
        first, second, _ = api.calls("setMyCommands")
        assert first["commands"] == [{"command": "help", "description": "帮助"}]
        assert (first["scope"], first["language_code"]) == ({"type": "all_private_chats"}, "zh")
        assert second["scope"] == {"type": "chat", "chat_id": 77}
        assert "language_code" not in second


async def test_links_and_the_first_check() -> None:
    async with serving() as api, channel_of(api.url) as channel:
        assert channel.say_link("ABC") == "/start ABC"
        assert await channel.check()
        assert channel.say_link("ABC") == "https://t.me/Huiyin_bot?start=ABC"
        assert channel.say_link("") == "https://t.me/Huiyin_bot"
        api.lay_down("getMe", fails(401, "Unauthorized"), fails(404, "Not Found"))
        for _ in range(2):
            with pytest.raises(ConfigError, match=r"telegram\.token"):
                await channel.check()


async def test_a_malformed_token_stops_the_start_without_being_shown() -> None:
    secret = TOKEN.replace(":", "-")
    from bot.channels.telegram.channel import TelegramChannel
    from tests.channels.telegram.tiny import StillClock, read_file

    with pytest.raises(ConfigError) as caught:
        TelegramChannel(secret, clock=StillClock(), repeat_mark="", read_file=read_file)
    assert "canary" not in repr(caught.value)


async def test_closing_ends_what_is_under_way() -> None:
    async with serving() as api, channel_of(api.url) as channel:
        api.lay_down("sendMessage", HANG)
        task = asyncio.create_task(channel.send(out("x")))
        await api.until("sendMessage", 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
