"""The page in a browser, and what people do at it."""

from typing import Any

from playwright.async_api import Browser, BrowserContext, Locator, Page, expect

from tests.channels.web.house import House


async def a_context(browser: Browser, **options: Any) -> BrowserContext:
    context = await browser.new_context(**({"locale": "zh-CN", "timezone_id": "Asia/Shanghai"} | options))
    context.set_default_timeout(60_000)
    return context


async def opened(context: BrowserContext, house: House, path: str = "/") -> Page:
    """The page, with any fault in it as a failure of the test."""
    page = await context.new_page()
    page.on("pageerror", lambda error: house.faults.append(str(error)))
    await page.goto(f"{house.url}{path}")
    await expect(page.locator("#state")).to_have_attribute("data-state", "open")
    return page


def talk(page: Page) -> Locator:
    return page.get_by_role("log")


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name)


async def says(page: Page, words: str) -> None:
    await page.locator("#words").fill(words)
    await page.keyboard.press("Enter")


async def reaches(page: Page, name: str) -> None:
    """Backwards through the page with the Tab key, as far as the button."""
    for _ in range(20):
        await page.keyboard.press("Shift+Tab")
        if await page.evaluate("document.activeElement.firstChild?.textContent") == name:
            return
    raise AssertionError(f"{name} cannot be reached by keyboard")
