"""kill -9 at every named point under a hundred updates: nothing lost, no effect twice, order kept."""

import asyncio
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine, func, select

from bot.config import Settings, read_settings
from bot.office.cases.records import ENTRY
from bot.office.cases.tables import case, entry
from bot.sealing import read_keys
from bot.store.engine import read_url
from bot.store.queues import outbox
from tests.proof.peer import Peer

TOKEN = "123456789:AAExampleExampleExampleExampleExampl"  # made up
RESIDENTS = 10
UPDATES = 10  # each
POINTS = ("inbox commit", "acknowledgement", "mid-batch", "before commit", "after commit", "after claim", "after HTTP")
PATIENCE = 60.0

pytestmark = [pytest.mark.sockets, pytest.mark.slow]


def configured(folder: Path, peer: Peer) -> Path:
    config = folder / "config.toml"
    config.write_text(
        f"""
[database]
url = "sqlite:///{folder}/huiyin.db"
[security]
key_file = "{folder}/keys"
[files]
folder = "{folder}/files"
[telegram]
token = "{TOKEN}"
base_url = "{peer.url}/bot"
base_file_url = "{peer.url}/file/bot"
[web]
enabled = false
""",
        "utf-8",
    )
    return config


async def started(config: Path, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.proof.victim", str(config), *arguments, stdout=asyncio.subprocess.DEVNULL
    )


async def until(happened: Callable[[], bool]) -> None:
    """Asks again until it is so: the other side is another process."""
    async with asyncio.timeout(PATIENCE):
        while not happened():  # noqa: ASYNC110  no event reaches over from a process that is killed
            await asyncio.sleep(0.05)


async def stopped(process: asyncio.subprocess.Process) -> None:
    process.terminate()
    await process.wait()


def words_by_case(settings: Settings) -> list[list[str]]:
    """What stands in each case, in the order in which it was written."""
    keys = read_keys(settings.security.key_file)
    engine = create_engine(read_url(settings.database.url))
    found: dict[int, list[str]] = {}
    with engine.connect() as connection:
        for row in connection.execute(select(entry.c.case, entry.c.words).order_by(entry.c.case, entry.c.id)):
            found.setdefault(row.case, []).append(keys.content.open(row.words, ENTRY).decode())
        assert connection.execute(select(func.count()).select_from(case)).scalar_one() == RESIDENTS
    engine.dispose()
    return list(found.values())


def unsettled(settings: Settings) -> int:
    engine = create_engine(read_url(settings.database.url))
    with engine.connect() as connection:
        waiting = select(func.count()).where(outbox.c.state.in_(("queued", "sending")))
        count = int(connection.execute(waiting).scalar_one())
    engine.dispose()
    return count


def told(peer: Peer, chat: int, pattern: str) -> list[str]:
    return [found[1] for message in peer.to(chat) if (found := re.search(pattern, message["text"]))]


async def cases_of(peer: Peer, people: list[int]) -> list[str]:
    """Every resident registers one case; their numbers."""
    for chat in people:
        for words in ("/start", "好", "/request 幸福里3号楼2单元的灯坏了", "登记"):
            peer.says(chat, words)
    await until(lambda: all(told(peer, chat, r"编号 ([0-9A-Z-]{9})") for chat in people))
    return [told(peer, chat, r"编号 ([0-9A-Z-]{9})")[0] for chat in people]


@pytest.mark.parametrize("point", POINTS)
async def test_nothing_is_lost_doubled_or_disordered(tmp_path: Path, point: str) -> None:
    async with Peer() as peer:
        config = configured(tmp_path, peer)
        settings = read_settings(config)
        people = [1000 + number for number in range(RESIDENTS)]
        process = await started(config)
        numbers = await cases_of(peer, people)
        await stopped(process)

        for turn in range(UPDATES):
            for chat, number in zip(people, numbers, strict=True):
                peer.says(chat, f"/add {number} 第{turn}句")
        deaths = 0
        for hit in ("1", "3"):  # twice at the same point, at different depths of the work
            process = await started(config, point, hit)
            await until(lambda process=process: process.returncode is not None or peer.is_drained)  # type: ignore[misc]
            await asyncio.sleep(0.3)
            deaths += process.returncode is not None
            if process.returncode is None:
                await stopped(process)
        assert deaths, f"nobody ever passed {point}"
        process = await started(config)
        await until(lambda: peer.is_drained and all(len(words) > UPDATES for words in words_by_case(settings)))
        await until(lambda: all(told(peer, chat, "(补到编号)") for chat in people))
        await stopped(process)
    expected = [f"第{turn}句" for turn in range(UPDATES)]
    for words in words_by_case(settings):
        assert words[1:] == expected
