"""The history of the web chat on both databases: sealed, in order, one version of each message."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from bot.channels.web.history import History
from bot.channels.web.wire import Bubble, File
from bot.dialogue.event import FileKind
from bot.ids import Ids
from bot.sealing import Lookup, Sealer
from bot.store.talks import web_message
from bot.store.writer import Writer
from bot.text import Piece
from tests.channels.web.house import writer_on

NOW = datetime(2026, 9, 15, 1, 12, tzinfo=UTC)
ALICE, BOB = "a" * 52, "b" * 52


@pytest.fixture
def writer(database_url: str) -> Iterator[Writer]:
    writer = writer_on(database_url)
    yield writer
    writer.close()


def history_of(writer: Writer, side: str = "web:resident", key: bytes = bytes(32)) -> History:
    return History(side, writer, Sealer(key), Lookup(bytes(32)), Ids(lambda: 1, random.Random(1)))


def bubble(words: str, place: int, **fields: Any) -> Bubble:
    return Bubble(id=str(place), pos=str(place), at=NOW, text=(Piece(words),), **fields)


def words(found: list[Bubble]) -> list[str]:
    return [item.text[0].words for item in found]


async def test_messages_come_back_oldest_first_and_newest_counted(writer: Writer) -> None:
    history = history_of(writer)
    for place in (3, 1, 2):
        await history.put(ALICE, place, bubble(str(place), place))
    await history.put(BOB, 9, bubble("9", 9))
    assert words(await history.recent(ALICE, 2)) == ["2", "3"]
    assert words(await history.recent(ALICE, 2, before=2)) == ["1"]


async def test_another_version_stays_in_its_place(writer: Writer) -> None:
    history = history_of(writer)
    await history.put(ALICE, 1, bubble("问", 1))
    await history.put(ALICE, 2, bubble("二", 2))
    await history.put(ALICE, 1, bubble("好了", 1))
    assert words(await history.recent(ALICE, 10)) == ["好了", "二"]
    await history.put(BOB, 1, bubble("别人的", 1))
    assert words(await history.recent(ALICE, 10)) == ["好了", "二"]


async def test_a_choice_is_kept_in_ones_own_talk_only(writer: Writer) -> None:
    history = history_of(writer)
    await history.put(ALICE, 1, bubble("问", 1))
    await writer.submit(history.choosing(BOB, 1, "no"))
    assert (await history.recent(ALICE, 1))[0].chosen == ""
    await writer.submit(history.choosing(ALICE, 1, "yes"))
    await writer.submit(history.choosing(ALICE, 5, "nothing there"))
    assert (await history.recent(ALICE, 1))[0].chosen == "yes"


async def test_only_what_the_bot_showed_counts_as_shown(writer: Writer) -> None:
    history = history_of(writer)
    photo = (File(FileKind.PHOTO, digest="d" * 64),)
    await history.put(ALICE, 1, bubble("看", 1, files=photo))
    await history.put(BOB, 2, bubble("看", 2, files=photo, mine=True))
    assert await history.has_file(ALICE, "d" * 64)
    assert not await history.has_file(ALICE, "e" * 64)
    assert not await history.has_file(BOB, "d" * 64)


async def test_the_sides_do_not_mix(writer: Writer) -> None:
    await history_of(writer, "web:office").put(ALICE, 1, bubble("内部", 1))
    assert await history_of(writer).recent(ALICE, 10) == []


async def test_words_and_chats_are_sealed(writer: Writer) -> None:
    history = history_of(writer)
    await history.put(ALICE, 1, bubble("秘密", 1))
    row = (await writer.submit(lambda tx: tx.read(select(web_message)).all()))[0]
    assert "秘密".encode() not in row.body
    assert ALICE not in str(row.chat)
    assert await history_of(writer, key=bytes([1]) * 32).recent(ALICE, 1) == []  # unreadable, and harmless


async def test_what_is_forgotten_is_gone(writer: Writer) -> None:
    history = history_of(writer)
    await history.put(ALICE, 1, bubble("一", 1))
    await history.put(BOB, 2, bubble("二", 2))
    await history.forget(ALICE)
    assert await history.recent(ALICE, 10) == []
    assert words(await history.recent(BOB, 10)) == ["二"]
