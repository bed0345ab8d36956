"""The web chat as people use it: a real office, a real browser, two sides."""

import re
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, ViewportSize, expect

from bot.running import Running, start_office, stop_office
from tests.channels.web.conftest import settings_in

pytestmark = [pytest.mark.sockets, pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

PHONE: ViewportSize = {"width": 320, "height": 640}


async def types(page: Page, words: str) -> None:
    """By keyboard alone: the field has the focus, Enter sends."""
    await page.locator("#words").focus()
    await page.keyboard.type(words)
    await page.keyboard.press("Enter")


async def sees(page: Page, words: str) -> None:
    await expect(page.locator(".bubble", has_text=words).last).to_be_visible(timeout=60_000)


async def tabs_to(page: Page, label: str) -> None:
    """Reaches the newest button of that name with the Tab key and presses it with Enter."""
    target = page.locator(".buttons").get_by_role("button", name=label, exact=True).last
    await target.wait_for()
    await page.locator("#talk").focus()
    for _step in range(60):
        await page.keyboard.press("Tab")
        if await target.evaluate("element => element === document.activeElement"):
            await page.keyboard.press("Enter")
            return
    raise AssertionError(f"{label} cannot be reached by keyboard")


async def joined(office: Running, page: Page) -> None:
    lines, _code = await office.invite("handler", None)
    await page.goto(lines[0])
    await sees(page, "您现在是")


async def registered(page: Page, address: str) -> str:
    """A resident's case, by keyboard alone; returns its number."""
    await page.goto(address)
    await tabs_to(page, "好，开始")
    await sees(page, "您说")
    await types(page, "幸福里3号楼2单元的灯坏了")
    await tabs_to(page, "登记")
    await sees(page, "登记好了")
    found = re.search(r"[0-9A-Z]{4}-[0-9A-Z]{4}", await page.locator("#talk").inner_text())
    assert found is not None
    return found[0]


async def test_the_whole_talk_by_keyboard_in_two_tabs_of_one_browser(office: Running, browser: Browser) -> None:
    context = await browser.new_context(locale="zh-CN", viewport=PHONE)
    alice, clerk = await context.new_page(), await context.new_page()
    number = await registered(alice, f"{office.server.url}/")
    await joined(office, clerk)
    await types(clerk, "待办")
    await sees(clerk, number)
    await types(clerk, f"/answer {number} 修好了，换了新灯头。")
    await sees(clerk, "还没发")
    await tabs_to(clerk, "发送")
    await sees(alice, "修好了，换了新灯头。")
    await tabs_to(alice, "解决了")
    await sees(alice, "谢谢您告诉我们")
    assert "工作人员" not in await alice.locator("header").inner_text()
    assert await alice.locator("#talk", has_text="您现在是").count() == 0
    assert "工作人员" in await clerk.locator("header").inner_text()
    await context.close()


async def test_whoever_works_here_no_more_sees_no_case_on_the_page(office: Running, browser: Browser) -> None:
    """Neither on the page that is open nor after a reload."""
    alice, clerk, ada = [await (await browser.new_context(locale="zh-CN")).new_page() for _side in range(3)]
    number = await registered(alice, f"{office.server.url}/")
    await joined(office, clerk)
    await types(clerk, "待办")
    await sees(clerk, number)
    lines, _code = await office.invite("administrator", None)
    await ada.goto(lines[0])
    await sees(ada, "您现在是")
    await types(ada, "/roles")
    await sees(ada, "经办人")
    line = next(line for line in (await ada.locator("#talk").inner_text()).splitlines() if "经办人" in line)
    await tabs_to(ada, f"收回 {line.split()[0]}")
    await tabs_to(ada, "是，收回")
    await sees(clerk, "您不再是这里的工作人员")
    for _look in ("now", "after a reload"):
        assert number not in await clerk.locator("#talk").inner_text()
        await clerk.reload()
        await sees(clerk, "您不再是这里的工作人员")


async def test_the_talk_is_there_again_after_a_reload(office: Running, browser: Browser) -> None:
    page = await browser.new_page(locale="zh-CN")
    number = await registered(page, f"{office.server.url}/")
    before = await page.locator(".message").count()
    await page.reload()
    await sees(page, number)
    await expect(page.locator(".message")).to_have_count(before)
    await page.close()


async def test_what_was_typed_while_the_office_was_away_arrives_once(tmp_path: Path, browser: Browser) -> None:
    office = await start_office(settings_in(tmp_path))
    port = int(office.server.url.rsplit(":", 1)[1])
    page = await browser.new_page(locale="zh-CN")
    await page.goto(f"{office.server.url}/")
    await sees(page, "自动助手")
    await stop_office(office)
    await types(page, "在吗")
    await expect(page.locator(".state[data-state=waiting]")).to_have_count(1)
    office = await start_office(settings_in(tmp_path, port))
    await sees(page, "您好。有什么事")
    await expect(page.locator(".state[data-state=waiting]")).to_have_count(0)
    assert await page.locator(".message.mine", has_text="在吗").count() == 1
    await page.close()
    await stop_office(office)


async def test_a_photo_goes_up_and_the_official_sees_the_stored_copy(office: Running, browser: Browser) -> None:
    context = await browser.new_context(locale="zh-CN")
    alice, clerk = await context.new_page(), await context.new_page()
    number = await registered(alice, f"{office.server.url}/")
    await joined(office, clerk)
    await tabs_to(alice, "加照片")
    await sees(alice, "您说：打字")
    lamp = Path(__file__).parents[2] / "dialogues" / "lamp.jpg"
    await alice.locator("#files").set_input_files(lamp)
    await alice.locator("#send").click()
    await sees(alice, f"里了（编号 {number}）")
    await sees(clerk, f"编号 {number}：文件到了")
    await tabs_to(clerk, "看文件（1）")
    picture = clerk.locator(".bubble img")
    await expect(picture).to_be_visible(timeout=60_000)
    await expect(picture).to_have_js_property("naturalWidth", 320)
    await context.close()


async def test_a_phones_width_needs_no_sideways_scrolling(office: Running, browser: Browser) -> None:
    page = await browser.new_page(locale="zh-CN", viewport=PHONE)
    await registered(page, f"{office.server.url}/")
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    await page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_serious_on_either_side(
    office: Running, browser: Browser, scheme: Literal["light", "dark"]
) -> None:
    context = await browser.new_context(locale="zh-CN", color_scheme=scheme, bypass_csp=True)
    alice, clerk = await context.new_page(), await context.new_page()
    await registered(alice, f"{office.server.url}/")
    await joined(office, clerk)
    await types(clerk, "待办")
    await sees(clerk, "手上 1 件")
    for page in (alice, clerk):
        results = await Axe().run(page)
        found = [item for item in results.response["violations"] if item["impact"] in ("serious", "critical")]
        assert found == [], [item["id"] for item in found]
    await context.close()
