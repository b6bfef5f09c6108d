"""The page is for everybody: keyboard, screen reader, small screen, any language, any reading direction."""

from typing import Any

import pytest

from tests.browser import Browser, Visitor, expect, visit
from tests.process import Gateway

pytest_plugins = ["tests.browser_fixtures"]
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.feature("WEB-07")
async def test_everything_by_keyboard(visitor: Visitor) -> None:
    page = visitor.page
    await expect(visitor.text).to_be_focused()
    await page.keyboard.type("marked")
    await page.keyboard.press("Enter")
    await expect(visitor.answers).to_have_count(1)
    await expect(visitor.text).to_be_focused()
    reached = []
    for _ in range(30):
        await page.keyboard.press("Shift+Tab")
        name = await page.evaluate("document.activeElement.ariaLabel ?? document.activeElement.textContent")
        reached.append(name)
        if name == "Menu":
            break
    assert {"Attach a file", "Copy", "handbook", "Conversation", "Menu"} <= set(reached)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("menuitem", name="New conversation")).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await expect(page.get_by_role("menuitem", name="End conversation")).to_be_focused()
    await page.keyboard.press("End")
    await expect(page.get_by_role("menuitem", name="Save transcript")).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await expect(page.get_by_role("menuitem", name="New conversation")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("menu")).to_be_hidden()
    await expect(page.get_by_role("button", name="Menu")).to_be_focused()


@pytest.mark.feature("WEB-07")
async def test_screen_readers_hear_finished_answers_and_no_pieces(visitor: Visitor, gateway: Gateway) -> None:
    await expect(visitor.log).to_have_attribute("aria-live", "polite")
    await visitor.say("wait heard")
    await expect(visitor.log.locator("article.draft")).to_have_attribute("aria-live", "off")
    gateway.release("heard")
    await expect(visitor.answers).to_have_count(1)
    assert await visitor.log.locator("article.assistant").get_attribute("aria-live") is None


@pytest.mark.feature("WEB-07")
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_names_sizes_and_contrast(browser: Browser, gateway: Gateway, scheme: Any) -> None:
    async with visit(browser, gateway.url, color_scheme=scheme, reduced_motion="reduce") as visitor:
        await visitor.ask("marked")
        await visitor.say("x" * 32_001)
        await expect(visitor.log.get_by_text("Not sent")).to_be_visible()
        await visitor.text.fill("something")
        await visitor.page.get_by_role("button", name="Menu").click()
        assert await visitor.probe("nameless()") == []
        assert await visitor.probe("small()") == 0
        assert await visitor.probe("faint()") == []
        assert await visitor.page.evaluate("document.documentElement.lang") == "en"


@pytest.mark.feature("WEB-07")
async def test_stillness_for_whom_motion_harms(browser: Browser, gateway: Gateway) -> None:
    async with visit(browser, gateway.url, reduced_motion="reduce") as visitor:
        await visitor.say("wait still")
        await expect(visitor.draft).to_be_visible()
        assert await visitor.page.evaluate("document.getAnimations().length") == 0
        gateway.release("still")


@pytest.mark.feature("WEB-07", "FMT-05")
async def test_right_to_left(browser: Browser, gateway: Gateway) -> None:
    async with visit(browser, gateway.url, locale="ar") as visitor:
        page = visitor.page
        await expect(page.locator("html")).to_have_attribute("dir", "rtl")
        await expect(page.locator("html")).to_have_attribute("lang", "ar")
        await expect(visitor.text).to_have_attribute("placeholder", "اكتب رسالة…")
        await visitor.ask("مرحبا")
        await visitor.ask("in English")
        mark, menu = (
            await page.locator("header .mark").bounding_box(),
            await page.locator("header .holder").bounding_box(),
        )
        assert mark
        assert menu
        assert mark["x"] > menu["x"]
        direction = "element => getComputedStyle(element).direction"
        assert await visitor.answers.first.locator("p").evaluate(direction) == "ltr"  # it begins with "You said"
        assert await visitor.mine.first.evaluate(direction) == "rtl"
        assert await visitor.mine.last.evaluate(direction) == "ltr"


@pytest.mark.feature("WEB-07")
@pytest.mark.parametrize("language", ["de", "zh-TW", "hi"])
async def test_speaks_the_language_of_the_browser(browser: Browser, gateway: Gateway, language: str) -> None:
    async with visit(browser, gateway.url, locale=language) as visitor:
        await expect(visitor.page.locator("html")).to_have_attribute("lang", language[:2])
        await expect(visitor.text).not_to_have_attribute("placeholder", "Write a message…")


@pytest.mark.feature("WEB-06", "WEB-07")
@pytest.mark.parametrize("width", [320, 390, 1280])
async def test_fits_every_screen(browser: Browser, gateway: Gateway, width: int) -> None:
    async with visit(browser, gateway.url, viewport={"width": width, "height": 640}) as visitor:
        await visitor.ask("marked")
        await visitor.ask("w" * 300)
        assert await visitor.page.evaluate("document.documentElement.scrollWidth") <= width
        assert (
            await visitor.page.evaluate("(e => e.scrollWidth - e.clientWidth)(document.querySelector('.scroller'))")
            == 0
        )
        box = await visitor.text.bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width


@pytest.mark.feature("WEB-07")
async def test_follows_the_end_only_while_one_reads_it(visitor: Visitor) -> None:
    bottom = "(e => Math.round(e.scrollHeight - e.scrollTop - e.clientHeight))(document.querySelector('.scroller'))"
    await visitor.ask("long")
    assert abs(await visitor.page.evaluate(bottom)) <= 1
    latest = visitor.page.get_by_role("button", name="To the latest message")
    await expect(latest).to_be_hidden()
    await visitor.page.locator(".scroller").evaluate("e => e.scrollTo({top: 0, behavior: 'instant'})")
    await expect(latest).to_be_visible()
    await visitor.say_elsewhere("while reading")
    await expect(visitor.mine.last).to_have_text("while reading")
    assert await visitor.page.locator(".scroller").evaluate("e => e.scrollTop") == 0
    await latest.click()
    await expect(latest).to_be_hidden()


@pytest.mark.feature("WEB-07")
async def test_unseen_answers_are_counted_in_the_title(visitor: Visitor, gateway: Gateway) -> None:
    await visitor.ask("hello")
    await visitor.say("wait unseen")
    await expect(visitor.draft).to_be_visible()
    await visitor.look_away()
    gateway.release("unseen")
    await expect(visitor.page).to_have_title("(1) Harbour")
    await visitor.look_away(False)
    await expect(visitor.page).to_have_title("Harbour")
