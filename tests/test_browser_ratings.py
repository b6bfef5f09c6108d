"""Thumbs below answers, in Chromium: with the mouse and with the keyboard, named and told to those who do not see."""

import pytest

from tests.browser import Browser, Visitor, expect, tab, visit
from tests.process import Gateway

pytest_plugins = ["tests.browser_fixtures"]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.feature("STR-06", "WEB-07"),
]


async def pressed(visitor: Visitor, number: int = 0) -> dict[str, str | None]:
    group = visitor.page.get_by_role("group", name="Rate this answer").nth(number)
    names = ("Good answer", "Bad answer")
    return {name: await group.get_by_role("button", name=name).get_attribute("aria-pressed") for name in names}


def thumb(visitor: Visitor, name: str, number: int = 0):  # type: ignore[no-untyped-def]
    return visitor.page.get_by_role("group", name="Rate this answer").nth(number).get_by_role("button", name=name)


async def test_a_thumb_is_given_changed_and_taken_back(visitor: Visitor) -> None:
    await visitor.ask("one")
    await visitor.ask("two")
    good, bad = thumb(visitor, "Good answer"), thumb(visitor, "Bad answer")
    await expect(visitor.page.get_by_role("group", name="Rate this answer")).to_have_count(2)
    await expect(good).to_have_attribute("aria-pressed", "false")
    await good.click()
    await expect(good).to_have_attribute("aria-pressed", "true")
    await bad.click()
    await expect(good).to_have_attribute("aria-pressed", "false")
    await expect(bad).to_have_attribute("aria-pressed", "true")
    assert set((await pressed(visitor, 1)).values()) == {"false"}
    await visitor.page.reload()
    await expect(bad).to_have_attribute("aria-pressed", "true")
    await bad.click()
    await expect(bad).to_have_attribute("aria-pressed", "false")
    await visitor.page.reload()
    await expect(visitor.answers).to_have_count(2)
    assert set((await pressed(visitor)).values()) == {"false"}
    assert visitor.faults == []


async def test_by_keyboard_the_focus_stays_where_it_is(visitor: Visitor) -> None:
    await visitor.ask("one")
    good, bad = thumb(visitor, "Good answer"), thumb(visitor, "Bad answer")
    await visitor.text.press("Shift+Tab")
    for _ in range(10):
        if await bad.evaluate("element => element === document.activeElement"):
            break
        await visitor.page.keyboard.press("Shift+Tab")
    await expect(bad).to_be_focused()
    await visitor.page.keyboard.press("Shift+Tab")
    await expect(good).to_be_focused()
    await visitor.page.keyboard.press("Enter")
    await expect(good).to_have_attribute("aria-pressed", "true")
    await expect(good).to_be_focused()
    await visitor.page.keyboard.press("Space")
    await expect(good).to_have_attribute("aria-pressed", "false")
    await expect(good).to_be_focused()


async def test_the_other_tab_sees_it_at_once(visitor: Visitor) -> None:
    await visitor.ask("one")
    other = await tab(visitor.page.context, visitor.page.url)
    await expect(other.answers).to_have_count(1)
    await thumb(visitor, "Good answer").click()
    await expect(thumb(other, "Good answer")).to_have_attribute("aria-pressed", "true")
    # And there it can be taken back.
    await thumb(other, "Good answer").click()
    await expect(thumb(visitor, "Good answer")).to_have_attribute("aria-pressed", "false")


@pytest.mark.parametrize("colours", ["light", "dark"])
async def test_thumbs_can_be_seen_named_and_hit(browser: Browser, gateway: Gateway, colours: str) -> None:
    async with visit(browser, gateway.url, color_scheme=colours) as visitor:
        await visitor.ask("one")
        await thumb(visitor, "Good answer").click()
        await expect(thumb(visitor, "Good answer")).to_have_attribute("aria-pressed", "true")
        await visitor.text.focus()
        assert await visitor.probe("faint()") == []
        assert await visitor.probe("nameless()") == []
        for name in ("Good answer", "Bad answer"):
            box = await thumb(visitor, name).bounding_box()
            assert box["width"] >= 24, "level AA"
            assert box["height"] >= 24


async def test_what_the_gateway_says_itself_is_not_rated(visitor: Visitor) -> None:
    await visitor.say("/help")
    await expect(visitor.notices).to_have_count(1)
    await visitor.ask("one")
    await expect(visitor.page.get_by_role("group", name="Rate this answer")).to_have_count(1)


async def test_after_a_new_conversation_the_old_thumbs_are_gone(visitor: Visitor) -> None:
    await visitor.ask("one")
    await visitor.choose("New conversation")
    await expect(visitor.page.get_by_role("group", name="Rate this answer")).to_have_count(0)
    await visitor.ask("two")
    await thumb(visitor, "Bad answer").click()
    await expect(thumb(visitor, "Bad answer")).to_have_attribute("aria-pressed", "true")
