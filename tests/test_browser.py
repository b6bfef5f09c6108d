"""The hosted page, in Chromium, against the whole gateway as a process."""

import re

import pytest

from tests.browser import Browser, Visitor, expect, visit
from tests.process import Gateway

pytest_plugins = ["tests.browser_fixtures"]
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


# --- the first minute


@pytest.mark.feature("CH-14", "WEB-07", "ID-01")
async def test_first_visit(visitor: Visitor, gateway: Gateway) -> None:
    page = visitor.page
    await expect(page).to_have_title("Harbour")
    await expect(page.get_by_role("heading", name="Harbour")).to_be_visible()
    await expect(page.get_by_text("Ask about tides.")).to_be_visible()
    await expect(visitor.text).to_be_focused()
    await page.get_by_role("button", name="When is high water?").click()
    await expect(visitor.mine).to_have_text("When is high water?")
    await expect(visitor.answers).to_have_text("You said When is high water? after 0 others.")
    await expect(page.get_by_text("Ask about tides.")).to_be_hidden()
    assert {request.url.split("/", 3)[2] for request in visitor.requests} == {f"127.0.0.1:{gateway.port}"}
    assert visitor.faults == []


@pytest.mark.feature("WEB-07", "WEB-02")
async def test_enter_sends_and_shift_enter_breaks_the_line(visitor: Visitor) -> None:
    await visitor.text.press_sequentially("one")
    await visitor.text.press("Shift+Enter")
    await visitor.text.press_sequentially("two")
    await expect(visitor.text).to_have_value("one\ntwo")
    await visitor.text.press("Enter")
    await expect(visitor.text).to_have_value("")
    await expect(visitor.mine).to_have_text("one\ntwo", use_inner_text=True)
    await expect(visitor.answers).to_have_count(1)
    await visitor.text.press("Enter")
    await visitor.text.fill("   \n ")
    await visitor.text.press("Enter")
    await visitor.ask("three")
    await expect(visitor.answers.last).to_contain_text("after 1 others")


@pytest.mark.feature("WEB-07", "FMT-01")
async def test_markdown_is_shown_as_elements(visitor: Visitor) -> None:
    await visitor.ask("marked")
    answer = visitor.answers
    for selector in ("h3", "strong", "em", "s", "ul ul li", "ol li", "blockquote", "th", "td.right", "pre code"):
        await expect(answer.locator(selector).first).to_be_visible()
    link = answer.get_by_role("link", name="handbook")
    await expect(link).to_have_attribute("href", "https://example.org/handbook")
    await expect(link).to_have_attribute("rel", re.compile("noopener"))
    await expect(link).to_have_attribute("target", "_blank")


@pytest.mark.feature("WEB-07", "STR-03")
async def test_the_draft_looks_like_the_answer_it_becomes(visitor: Visitor, gateway: Gateway) -> None:
    """The preview of common Markdown has the same words in the same kinds of elements: nothing jumps at the end."""
    await visitor.say("marked shape")
    await expect(visitor.draft.locator("pre")).to_have_text('print("Fair winds")')
    draft = await visitor.draft.evaluate("probe.shape")
    gateway.release("shape")
    await expect(visitor.answers).to_have_count(1)
    assert await visitor.answers.evaluate("probe.shape") == draft


@pytest.mark.feature("WEB-07")
async def test_code_is_copied(browser: Browser, gateway: Gateway) -> None:
    async with visit(browser, gateway.url, permissions=["clipboard-read", "clipboard-write"]) as visitor:
        await visitor.ask("marked")
        await visitor.page.get_by_role("button", name="Copy").click()
        await expect(visitor.page.get_by_role("button", name="Copied")).to_be_visible()
        assert await visitor.page.evaluate("navigator.clipboard.readText()") == 'print("Fair winds")'


@pytest.mark.feature("FMT-04")
async def test_a_button_says_its_value_while_its_session_goes_on(visitor: Visitor) -> None:
    await visitor.ask("choose")
    red = visitor.page.get_by_role("button", name="Red")
    await red.click()
    await expect(visitor.answers.last).to_contain_text("You said red")
    await visitor.say("/end")
    await visitor.ask("hello")
    await red.click()
    await expect(red).to_be_disabled()
    await expect(visitor.answers.last).to_contain_text("You said hello")


# --- as it is written


@pytest.mark.feature("STR-03", "STR-01", "WEB-03")
async def test_answer_is_shown_while_it_is_written(visitor: Visitor, gateway: Gateway) -> None:
    await visitor.say("wait streamed")
    await expect(visitor.draft).to_have_text("The first half,")
    await expect(visitor.page.get_by_role("status").filter(has_text="being written")).to_have_count(1)
    await expect(visitor.answers).to_have_count(0)
    gateway.release("streamed")
    await expect(visitor.answers).to_have_text("The first half, and the second.")
    await expect(visitor.draft).to_have_count(0)
    await expect(visitor.page.get_by_role("status").filter(has_text="being written")).to_have_count(0)


@pytest.mark.feature("STR-03", "WEB-06", "LIF-05")
async def test_reload_in_mid_answer_goes_on_with_the_whole_draft(visitor: Visitor, gateway: Gateway) -> None:
    await visitor.ask("before")
    await visitor.say("wait reloaded")
    await expect(visitor.draft).to_have_text("The first half,")
    await visitor.page.reload()
    await expect(visitor.mine).to_have_text(["before", "wait reloaded"])
    await expect(visitor.draft).to_have_text("The first half,")
    gateway.release("reloaded")
    await expect(visitor.answers.last).to_have_text("The first half, and the second.")
    await visitor.page.reload()
    await expect(visitor.mine).to_have_text(["before", "wait reloaded"])
    await expect(visitor.answers).to_have_count(2)


@pytest.mark.feature("LIF-18", "WEB-07")
async def test_stop_keeps_what_was_written(visitor: Visitor) -> None:
    await visitor.say("wait never")
    await expect(visitor.draft).to_have_text("The first half,")
    await visitor.page.get_by_role("button", name="Stop the answer").click()
    await expect(visitor.answers).to_have_text("The first half,")
    await expect(visitor.log.get_by_text("Stopped")).to_be_visible()
    await visitor.ask("next")
    await expect(visitor.answers.last).to_contain_text("You said next")


@pytest.mark.feature("ORD-01", "WEB-07")
async def test_what_is_said_during_an_answer_waits_its_turn(visitor: Visitor, gateway: Gateway) -> None:
    await visitor.say("wait turn")
    await expect(visitor.draft).to_have_text("The first half,")
    await visitor.say("second")
    await visitor.say("third")
    await expect(visitor.bodies).to_have_text(["wait turn", "The first half,", "second", "third"])
    gateway.release("turn")
    await expect(visitor.answers).to_have_count(3)
    await expect(visitor.bodies).to_have_text(
        [
            *("wait turn", "The first half, and the second."),
            *("second", "You said second after 1 others."),
            *("third", "You said third after 2 others."),
        ]
    )
