"""kill -9 at every named point under a hundred updates: nothing lost, no effect twice, order kept."""

import asyncio
import re
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select

from bot.config import Settings, read_settings
from bot.office.cases.records import ENTRY
from bot.office.cases.tables import attachment, case, entry
from bot.sealing import read_keys
from tests.fakebotapi import FakeBotApi, Person
from tests.postgres import a_database
from tests.proof.outside import (
    AGAIN,
    PATIENCE,
    PHOTO,
    configured,
    died_at,
    free_port,
    has_died,
    is_settled,
    rows,
    stopped,
    until,
    victim,
)

RESIDENTS = 10
UPDATES = 10  # each
PHOTOS = UPDATES - 1  # behind the words that say where they belong
REPEATED = 0.05  # of what was confirmed
POINTS = ("inbox commit", "acknowledgement", "mid-batch", "before commit", "after commit", "after claim", "after HTTP")

pytestmark = [pytest.mark.sockets, pytest.mark.slow]


def words_by_case(settings: Settings) -> list[list[str]]:
    """What stands in each case, in the order in which it was written."""
    keys = read_keys(settings.security.key_file)
    found: dict[int, list[str]] = {}
    for row in rows(settings, select(entry.c.case, entry.c.words).order_by(entry.c.case, entry.c.id)):
        found.setdefault(row.case, []).append(keys.content.open(row.words, ENTRY).decode())
    assert rows(settings, select(func.count()).select_from(case))[0][0] == RESIDENTS
    return list(found.values())


def files_by_case(settings: Settings) -> dict[int, list[str]]:
    """The state of every attachment."""
    found: dict[int, list[str]] = {}
    for row in rows(settings, select(attachment.c.case, attachment.c.state)):
        found.setdefault(row.case, []).append(row.state)
    return found


def told(person: Person, pattern: str) -> list[str]:
    return [found[1] for message in person.received if (found := re.search(pattern, message.text or ""))]


async def register(people: list[Person]) -> list[str]:
    """Every resident registers one case; their numbers."""
    for person in people:
        person.starts()
        for words in ("好", "/request 幸福里3号楼2单元的灯坏了", "登记"):
            person.says(words)
    await until(lambda: all(told(person, r"编号 ([0-9A-Z-]{9})") for person in people))
    return [told(person, r"编号 ([0-9A-Z-]{9})")[0] for person in people]


async def killed(config: Path, point: str, api: FakeBotApi, settings: Settings, hits: tuple[int, ...]) -> int:
    """Lets the office die at the point, at different depths of its work; how often it did."""
    deaths = 0
    for hit in hits:
        process = await victim(config, point, str(hit), AGAIN)
        deaths += await has_died(process, config, point, lambda: api.is_drained and is_settled(settings))
    return deaths


async def prove(
    folder: Path, point: str, say: Callable[[Person, str], Awaitable[None]], is_done: Callable[[Settings], bool],
    *, webhook: int | None = None, database: str = "",
) -> Settings:  # fmt: skip
    """An office, a case for everybody, updates in its absence, deaths at the point, and a last run that finishes."""
    async with FakeBotApi(limits=False) as api:
        api.redeliver(REPEATED)
        config = configured(folder, api, webhook=webhook, database=database)
        settings = read_settings(config)
        people = api.crowd(RESIDENTS)
        process = await victim(config)
        numbers = await register(people)
        await stopped(process)
        for person, number in zip(people, numbers, strict=True):
            await say(person, number)
        assert await killed(config, point, api, settings, (1, 3)), f"nobody ever passed {point}"
        process = await victim(config, "never", "0", AGAIN)
        await until(lambda: api.is_drained and is_done(settings) and is_settled(settings))
        await until(lambda: all(told(person, "(补到“)") for person in people))
        await stopped(process)
        assert api.complaints == []
    return settings


async def ten_sentences(person: Person, number: str) -> None:
    for turn in range(UPDATES):
        person.says(f"/add {number} 第{turn}句")


async def an_album(person: Person, number: str) -> None:
    person.says(f"/add {number}")
    person.sends_album([PHOTO + person.id.to_bytes(8, "big") + bytes([at]) for at in range(PHOTOS)])


def all_in_order(settings: Settings) -> None:
    expected = [f"第{turn}句" for turn in range(UPDATES)]
    for words in words_by_case(settings):
        assert words[1:] == expected


async def test_one_that_ends_of_anything_else_has_not_died_at_a_point(tmp_path: Path) -> None:
    async with FakeBotApi(limits=False) as api:
        config = configured(tmp_path, api)
        config.write_text("no settings", "utf-8")
        process = await victim(config, "after commit", "1")
        await asyncio.wait_for(process.wait(), PATIENCE)
        assert not died_at(config, "after commit")


@pytest.mark.parametrize("point", POINTS)
async def test_nothing_is_lost_doubled_or_disordered(tmp_path: Path, point: str) -> None:
    settings = await prove(
        tmp_path, point, ten_sentences, lambda settings: all(len(words) > UPDATES for words in words_by_case(settings))
    )
    all_in_order(settings)


@pytest.mark.parametrize("point", ["before commit", "after claim"])
async def test_nothing_is_lost_on_a_server(tmp_path: Path, postgres: str, point: str) -> None:
    with a_database(postgres, f"k1{uuid.uuid4().hex}") as url:
        settings = await prove(
            tmp_path, point, ten_sentences,
            lambda settings: all(len(words) > UPDATES for words in words_by_case(settings)), database=url,
        )  # fmt: skip
        all_in_order(settings)


@pytest.mark.parametrize("point", ["inbox commit", "acknowledgement"])
async def test_nothing_is_lost_on_the_way_in_by_webhook(tmp_path: Path, point: str) -> None:
    settings = await prove(
        tmp_path, point, ten_sentences, lambda settings: all(len(words) > UPDATES for words in words_by_case(settings)),
        webhook=free_port(),
    )  # fmt: skip
    all_in_order(settings)


@pytest.mark.parametrize("point", ["timer", "job", "file stored"])
async def test_albums_come_through_a_death_in_a_timer_or_a_job(tmp_path: Path, point: str) -> None:
    """The parts of an album are gathered by a timer, and each file is fetched by a job."""

    def all_stored(settings: Settings) -> bool:
        files = files_by_case(settings)
        return len(files) == RESIDENTS and all(states == ["stored"] * PHOTOS for states in files.values())

    settings = await prove(tmp_path, point, an_album, all_stored)
    assert all_stored(settings)
    assert all(len(words) == 2 for words in words_by_case(settings))  # the matter, and one addition
