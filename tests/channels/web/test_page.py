"""The page in a real browser with a scripted office: by keyboard, after a reload, over a lost line, on a phone."""

import re
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, expect

from bot.dialogue.event import Event, FileKind, Linked, Pressed, Said
from bot.dialogue.screen import Screen
from bot.errors import StoreError
from bot.text import as_text, join
from tests.channels.web.house import PICTURE, Clerk, House, a_house, talkative, until
from tests.channels.web.page import a_context, button, opened, reaches, says, talk

pytestmark = [pytest.mark.sockets, pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PHONE = {"width": 320, "height": 568}
SMALL_BUTTONS = """() => [...document.querySelectorAll("button, textarea, a.button")]
    .filter((node) => node.offsetParent && (node.offsetHeight < 44 || node.offsetWidth < 44))
    .map((node) => node.textContent)"""


async def test_a_talk_by_keyboard_alone(context: BrowserContext, house: House) -> None:
    page = await opened(context, house)
    words = page.locator("#words")
    await expect(talk(page)).to_contain_text("要修什么、问什么")
    await expect(words).to_be_focused()
    await reaches(page, "好，开始")
    await page.keyboard.press("Enter")
    await expect(talk(page)).to_contain_text("好的，您说吧。")
    await expect(talk(page)).to_contain_text("先办灯")
    await expect(button(page, "好，开始")).to_have_count(0)  # the message was changed in place
    await expect(page.locator("#hint")).to_have_text("记下了")
    await expect(words).to_be_focused()  # the button that had the focus is gone
    await page.keyboard.type("幸福里小区")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("3 号楼 2 单元")
    await page.keyboard.press("Enter")
    await expect(page.locator(".mine .words")).to_have_text("幸福里小区\n3 号楼 2 单元")
    await expect(page.locator(".mine .state")).to_have_text("已送到")
    await expect(page.locator("blockquote")).to_have_text("幸福里小区\n3 号楼 2 单元")
    await expect(words).to_have_value("")
    await reaches(page, "登记")
    await page.keyboard.press("Space")
    await expect(talk(page)).to_contain_text("按了 form.submit~3")
    await expect(button(page, "登记")).to_be_focused()
    await expect(button(page, "登记")).to_contain_text("已点")
    assert [type(event.what).__name__ for event in house.resident.events] == ["Linked", "Pressed", "Said", "Pressed"]


async def test_enter_that_picks_a_chinese_character_sends_nothing(context: BrowserContext, house: House) -> None:
    page = await opened(context, house)
    await page.locator("#words").fill("deng")
    await page.evaluate("""document.getElementById("words").dispatchEvent(
        new KeyboardEvent("keydown", { key: "Enter", isComposing: true, bubbles: true, cancelable: true }))""")
    await expect(page.locator("#words")).to_have_value("deng")
    await expect(page.locator(".mine")).to_have_count(0)


async def test_a_reload_keeps_the_talk(context: BrowserContext, house: House) -> None:
    page = await opened(context, house)
    await says(page, "楼道灯坏了")
    await button(page, "登记").click()
    await expect(talk(page)).to_contain_text("按了 form.submit~3")
    await expect(page.locator(".mine .state")).to_have_text("已送到")
    before = await page.locator(".message .words").all_inner_texts()
    await page.reload()
    await expect(talk(page)).to_contain_text("按了 form.submit~3")
    assert await page.locator(".message .words").all_inner_texts() == before
    await expect(button(page, "登记")).to_contain_text("已点")
    await expect(page.locator(".day:visible")).to_have_text("今天")
    assert sum(isinstance(event.what, Linked) for event in house.resident.events) == 1  # greeted once


async def test_the_line_comes_back_and_what_was_written_meanwhile_goes_out(
    context: BrowserContext, house: House
) -> None:
    page = await opened(context, house)
    await expect(talk(page)).to_contain_text("您好")
    await house.stop()
    await expect(page.locator("#state")).to_contain_text("没连上")
    await says(page, "第一句")
    await says(page, "第二句")
    await expect(page.locator(".mine .state").last).to_have_text("没连上，连上就发")
    await house.start()
    await expect(page.locator("#state")).to_have_text("已连上", timeout=60_000)
    await expect(page.locator(".mine .state")).to_have_text(["已送到", "已送到"])
    said = [event.what.text for event in house.resident.events if isinstance(event.what, Said)]
    assert said == ["第一句", "第二句"]
    await expect(page.locator("blockquote")).to_have_text(["第一句", "第二句"])


async def test_a_reload_loses_nothing_that_was_not_stored(context: BrowserContext, house: House) -> None:
    page = await opened(context, house)
    await expect(talk(page)).to_contain_text("您好")
    house.resident.faults = [StoreError("full")] * 1000
    await says(page, "楼道灯坏了")
    await until(lambda: len(house.resident.faults) < 1000)
    await page.reload()
    await expect(page.locator(".mine .words")).to_have_text("楼道灯坏了")
    await expect(page.locator(".mine .state")).not_to_have_text("已送到")
    house.resident.faults = []
    await expect(page.locator(".mine .state")).to_have_text("已送到", timeout=60_000)
    await expect(page.locator(".mine")).to_have_count(1)
    assert await page.evaluate("Object.keys(localStorage).length") == 0


async def test_an_answer_that_came_while_the_page_was_closed_waits_for_it(
    context: BrowserContext, house: House
) -> None:
    page = await opened(context, house)
    await expect(talk(page)).to_contain_text("您好")
    event = house.resident.events[0]
    await page.goto("about:blank")
    await until(lambda: not house.resident.channel._connections.chats)
    house.resident.owe(talkative(house.resident, _said(event, "修好了"))[0], event)
    await until(lambda: house.resident.owed)
    await page.goto(house.url)
    await expect(page.locator("blockquote")).to_have_text("修好了")


def _said(event: Any, words: str) -> Any:
    return type(event)(Said(text=words), event.happened_at, event.who, "x")


async def test_two_sides_in_one_browser_do_not_mix(context: BrowserContext, house: House) -> None:
    resident = await opened(context, house)
    clerk = await opened(context, house, "/office?start=abc123")
    await expect(talk(clerk)).to_contain_text("您从现在起在这里工作（abc123）")
    assert clerk.url == f"{house.url}/office"  # the code is used once
    await says(resident, "居民的话")
    await says(clerk, "干部的话")
    await expect(talk(resident)).to_contain_text("我这样登记：居民的话")
    await expect(talk(clerk)).to_contain_text("我这样登记：干部的话")
    for page, foreign in ((resident, "干部的话"), (clerk, "居民的话")):
        await page.reload()
        await expect(page.locator("blockquote")).to_have_count(1)
        await expect(talk(page)).not_to_contain_text(foreign)
    await expect(resident.get_by_role("banner")).not_to_contain_text("工作人员", use_inner_text=True)
    await expect(clerk.get_by_role("banner")).to_contain_text("工作人员", use_inner_text=True)
    assert len([event for event in house.office.events if isinstance(event.what, Linked)]) == 1


async def test_two_tabs_of_one_person_show_the_same(context: BrowserContext, house: House) -> None:
    one = await opened(context, house)
    await expect(talk(one)).to_contain_text("您好")
    two = await opened(context, house)
    await says(one, "从第一个窗口")
    await expect(two.locator(".mine .words")).to_have_text("从第一个窗口")
    await expect(two.locator("blockquote")).to_have_text("从第一个窗口")
    await button(two, "登记").click()
    await expect(button(one, "登记")).to_contain_text("已点")


async def test_two_tabs_that_open_together_are_one_person(context: BrowserContext, house: House) -> None:
    one, two = await context.new_page(), await context.new_page()
    for page in (one, two):
        await page.goto(house.url, wait_until="commit")
    for page in (one, two):
        await expect(page.locator("#state")).to_have_text("已连上")
    assert len({chat for _side, chat in house.opened}) == 1


async def test_foreign_words_stay_words(context: BrowserContext, house: House) -> None:
    page = await opened(context, house)
    await says(page, "样式")
    await expect(page.locator("blockquote")).to_have_text("<img src=x onerror=alert(1)>【登记】")
    await expect(page.locator(".bubble img")).to_have_count(0)
    await expect(page.get_by_role("link")).to_have_count(1)  # the javascript: one is words
    await expect(page.get_by_role("link", name="看依据")).to_have_attribute("rel", re.compile("noopener"))


async def test_a_question_that_was_replaced_can_not_be_pressed(context: BrowserContext, house: House) -> None:
    page = await opened(context, house)
    await expect(button(page, "细说")).to_be_enabled()
    event = house.resident.events[0]
    house.resident.owe(talkative(house.resident, event)[0], event)
    await expect(button(page, "细说")).to_have_count(2)
    await expect(button(page, "细说").first).to_be_disabled()
    await expect(button(page, "细说").last).to_be_enabled()


async def test_files_go_up_and_come_down(context: BrowserContext, house: House, tmp_path: Path) -> None:
    page = await opened(context, house)
    lamp, large = tmp_path / "灯.png", tmp_path / "大.bin"
    lamp.write_bytes(PICTURE)
    large.write_bytes(bytes(20 * 1024 * 1024 + 1))
    await page.locator("#files").set_input_files([lamp, large])
    await expect(page.locator("#hint")).to_have_text(re.compile("大.bin 超过 20 MB，发不了"))
    await expect(page.locator("#attached li")).to_have_text(re.compile("灯.png，传好了"))
    await says(page, "")
    await expect(talk(page)).to_contain_text("收到 1 个文件：photo")
    got = next(event.what for event in house.resident.events if isinstance(event.what, Said))
    assert await house.resident.channel.fetch(got.files[0].ref, 1000) == PICTURE
    await says(page, "照片")
    picture = page.get_by_role("img", name="楼道灯.png")
    await expect(picture).to_have_js_property("naturalWidth", 1)


async def test_a_file_that_was_not_taken_can_be_sent_again(context: BrowserContext, house: House) -> None:
    page = await opened(context, house)
    await page.route("**/files", lambda route: route.abort())
    file: Any = {"name": "灯.png", "mimeType": "image/png", "buffer": PICTURE}
    await page.locator("#files").set_input_files(file)
    await expect(page.locator("#hint")).to_have_text("灯.png，没传上去")
    await page.unroute("**/files")
    await button(page, "重传").click()
    await expect(page.locator("#attached li")).to_have_text(re.compile("传好了"))
    await button(page, "去掉 灯.png").click()
    await expect(page.locator("#attached")).to_be_hidden()


async def test_a_voice_note(browser: Browser, house: House) -> None:
    context = await a_context(browser, permissions=["microphone"])
    page = await opened(context, house)
    await button(page, "语音").click()
    await expect(button(page, "说完了，发送")).to_be_focused()
    await expect(page.locator("#recorded")).to_have_text(re.compile("正在录音 (?!0:00)"))  # a busy machine looks late
    await page.keyboard.press("Enter")
    await expect(talk(page)).to_contain_text("收到 1 个文件：voice")
    voice = next(event.what for event in house.resident.events if isinstance(event.what, Said)).files[0]
    assert (voice.kind, voice.mime) == (FileKind.VOICE, "audio/webm")
    assert (voice.seconds or 0) >= 1
    assert (await house.resident.channel.fetch(voice.ref, 1_000_000)).startswith(b"\x1a\x45\xdf\xa3")
    await context.close()


async def test_the_place_of_the_device(browser: Browser, house: House) -> None:
    context = await a_context(browser, permissions=["geolocation"], geolocation={"latitude": 30.25, "longitude": 114.5})
    page = await opened(context, house)
    await button(page, "好，开始").click()
    await button(page, "发位置").click()
    await expect(talk(page)).to_contain_text("位置 30.25 114.5")
    await context.close()


async def test_without_a_place_words_will_do(context: BrowserContext, house: House) -> None:
    page = await opened(context, house)
    await button(page, "好，开始").click()
    await button(page, "发位置").click()
    await expect(page.locator("#hint")).to_contain_text("请打字说在哪儿")
    await expect(page.locator("#words")).to_be_focused()


async def test_a_reply_quotes_the_message(context: BrowserContext, house: House) -> None:
    page = await opened(context, house)
    await button(page, "回复").click()
    await expect(page.locator("#quotation")).to_contain_text("您好，我是青石街道")
    await expect(page.locator("#words")).to_be_focused()
    await says(page, "这件")
    await expect(page.locator(".mine .excerpt")).to_contain_text("您好，我是青石街道")
    await expect(page.locator("blockquote")).to_have_text("这件")
    replies = [event.what.reply_to for event in house.resident.events if isinstance(event.what, Said)]
    assert replies == [await page.locator(".theirs").first.get_attribute("data-id")]


async def test_the_menu_and_the_lasting_entries(context: BrowserContext, house: House) -> None:
    page = await opened(context, house)
    await button(page, "菜单").press("Enter")
    await expect(button(page, "我能做什么")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(button(page, "菜单")).to_be_focused()
    await page.keyboard.press("Enter")
    await button(page, "我的事").press("Enter")
    await expect(page.locator(".mine .words")).to_have_text("我的事")
    await expect(page.locator("blockquote")).to_have_text("/cases")
    await says(page, "常用")
    await button(page, "我要投诉").click()
    await expect(page.locator(".mine .words").last).to_have_text("我要投诉")


@pytest.mark.parametrize("path", ["/", "/office"])
async def test_a_narrow_phone_needs_no_sideways_scrolling(browser: Browser, house: House, path: str) -> None:
    context = await a_context(browser, viewport=PHONE, has_touch=True, is_mobile=True)
    page = await opened(context, house, path)
    await says(page, "https://example.org/" + "很长" * 40 + "x" * 120)
    await expect(page.locator("blockquote")).to_have_count(1)
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert await page.evaluate("document.getElementById('talk').scrollWidth") <= PHONE["width"]
    assert await page.evaluate(SMALL_BUTTONS) == []
    await expect(button(page, "发送")).to_be_in_viewport()
    await context.close()


async def test_twice_as_large_letters_fit(browser: Browser, house: House) -> None:
    context = await a_context(browser, viewport={"width": 360, "height": 640})
    page = await opened(context, house)
    await page.evaluate("document.documentElement.style.fontSize = '225%'")
    await says(page, "楼道灯坏了")
    await expect(page.locator("blockquote")).to_have_count(1)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    assert await page.evaluate("parseFloat(getComputedStyle(document.querySelector('.words')).fontSize)") >= 36
    await context.close()


async def test_letters_are_at_least_eighteen_pixels(context: BrowserContext, house: House) -> None:
    page = await opened(context, house)
    await expect(page.locator(".words")).to_have_css("font-size", "18px")
    await expect(page.locator("#words")).to_have_css("font-size", "18px")


async def test_who_reads_further_up_stays_there(browser: Browser, house: House) -> None:
    context = await a_context(browser, viewport=PHONE)
    page = await opened(context, house)
    for number in range(4):
        await says(page, f"第{number}句")
        await expect(page.locator("blockquote")).to_have_count(number + 1)
    await talk(page).evaluate("node => { node.scrollTop = 0; }")
    await until_scrolled_up(page)
    event = house.resident.events[-1]
    house.resident.owe(talkative(house.resident, _said(event, "新的"))[0], event)
    await button(page, "有新消息").click()
    await expect(page.locator("blockquote").last).to_be_in_viewport()
    await expect(button(page, "有新消息")).to_be_hidden()
    await context.close()


def two_matters(clerk: Clerk, event: Event) -> list[Screen]:
    """A receipt, and the second of two matters behind it."""
    if isinstance(event.what, Pressed):
        receipt = Screen(as_text("灯的事登记好了。\n编号 7K3M-9QX1\n最晚 9 月 21 日（周一）17:30 前给您答复。"))
        return [receipt, Screen(join(["第二件，住院报销。", *(f"要带的第{number}样" for number in range(25))]))]
    return talkative(clerk, event)


async def test_a_receipt_stays_in_sight_when_a_second_matter_follows(browser: Browser, tmp_path: Path) -> None:
    context = await a_context(browser, viewport={"width": 360, "height": 640}, has_touch=True, is_mobile=True)
    async with a_house(tmp_path, two_matters) as house:
        page = await opened(context, house)
        await says(page, "楼道灯坏了，还有住院的钱怎么报")
        await button(page, "登记").click()
        await expect(talk(page)).to_contain_text("要带的第24样")
        await expect(page.get_by_text("灯的事登记好了")).to_be_in_viewport()
        await button(page, "有新消息").click()
        await expect(page.get_by_text("要带的第24样")).to_be_in_viewport()
        await says(page, "好")
        await expect(page.locator("blockquote").last).to_be_in_viewport()
        assert house.faults == []
    await context.close()


async def until_scrolled_up(page: Page) -> None:
    await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


async def test_an_english_browser_gets_english_words(browser: Browser, house: House) -> None:
    context = await a_context(browser, locale="en-GB")
    page = await opened(context, house)
    await expect(page.locator("#state")).to_have_text("Connected")
    await expect(page.locator("html")).to_have_attribute("lang", "en")
    await expect(button(page, "Send")).to_be_visible()
    await until(lambda: house.resident.events)
    who = house.resident.events[0].who
    assert who is not None
    assert who.language == "en-GB"
    await context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/office"])
async def test_axe_finds_nothing_serious(browser: Browser, house: House, path: str, scheme: str) -> None:
    context = await a_context(browser, color_scheme=scheme, reduced_motion="reduce")
    page = await opened(context, house, path)
    for words in ("楼道灯坏了", "样式", "照片", "常用"):
        await says(page, words)
        await expect(page.locator(".mine .state").last).to_have_text("已送到")
    await button(page, "登记").click()
    await button(page, "回复").last.click()
    await button(page, "菜单").click()
    file: Any = {"name": "灯.png", "mimeType": "image/png", "buffer": PICTURE}
    await page.locator("#files").set_input_files(file)
    await expect(page.locator("#attached li")).to_have_text(re.compile("传好了"))
    results = await Axe().run(page)
    found = [item for item in results.response["violations"] if item["impact"] in ("serious", "critical")]
    assert found == [], [(item["id"], [node["html"] for node in item["nodes"]]) for item in found]
    await context.close()


async def test_a_page_that_cannot_keep_things_works_all_the_same(context: BrowserContext, house: House) -> None:
    await context.add_init_script("Object.defineProperty(window, 'localStorage', { get() { throw new Error(); } });")
    page = await opened(context, house)
    await says(page, "楼道灯坏了")
    await expect(page.locator(".mine .state")).to_have_text("已送到")


async def test_what_the_office_will_never_understand_does_not_block_the_rest(
    context: BrowserContext, house: House
) -> None:
    page = await opened(context, house)
    await expect(talk(page)).to_contain_text("您好")
    await page.evaluate("""localStorage.setItem("huiyin.resident.unsent.bad", JSON.stringify(
        { at: 1, frame: { t: "say", id: "bad", text: "坏", spot: { latitude: 999, longitude: 0 } } }))""")
    await page.reload()
    await says(page, "好的")
    await expect(page.locator(".mine", has_text="好的").locator(".state")).to_have_text("已送到", timeout=60_000)
    await expect(page.locator(".mine", has_text="坏").locator(".state")).to_have_text(re.compile("没发出去"))
