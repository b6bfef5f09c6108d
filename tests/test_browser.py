"""The hosted page, in Chromium, against the whole gateway as a process."""

import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.browser import Browser, Visitor, expect, tab, visit
from tests.far.talker import CONFIG
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
async def test_a_button_says_its_text(visitor: Visitor) -> None:
    await visitor.ask("choose")
    await visitor.page.get_by_role("button", name="Red").click()
    await expect(visitor.answers.last).to_contain_text("You said Red")


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


# --- sessions


@pytest.mark.feature("LIF-10", "CMD-01", "ID-05")
async def test_reset_by_command_begins_anew_with_another_token(visitor: Visitor, gateway: Gateway) -> None:
    await visitor.ask("hello")
    old = await visitor.token()
    await visitor.say("/reset")
    await expect(visitor.notices).to_have_text("Conversation reset.")
    await expect(visitor.mine).to_have_count(0)
    assert await visitor.token() != old
    await visitor.ask("again")
    await expect(visitor.answers).to_have_text("You said again after 0 others.")
    assert await status(gateway, old) == 410
    assert (await visitor.stored()).keys() == {"session"}


@pytest.mark.feature("CMD-02")
async def test_a_command_is_shown_with_its_reply_and_not_kept(visitor: Visitor) -> None:
    await visitor.ask("hello")
    await visitor.say("/whoami")
    await expect(visitor.bodies).to_have_text(["hello", re.compile("You said"), "/whoami", re.compile("You are")])
    await visitor.ask("bye")
    await expect(visitor.bodies).to_have_count(6)
    await expect(visitor.bodies.nth(2)).to_have_text("/whoami")
    assert (await visitor.stored()).keys() == {"session"}


@pytest.mark.feature("WEB-07", "LIF-10")
async def test_new_conversation_from_the_menu(visitor: Visitor, gateway: Gateway) -> None:
    await visitor.ask("hello")
    old = await visitor.token()
    await visitor.choose("New conversation")
    await expect(visitor.mine).to_have_count(0)
    await visitor.ask("again")
    await expect(visitor.answers).to_have_text("You said again after 0 others.")
    assert await status(gateway, old) == 410


@pytest.mark.feature("WEB-07", "LIF-13")
async def test_end_and_the_next_message_starts_another(visitor: Visitor) -> None:
    await visitor.ask("hello")
    old = await visitor.token()
    await visitor.choose("End conversation")
    await expect(visitor.page.get_by_text("This conversation has ended.")).to_be_visible()
    await expect(visitor.mine).to_have_text("hello")
    await visitor.ask("again")
    await expect(visitor.page.get_by_text("This conversation has ended.")).to_have_count(0)
    await expect(visitor.answers).to_have_text([re.compile("hello after 0"), re.compile("again after 0")])
    assert await visitor.token() != old
    await visitor.page.reload()
    await expect(visitor.mine).to_have_text(["again"])


@pytest.mark.feature("WEB-08", "ID-03")
async def test_dead_token_leads_to_a_new_conversation_with_a_note(visitor: Visitor) -> None:
    await visitor.ask("hello")
    await visitor.page.evaluate(
        """() => { const key = Object.keys(localStorage).find(key => key.endsWith(':session'));
        localStorage.setItem(key, JSON.stringify({session_id: 'x', token: 'A'.repeat(43)})); }"""
    )
    await visitor.page.reload()
    await visitor.ask("again")
    await expect(visitor.answers).to_have_text("You said again after 0 others.")
    await expect(visitor.log.get_by_text("The earlier conversation has expired.")).to_be_visible()


@pytest.mark.feature("WEB-03", "LIF-10", "ID-05")
async def test_tabs_stay_in_step(visitor: Visitor, gateway: Gateway) -> None:
    other = await tab(visitor.page.context, gateway.url)
    await visitor.ask("from one")
    await expect(other.mine).to_have_text("from one")
    await expect(other.answers).to_have_count(1)
    await other.ask("from two")
    await expect(visitor.mine).to_have_text(["from one", "from two"])
    await other.choose("New conversation")
    await expect(visitor.mine).to_have_count(0)
    await visitor.ask("anew")
    await expect(other.mine).to_have_text("anew")
    await expect(other.answers).to_have_text("You said anew after 0 others.")
    assert await other.token() == await visitor.token()


@pytest.mark.feature("WEB-03", "STR-03")
async def test_draft_is_written_in_every_tab(visitor: Visitor, gateway: Gateway) -> None:
    other = await tab(visitor.page.context, gateway.url)
    await expect(other.text).to_be_focused()
    await visitor.say("wait tabs")
    await expect(other.draft).to_have_text("The first half,")
    gateway.release("tabs")
    for one in (visitor, other):
        await expect(one.answers).to_have_text("The first half, and the second.")
        await expect(one.mine).to_have_text("wait tabs")


@pytest.mark.feature("ID-02", "ID-03")
async def test_token_travels_in_a_header_only(visitor: Visitor, gateway: Gateway) -> None:
    await visitor.ask("hello")
    token = await visitor.token()
    assert re.fullmatch(r"[\w-]{43}", token)
    for request in visitor.requests:
        assert token not in request.url
        assert "cookie" not in request.headers
        assert token not in request.headers.get("referer", "")
        assert token not in (request.post_data or "")
    carried = [request for request in visitor.requests if request.headers.get("authorization") == f"Bearer {token}"]
    assert carried
    assert token not in gateway.log


@pytest.mark.feature("WEB-06")
async def test_blocked_storage_means_a_session_for_this_page_only(browser: Browser, gateway: Gateway) -> None:
    async with visit(browser, "about:blank") as visitor:
        await visitor.page.add_init_script(
            "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no', 'SecurityError'); }})"
        )
        await visitor.page.goto(gateway.url)
        await visitor.ask("hello")
        await visitor.ask("again")
        await expect(visitor.answers.last).to_contain_text("after 1 others")
        await visitor.page.reload()
        await visitor.ask("hello")
        await expect(visitor.answers).to_have_text("You said hello after 0 others.")
        assert visitor.faults == []


@pytest.mark.feature("WEB-01", "WEB-07")
async def test_earlier_messages_are_fetched_when_asked_for(visitor: Visitor, gateway: Gateway) -> None:
    await visitor.ask("first of all")
    await visitor.say_elsewhere(*(f"message {number}" for number in range(60)))
    await visitor.page.reload()
    await expect(visitor.mine.last).to_have_text("message 59")
    await expect(visitor.mine).to_have_count(25)
    earlier = visitor.page.get_by_role("button", name="Show earlier messages")
    await earlier.click()
    await expect(visitor.mine).to_have_count(50)
    await earlier.click()
    await expect(visitor.mine).to_have_count(61)
    await expect(visitor.mine.first).to_have_text("first of all")
    await expect(earlier).to_be_hidden()


@pytest.mark.feature("WEB-02", "WEB-08")
async def test_what_is_refused_is_marked_and_can_be_discarded(visitor: Visitor) -> None:
    await visitor.say("x" * 32_001)
    await expect(visitor.log.get_by_text("Not sent")).to_be_visible()
    await visitor.ask("short")
    await expect(visitor.answers).to_have_text("You said short after 0 others.")
    await visitor.page.get_by_role("button", name="Discard").click()
    await expect(visitor.mine).to_have_text("short")
    assert (await visitor.stored()).keys() == {"session"}


# --- without a connection


@pytest.mark.feature("WEB-08", "INB-03")
async def test_a_lost_receipt_does_not_double_the_message(visitor: Visitor) -> None:
    """The gateway has the message, the browser never hears so: it sends it again, with the same id."""
    lost: list[str] = []

    async def lose(route: Any) -> None:
        if route.request.method == "POST" and len(lost) < 2:
            lost.append(route.request.post_data_json["message_id"])
            await route.fetch()
            await route.abort()
        else:
            await route.continue_()

    await visitor.page.route("**/api/chat", lose)
    await visitor.say("only once")
    await expect(visitor.answers).to_have_text("You said only once after 0 others.")
    await visitor.ask("next")
    await expect(visitor.answers.last).to_contain_text("after 1 others")
    await expect(visitor.mine).to_have_text(["only once", "next"])
    assert len(lost) == 2 or len(set(lost)) == 1


@pytest.mark.feature("WEB-08")
async def test_what_is_too_fast_is_sent_when_its_time_comes(browser: Browser, tmp_path: Path) -> None:
    config = CONFIG.replace("{messages: off}", "{messages: 1/s}")
    async with Gateway(tmp_path, config, TALKER_DIR=str(tmp_path)) as gateway, visit(browser, gateway.url) as visitor:
        for text in ("one", "two", "three"):
            await visitor.say(text)
        await expect(visitor.answers).to_have_count(3)
        await expect(visitor.mine).to_have_text(["one", "two", "three"])
        await expect(visitor.answers.last).to_have_text("You said three after 2 others.")


async def unseen(visitor: Visitor, away: bool) -> None:
    """Another tab is in front of this one, or is not any more."""
    await visitor.page.evaluate(
        """away => { Object.defineProperty(document, 'hidden', {configurable: true, get: () => away});
        document.dispatchEvent(new Event('visibilitychange')); }""",
        away,
    )


def streams(visitor: Visitor) -> int:
    return sum("/api/chat/events" in request.url for request in visitor.requests)


@pytest.mark.feature("WEB-03")
async def test_tab_in_the_background_gives_its_connection_back(browser: Browser, gateway: Gateway) -> None:
    """A browser has six connections to a host: a seventh tab would wait for ever."""
    async with visit(browser, "about:blank") as visitor:
        await visitor.page.clock.install()
        await visitor.page.goto(gateway.url)
        await visitor.ask("hello")
        assert streams(visitor) == 1
        async with visitor.page.expect_event("requestfailed", lambda request: "/api/chat/events" in request.url):
            await unseen(visitor, True)
            await visitor.page.clock.fast_forward(61_000)
        await visitor.say_elsewhere("meanwhile")
        assert streams(visitor) == 1
        await unseen(visitor, False)
        await expect(visitor.mine).to_have_text(["hello", "meanwhile"])
        assert streams(visitor) == 2


@pytest.mark.feature("WEB-03")
async def test_silent_connection_is_opened_anew(browser: Browser, gateway: Gateway) -> None:
    async with visit(browser, "about:blank") as visitor:
        await visitor.page.clock.install()
        await visitor.page.goto(gateway.url)
        await visitor.ask("hello")
        async with visitor.page.expect_request("**/api/chat/events?since=2"):
            await visitor.page.clock.fast_forward(46_000)
        await visitor.ask("again")
        await expect(visitor.bodies).to_have_count(4)


@pytest.mark.feature("WEB-04", "WEB-07")
async def test_transcript_is_saved(visitor: Visitor) -> None:
    await visitor.ask("keep this")
    async with visitor.page.expect_download() as download:
        await visitor.choose("Save transcript")
    saved = await download.value
    assert saved.suggested_filename == "conversation.txt"
    assert "keep this" in Path(await saved.path()).read_text("utf-8")


async def _own(folder: Path) -> Gateway:
    gateway = Gateway(folder, CONFIG, TALKER_DIR=str(folder))
    await gateway.start()
    return gateway


@pytest.mark.feature("WEB-08")
async def test_messages_written_offline_wait_and_are_sent_once_in_order(browser: Browser, tmp_path: Path) -> None:
    gateway = await _own(tmp_path)
    async with visit(browser, gateway.url) as visitor:
        await visitor.ask("zero")
        await gateway.stop()
        await visitor.say("one")
        await visitor.say("two")
        await expect(visitor.log.get_by_text("Waiting for a connection")).to_have_count(2)
        await expect(visitor.page.get_by_text("No connection.")).to_be_visible()
        await gateway.start()
        await expect(visitor.answers).to_have_count(3)
        await expect(visitor.mine).to_have_text(["zero", "one", "two"])
        await expect(visitor.answers.last).to_have_text("You said two after 2 others.")
        await expect(visitor.page.get_by_text("No connection.")).to_have_count(0)
        assert (await visitor.stored()).keys() == {"session"}
    await gateway.stop()


@pytest.mark.feature("LIF-19", "STR-03", "INB-01")
async def test_killed_gateway_loses_and_repeats_nothing(browser: Browser, tmp_path: Path) -> None:
    gateway = await _own(tmp_path)
    async with visit(browser, gateway.url) as visitor:
        await visitor.ask("before")
        await visitor.say("wait killed")
        await expect(visitor.draft).to_have_text("The first half,")
        await gateway.kill()
        await visitor.say("meanwhile")
        gateway.release("killed")
        await gateway.start()
        await expect(visitor.answers).to_have_count(3)
        whole = [
            "You said before after 0 others.",
            "The first half, and the second.",
            "You said meanwhile after 2 others.",
        ]
        await expect(visitor.answers).to_have_text(whole)
        await expect(visitor.mine).to_have_text(["before", "wait killed", "meanwhile"])
        await visitor.page.reload()
        await expect(visitor.answers).to_have_text(whole)
        await expect(visitor.mine).to_have_text(["before", "wait killed", "meanwhile"])
    await gateway.stop()


async def status(gateway: Gateway, token: str) -> int:
    """What the API says to a token."""
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession() as http, http.get(f"{gateway.url}/api/chat", headers=headers) as response:
        return response.status
