"""Being forgotten at the web chat: the page is emptied, one last message is shown, and nothing of the talk is kept."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from bot.office.people.records import address
from bot.outside import Outside
from bot.running import Running, start_office, stop_office
from bot.store.talks import web_message
from bot.store.transaction import Transaction
from tests.channels.web.conftest import settings_in
from tests.channels.web.house import Visitor, until
from tests.rig import FakeClock

pytestmark = pytest.mark.sockets


class Door:
    """As much of a house as a visitor needs."""

    def __init__(self, running: Running) -> None:
        self.url = running.server.url


class Resident(Visitor):
    """Somebody who reads everything that comes."""

    def __init__(self, running: Running) -> None:
        super().__init__(Door(running))  # type: ignore[arg-type]  # all that a visitor asks of a house
        self.page: dict[str, dict[str, Any]] = {}
        self.cleared = 0
        self._count = 0

    async def reads_along(self) -> None:
        while True:
            frame = await self.socket.receive_json()
            if frame["t"] == "show":
                self.page[frame["message"]["id"]] = frame["message"]
                await self.tells({"t": "seen", "id": frame["message"]["id"]})
            elif frame["t"] == "cleared":
                self.cleared += 1
                self.page.clear()

    async def types(self, text: str) -> None:
        self._count += 1
        await self.says(text, f"m{self._count}")

    async def reads(self, words: str) -> None:
        await until(lambda: any(words in str(bubble.get("text")) for bubble in self.page.values()))


async def counted(running: Running, table: Any, *where: Any) -> int:
    statement = select(func.count()).select_from(table).where(*where)

    def count(tx: Transaction) -> int:
        return int(tx.flushed().execute(statement).scalar_one())

    return await running.app.store.writer.submit(count)


async def test_the_page_is_emptied_and_nothing_of_the_talk_is_kept(tmp_path: Path) -> None:
    clock = FakeClock()
    running = await start_office(settings_in(tmp_path), outside=Outside(clock))
    alice = Resident(running)
    await alice.opens()
    reading = asyncio.create_task(alice.reads_along())
    for typed, read in (("/start", "是程序"), ("好", "您说"), ("我的资料", "全在这个文件里"), ("删掉我的信息", "可以"),
                        ("删掉我的信息", "真的全部删掉")):  # fmt: skip
        await alice.types(typed) if typed != "删掉我的信息" or read == "可以" else await presses(alice, typed)
        await alice.reads(read)
    assert await counted(running, web_message) > 5
    await alice.types("全部删除")
    await alice.reads("都删了")
    assert alice.cleared == 1
    assert not any("全在这个文件里" in str(bubble.get("text")) for bubble in alice.page.values())
    clock.advance(seconds=3)
    async with asyncio.timeout(60):
        while await counted(running, address):
            clock.advance(seconds=1)
            running.app.inbox_bell.ring()
    assert await counted(running, web_message) == 0
    reading.cancel()
    await alice.close()
    await stop_office(running)


async def presses(alice: Resident, label: str) -> None:
    for bubble in reversed(alice.page.values()):
        for row in bubble.get("rows", []):
            for button in row:
                if button[0] == label:
                    await alice.tells({"t": "press", "id": "p1", "message": bubble["id"], "action": button[1]})
                    return
    raise AssertionError(label)
