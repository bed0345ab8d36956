"""Many pages at once: whoever never says that a message is shown keeps nobody else waiting."""

import asyncio
from contextlib import AsyncExitStack
from types import SimpleNamespace

import pytest

from bot.channels.web import channel
from bot.running import Running
from tests.channels.web.house import Visitor

pytestmark = [pytest.mark.sockets, pytest.mark.asyncio(loop_scope="session")]

SILENT = 80  # more than the messages that a platform is given at one time


async def listens(visitor: Visitor) -> None:
    """Reads everything, as a browser does, and acknowledges nothing."""
    async for _frame in visitor.socket:
        pass


async def test_pages_that_take_no_message_hold_up_no_other(office: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "SEEN_WITHIN", 3600.0)
    house = SimpleNamespace(url=office.server.url)
    async with AsyncExitStack() as stack:
        for number in range(SILENT + 1):
            visitor = Visitor(house)  # type: ignore[arg-type]  # all it asks for
            stack.push_async_callback(visitor.close)
            await visitor.opens()
            await visitor.says("谢谢")
            if number < SILENT:
                await visitor.hears("taken")
                stack.callback(asyncio.create_task(listens(visitor)).cancel)
        assert (await visitor.sees())["text"][0][0] == "不客气。"
