"""python-telegram-bot's Bot against the server: every answer has the shape that a real client expects."""

from collections.abc import AsyncIterator

import pytest
from telegram import Bot, BotCommandScopeAllPrivateChats, InlineKeyboardButton, InlineKeyboardMarkup, InputMediaPhoto
from telegram.error import BadRequest, Forbidden, RetryAfter
from telegram.warnings import PTBDeprecationWarning

from tests.fakebotapi import FakeBotApi, Fault, Person

pytestmark = pytest.mark.sockets

JPEG = b"\xff\xd8\xff picture"


@pytest.fixture
async def bot(api: FakeBotApi) -> AsyncIterator[Bot]:
    bot = Bot(api.token, base_url=api.base_url, base_file_url=api.base_file_url)
    async with bot:
        yield bot


@pytest.fixture
def alice(api: FakeBotApi) -> Person:
    alice = api.person("Alice")
    alice.starts()
    return alice


async def test_words_and_presses(api: FakeBotApi, bot: Bot, alice: Person) -> None:
    assert bot.username == "Huiyin_bot"
    sent = await bot.send_message(
        alice.id, "你好", reply_markup=InlineKeyboardMarkup([[InlineKeyboardButton("登记", callback_data="r")]])
    )
    press = alice.presses("登记")
    alice.edits(alice.messages[0], "/start x")
    updates = await bot.get_updates(timeout=0)
    query = updates[1].callback_query
    assert query is not None
    assert await query.answer("好")
    assert (await press.answered()).text == "好"
    await query.edit_message_text("请说")
    assert (await alice.sees("请说")).id == sent.message_id
    assert updates[2].edited_message is not None
    assert await bot.get_updates(offset=updates[-1].update_id + 1, timeout=0) == ()
    assert api.is_drained
    assert api.complaints == []


async def test_files(api: FakeBotApi, bot: Bot, alice: Person) -> None:
    alice.sends_photo(JPEG)
    message = (await bot.get_updates(timeout=0))[-1].message
    assert message is not None
    file = await bot.get_file(message.photo[-1].file_id)
    assert bytes(await file.download_as_bytearray()) == JPEG
    album = await bot.send_media_group(alice.id, [InputMediaPhoto(JPEG), InputMediaPhoto(JPEG + b"2")], caption="两张")
    assert album[0].media_group_id == album[1].media_group_id
    assert album[0].caption == "两张"
    sent = await bot.send_document(alice.id, b"%PDF", filename="诉求.pdf")
    assert sent.document is not None
    assert sent.document.file_name == "诉求.pdf"
    assert api.complaints == []


async def test_everything_else_that_answers_with_an_object(api: FakeBotApi, bot: Bot, alice: Person) -> None:
    group = api.group("群", bot="administrator")
    boss = api.person("Boss")
    group.promote(boss, creator=True)
    assert (await bot.get_chat(alice.id)).first_name == "Alice"
    assert (await bot.get_chat(group.id)).title == "群"
    assert (await bot.get_chat_member(group.id, boss.id)).status == "creator"
    assert (await bot.get_chat_member(group.id, bot.id)).status == "administrator"
    assert (await bot.get_chat_member(group.id, alice.id)).status == "left"
    await bot.set_my_commands([("menu", "菜单")], scope=BotCommandScopeAllPrivateChats())
    assert (await bot.get_my_commands(scope=BotCommandScopeAllPrivateChats()))[0].command == "menu"
    assert (await bot.get_webhook_info()).url == ""
    place = await bot.send_location(alice.id, 31.2, 121.5)
    assert place.location is not None
    assert await bot.copy_message(alice.id, alice.id, place.message_id)
    assert await place.delete()
    assert await bot.delete_messages(alice.id, [alice.messages[0].id])
    assert await bot.send_chat_action(alice.id, "typing")
    assert api.complaints == []


async def test_updates_of_all_kinds_can_be_read(api: FakeBotApi, bot: Bot, alice: Person) -> None:
    group = api.group("群", bot="administrator")
    alice.joins(group)
    alice.says("a", into=group)
    api.channel("频道").posts("b")
    alice.blocks()
    alice.unblocks()
    alice.sends_album([JPEG, JPEG])
    alice.sends_sticker()
    alice.sends_voice()
    alice.forwards(text="c", of=api.person("Bob"))
    group.remove_bot(alice)
    updates = await bot.get_updates(timeout=0)
    assert len(updates) == 12
    assert all(update.effective_chat for update in updates)


async def test_refusals_are_told_apart(api: FakeBotApi, bot: Bot, alice: Person) -> None:
    with pytest.raises(BadRequest, match="Message text is empty"):
        await bot.send_message(alice.id, "")
    api.faults.add(Fault.FLOOD, seconds=7)
    with pytest.warns(PTBDeprecationWarning), pytest.raises(RetryAfter):
        await bot.send_message(alice.id, "x")
    alice.blocks()
    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await bot.send_message(alice.id, "x")
