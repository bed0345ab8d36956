"""Clearing the chat on the page: nothing stays, also where the page was away; what is shown once outlives a break."""

import pytest
from playwright.async_api import BrowserContext, Page, expect

from bot.dialogue.screen import Screen
from bot.text import as_text
from tests.channels.web.house import House, until
from tests.channels.web.page import opened, says, talk

pytestmark = [pytest.mark.sockets, pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def complained(context: BrowserContext, house: House) -> tuple[Page, str]:
    page = await opened(context, house)
    await expect(talk(page)).to_contain_text("要修什么、问什么")
    await says(page, "外来人口窗口姓刘的收钱")
    await expect(talk(page)).to_contain_text("我这样登记")
    await until(lambda: not house.resident.owed)  # what the server has not heard of comes again
    who = house.resident.events[0].who
    assert who is not None
    return page, who.chat


async def shows(house: House, screen: Screen) -> None:
    house.resident.owe(screen, house.resident.events[0])
    await until(lambda: not house.resident.owed)


async def test_the_page_and_the_server_forget_the_talk(context: BrowserContext, house: House) -> None:
    page, chat = await complained(context, house)
    assert await house.resident.channel.delete(chat, [])
    await shows(house, Screen(as_text("好了。需要时回“菜单”。")))
    await expect(talk(page)).not_to_contain_text("姓刘的")
    await expect(talk(page).locator(".message")).to_have_count(1)
    await page.reload()
    await expect(talk(page)).to_contain_text("需要时回")
    await expect(talk(page)).not_to_contain_text("姓刘的")
    assert "姓刘的" not in await page.evaluate("JSON.stringify({...localStorage})")


async def test_what_was_cleared_while_the_line_was_lost_goes_when_it_is_back(
    context: BrowserContext, house: House
) -> None:
    page, chat = await complained(context, house)
    await house.stop()
    await expect(page.locator("#state")).to_have_attribute("data-state", "closed")
    await house.start()
    assert await house.resident.channel.delete(chat, [])
    await expect(page.locator("#state")).to_have_attribute("data-state", "open")
    await expect(talk(page)).not_to_contain_text("姓刘的")


async def test_a_code_shown_once_outlives_a_lost_line_and_not_a_reload(context: BrowserContext, house: House) -> None:
    page, chat = await complained(context, house)
    await shows(house, Screen(as_text("查询码 482 913"), is_fleeting=True))
    await house.stop()
    await expect(page.locator("#state")).to_have_attribute("data-state", "closed")
    await house.start()
    await expect(page.locator("#state")).to_have_attribute("data-state", "open")
    await until(lambda: house.resident.channel._connections.is_open(chat))
    await expect(talk(page)).to_contain_text("482 913")
    await page.reload()
    await expect(talk(page)).to_contain_text("我这样登记")
    await expect(talk(page)).not_to_contain_text("482 913")
