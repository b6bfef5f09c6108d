"""Sessions as the page keeps them: begun, reset, ended, lost, shared by tabs; and the token that opens them."""

import asyncio
import re
from pathlib import Path

import aiohttp
import pytest

from tests.browser import Browser, Visitor, expect, tab, visit
from tests.far.talker import CONFIG
from tests.process import Gateway

pytest_plugins = ["tests.browser_fixtures"]
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


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


@pytest.mark.feature("CH-18")
async def test_pages_of_two_channels_have_conversations_of_their_own(browser: Browser, tmp_path: Path) -> None:
    config = CONFIG + "  sales: {platform: web, bot: talker, title: Sales}\n"
    async with Gateway(tmp_path, config, TALKER_DIR=str(tmp_path)) as gateway, visit(browser, gateway.url) as visitor:
        await visitor.ask("at the harbour")
        sales = await tab(visitor.page.context, f"{gateway.url}/sales")
        await expect(sales.page).to_have_title("Sales")
        await sales.ask("in the shop")
        await expect(sales.answers).to_have_text("You said in the shop after 0 others.")
        await visitor.ask("back again")
        await expect(visitor.mine).to_have_text(["at the harbour", "back again"])
        await expect(sales.mine).to_have_text(["in the shop"])


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


@pytest.mark.feature("WEB-04", "WEB-07")
async def test_transcript_is_saved(visitor: Visitor) -> None:
    await visitor.ask("keep this")
    async with visitor.page.expect_download() as download:
        await visitor.choose("Save transcript")
    saved = await download.value
    text = await asyncio.to_thread(Path(await saved.path()).read_text, "utf-8")
    assert saved.suggested_filename == "conversation.txt"
    assert "keep this" in text


async def status(gateway: Gateway, token: str) -> int:
    """What the API says to a token."""
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession() as http, http.get(f"{gateway.url}/api/chat", headers=headers) as response:
        return response.status
