"""Number and code: both are needed, and guessing ends after five tries an hour, in the same words."""

import random
import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from bot.errors import NotSent
from bot.office.cases.number import new_number
from bot.office.people.model import Role
from bot.store.queues import inbox, outbox
from tests.handlers.talks import anonymously, registered
from tests.rig import Someone, Town


async def shared(town: Town) -> tuple[str, str]:
    resident, number = await registered(town)
    await resident.presses("给家人看进度")
    code = re.search(r"\d{3} \d{3}", resident.last.text)
    assert code
    return number, code[0]


async def test_five_misses_an_hour_and_then_even_the_right_code_is_one(town: Town) -> None:
    number, code = await shared(town)
    guesser = town.resident("guesser")
    said = set()
    for guess in range(5):
        await guesser.says(f"查进度 {number} 00000{guess}")
        said.add(guesser.last.text)
    await guesser.says(f"查进度 {number} {code}")
    said.add(guesser.last.text)
    await guesser.says(f"查进度 7K3M-9QX1 {code}")
    said.add(guesser.last.text)
    assert len(said) == 1
    await town.passes(minutes=61)
    await guesser.says(f"查进度 {number} {code}")
    assert "已登记" in guesser.last.text


async def test_another_chat_is_not_locked_out_by_it(town: Town) -> None:
    number, code = await shared(town)
    for _guess in range(6):
        await town.resident("guesser").says(f"查进度 {number} 000000")
    daughter = town.resident("daughter")
    await daughter.says(f"查进度 {number} {code}")
    assert "已登记" in daughter.last.text


async def test_guessing_one_number_by_many_chats_ends_too(town: Town) -> None:
    number, code = await shared(town)
    for chat in range(5):
        for guess in range(4):
            await town.resident(f"guesser{chat}").says(f"查进度 {number} 0000{chat}{guess}")
    daughter = town.resident("daughter")
    await daughter.says(f"查进度 {number} {code}")
    assert daughter.last.text == town.resident("guesser0").last.text
    await town.passes(minutes=61)
    await daughter.says(f"查进度 {number} {code}")
    assert "已登记" in daughter.last.text


# --- what the platform holds up ---


async def shown_to(town: Town, name: str, since: datetime) -> list[Any]:
    """What the outbox still knows of messages to somebody."""
    person = await town.store.writer.submit(lambda tx: town.app.office(tx).people.known("silent", name))
    assert person is not None, name
    rows = select(outbox.c.id).where(outbox.c.address == person.address, outbox.c.created_at >= since)
    return list(await town.store.writer.submit(lambda tx: tx.flushed().execute(rows).all()))


async def test_an_answer_that_is_held_up_for_an_hour_arrives_all_the_same(town: Town) -> None:
    number, _code = await shared(town)
    reader = town.resident("reader")
    await reader.opens()
    reader.news()
    town.channel.faults["reader"] = NotSent("429", timedelta(hours=1))
    await reader.says(number)
    await town.passes(minutes=30)
    assert reader.news() == []
    await town.passes(minutes=31)
    assert ["查询码" in words for words in reader.news()] == [True]


async def a_reader(town: Town) -> tuple[Someone, str, str, datetime]:
    """Somebody with number and code of an anonymous matter, a minute after they came, and that moment."""
    await town.official("du", Role.SUPERVISOR)
    _resident, number, code = await anonymously(town)
    reader = town.resident("reader")
    await reader.opens()
    reader.news()
    town.clock.advance(minutes=1)
    return reader, number, code, town.clock.now()


async def test_so_does_the_state_of_an_anonymous_matter_and_then_its_trace_goes(town: Town) -> None:
    reader, number, code, before = await a_reader(town)
    town.channel.faults["reader"] = NotSent("429", timedelta(hours=1))
    await reader.says(f"查进度 {number} {code}")
    await town.passes(minutes=61)
    assert ["还在查" in words for words in reader.news()] == [True]
    await town.passes(minutes=10)
    assert await shown_to(town, "reader", before) == []


async def test_what_waits_for_a_closed_page_is_taken_back_in_time(town: Town) -> None:
    """The page may stay closed for a month, and number and code show the same again."""
    reader, number, code, before = await a_reader(town)
    town.channel.faults["reader"] = NotSent("closed", timedelta(days=1))
    await reader.says(f"查进度 {number} {code}")
    await town.passes(minutes=21)
    assert await shown_to(town, "reader", before) == []


@pytest.mark.parametrize("code_too", [True, False])
async def test_saying_no_to_registering_leaves_no_more_of_a_look_up_than_else(town: Town, code_too: bool) -> None:
    reader, number, code, before = await a_reader(town)
    await reader.says(f"查进度 {number} {code}" if code_too else f"查进度 {number}")
    town.clock.advance(minutes=1)
    await reader.says("路灯坏了")
    await reader.presses("不同意，只看政策")
    assert "什么都没留" in reader.last.text
    await town.passes(minutes=16)
    await town.passes(minutes=10)
    assert await shown_to(town, "reader", before) == []


async def test_what_is_said_while_an_answer_is_held_up_keeps_its_words(town: Town) -> None:
    """Also where it could not be handled: it is kept for those who look after the office, and they are told so."""
    await town.official("du", Role.SUPERVISOR)
    _resident, number, code = await anonymously(town)
    reader = town.resident("reader")
    await reader.opens()
    town.channel.faults["reader"] = NotSent("429", timedelta(hours=1))
    await reader.says(f"查进度 {number} {code}")
    await town.passes(minutes=16)
    await town.passes(minutes=14)
    said_at = town.clock.now()
    await reader.says("路灯坏了")
    aside = (
        update(inbox).where(inbox.c.received_at >= said_at).values(state="set_aside", raw=b"kept", error="ValueError")
    )
    await town.store.writer.submit(lambda tx: tx.flushed().execute(aside))
    await town.passes(minutes=45)
    kept = select(inbox.c.raw).where(inbox.c.received_at >= said_at, inbox.c.state == "set_aside")
    assert await town.store.writer.submit(lambda tx: tx.flushed().execute(kept).scalars().all()) == [b"kept"]


# --- as people send it ---


async def read_by(town: Town, *messages: str) -> str:
    reader = town.resident("reader")
    for words in messages:
        await reader.says(words)
    return reader.last.text


@pytest.mark.parametrize(
    "messages",
    [("查进度", "{number}", "{code}"), ("{number}", "{code}"), ("查进度", "{small}{code}"), ("查进度{small} {code}",),
     ("编号 {number}，查询码 {code}。只显示这一次，请抄下来，丢了谁也补不了。最晚 10 月 8 日（周四）17:30 有结果。",),
     ("查进度", "{code}", "{number}", "{code}"), ("查进度 {wrong} {code}", "{number} {code}")],
)  # fmt: skip
async def test_number_and_code_are_found_however_they_are_sent(town: Town, messages: tuple[str, ...]) -> None:
    number, code = await shared(town)
    wrong = number[:-1] + ("2" if number[-1] != "2" else "3")
    facts = {"number": number, "code": code, "small": number.replace("-", "").lower(), "wrong": wrong}
    assert "已登记" in await read_by(town, *(words.format(**facts) for words in messages))


async def test_a_number_that_was_copied_wrongly_is_a_miss_like_any_other(town: Town) -> None:
    number, code = await shared(town)
    wrong = number[:-1] + ("2" if number[-1] != "2" else "3")
    miss = await read_by(town, f"查进度 {number} 000000")
    assert await read_by(town, f"查进度 {wrong} {code}") == miss
    assert await read_by(town, "查进度", f"{wrong} {code}") == miss


async def test_a_number_alone_tells_nobody_whether_there_is_such_a_case(town: Town) -> None:
    number, _code = await shared(town)
    there = await read_by(town, f"查进度 {number}")
    assert await read_by(town, f"查进度 {new_number(random.Random(1))}") == there
    assert "查询码" in there


async def test_a_number_without_its_code_is_not_kept_for_long(town: Town) -> None:
    number, code = await shared(town)
    await read_by(town, number)
    await town.passes(minutes=20)
    assert "请发编号和查询码" in await read_by(town, code)
