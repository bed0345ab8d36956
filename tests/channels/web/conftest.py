"""A running office with the web chat on a free port, and a browser where there is one."""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, async_playwright, expect

from bot.config import Settings
from bot.outside import Outside
from bot.running import Running, start_office, stop_office
from tests.channels.web.house import House, a_house, talkative
from tests.channels.web.page import a_context
from tests.rig import FakeClock
from tests.sample import furnish

CHROMIUM = os.environ.get("HUIYIN_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
             "--disable-sync", "--no-first-run", "--use-fake-ui-for-media-stream",
             "--use-fake-device-for-media-stream"]  # fmt: skip
expect.set_options(timeout=60_000)  # milliseconds: the machine may be busy, and waiting costs nothing


def settings_in(folder: Path, port: int = 0) -> Settings:
    return Settings.model_validate(
        {
            "database": {"url": f"sqlite:///{folder}/huiyin.db"},
            "security": {"key_file": folder / "keys"},
            "files": {"folder": folder / "files"},
            "web": {"port": port},
        }
    )


@pytest_asyncio.fixture(loop_scope="session")
async def office(tmp_path: Path) -> AsyncIterator[Running]:
    settings = settings_in(tmp_path)
    furnish(settings)
    running = await start_office(settings, outside=Outside(FakeClock()))  # in working hours
    yield running
    await stop_office(running)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """One for all tests: to start it takes longer than most of them. Who uses it runs in the loop of the session."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: install the package chromium, or name one in HUIYIN_CHROMIUM")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def browser(chromium: Browser) -> AsyncIterator[Browser]:
    """With no page, cookie or stored word of an earlier test."""
    yield chromium
    for context in chromium.contexts:
        await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with a_house(tmp_path, talkative) as house:
        yield house
        assert house.faults == []


@pytest_asyncio.fixture(loop_scope="session")
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    context = await a_context(browser)
    yield context
    await context.close()
