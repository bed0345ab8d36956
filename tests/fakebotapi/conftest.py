"""Fixtures: a server on a clock that the test moves, and a plain HTTP client without any library's ideas."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.fakebotapi import FakeBotApi, ManualClock


class Client:
    """Calls methods; `asked` gives the result, `refused` the answer's code and words."""

    def __init__(self, api: FakeBotApi, session: aiohttp.ClientSession) -> None:
        self.api = api
        self.session = session

    async def call(self, method: str, token: str | None = None, **parameters: Any) -> dict[str, Any]:
        async with self.session.post(
            f"{self.api.base_url}{token or self.api.token}/{method}", json=parameters
        ) as answer:
            found: dict[str, Any] = await answer.json()
        assert found["ok"] or found["error_code"] == answer.status
        return found

    async def asked(self, method: str, **parameters: Any) -> Any:
        found = await self.call(method, **parameters)
        assert found["ok"], found
        return found["result"]

    async def refused(self, method: str, **parameters: Any) -> tuple[int, str]:
        found = await self.call(method, **parameters)
        assert not found["ok"], found
        return found["error_code"], found["description"]

    async def updates(self, **parameters: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self.asked("getUpdates", **parameters)
        return found

    def polling(self, **parameters: Any) -> asyncio.Task[dict[str, Any]]:
        return asyncio.create_task(self.call("getUpdates", **parameters))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def api(clock: ManualClock) -> AsyncIterator[FakeBotApi]:
    async with FakeBotApi(clock=clock, limits=False) as api:
        yield api


@pytest.fixture
async def client(api: FakeBotApi) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as session:
        yield Client(api, session)
