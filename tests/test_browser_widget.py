"""The widget on somebody else's site: under the strictest policy, where it is allowed, and nowhere else."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import jwt
import pytest
import pytest_asyncio

from tests.browser import PATIENCE, Browser, Visitor, expect, visit
from tests.far.shop import shop
from tests.far.talker import CONFIG
from tests.process import Gateway

pytest_plugins = ["tests.browser_fixtures"]
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

# An own network address would be one more header, which a request to another origin has to ask for.
PLAIN: dict[str, Any] = {"extra_http_headers": {}}
SECRET = "a secret of the shop and the gateway".replace(" ", "-")
SMALL: Any = {"width": 360, "height": 640}
INSIDE = "seen.roots[0]?.root"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def embedded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Gateway, str]]:
    """A gateway, and the origin of a shop that it lets embed its chat."""
    folder: Path = tmp_path_factory.mktemp("embedded")
    gateway = Gateway(folder, CONFIG, TALKER_DIR=str(folder))
    async with shop(gateway.url, "localhost") as origin:
        gateway.configure(CONFIG + f"    origins: ['{origin}']\n    identity_secret: {SECRET}\n")
        async with gateway:
            yield gateway, origin


@pytest_asyncio.fixture(loop_scope="session")
async def guest(browser: Browser, embedded: tuple[Gateway, str]) -> AsyncIterator[Visitor]:
    """Somebody at the shop, the button in front of them."""
    _, origin = embedded
    async with visit(browser, origin, **PLAIN) as guest:
        await launcher(guest)
        yield guest
        assert await guest.page.evaluate("seen.violations") == []
        assert guest.dialogs == 0


async def launcher(guest: Visitor) -> None:
    await until(guest, "root.querySelector('.launch')")


async def inside(guest: Visitor, script: str) -> Any:
    """What a script says that knows the closed root as `root`."""
    return await guest.page.evaluate(f"(root => {script})({INSIDE})")


async def until(guest: Visitor, script: str) -> None:
    """Wait until a script of the root holds. (Playwright's own waiting evaluates strings, which the site forbids.)"""
    holds = f"(root => root && ({script}))({INSIDE})"
    async with asyncio.timeout(PATIENCE / 1000):
        await guest.page.evaluate(
            f"(async () => {{ while (!{holds}) await new Promise(resolve => setTimeout(resolve, 20)); }})()"
        )


async def press(guest: Visitor) -> None:
    """Click where the button is."""
    box = await inside(guest, "root.querySelector('.launch').getBoundingClientRect().toJSON()")
    await guest.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


async def ask(guest: Visitor, text: str) -> None:
    before = await inside(guest, "root.querySelectorAll('.assistant:not(.draft)').length")
    await guest.page.keyboard.type(text)
    await guest.page.keyboard.press("Enter")
    await until(guest, f"root.querySelectorAll('.assistant:not(.draft)').length > {before}")


OPEN = "root.querySelector('.chat')?.checkVisibility()"
WRITING = "root.activeElement?.matches('textarea')"


@pytest.mark.feature("WEB-06", "WEB-09", "CH-14")
@pytest.mark.parametrize("page", ["/", "/default", "/nonce"])
async def test_talks_under_the_strictest_policy(guest: Visitor, embedded: tuple[Gateway, str], page: str) -> None:
    gateway, origin = embedded
    await guest.page.goto(origin + page)
    await launcher(guest)
    await press(guest)
    await until(guest, f"{OPEN} && {WRITING}")
    await ask(guest, "marked")
    assert await inside(guest, "root.querySelector('.assistant strong').textContent") == "06:42"
    assert await inside(guest, "getComputedStyle(root.querySelector('.chat')).borderRadius") == "18px"
    assert guest.faults == []
    hosts = {urlsplit(request.url).netloc for request in guest.requests}
    assert hosts == {urlsplit(gateway.url).netloc, urlsplit(origin).netloc}
    shops = {urlsplit(request.url).path for request in guest.requests if request.url.startswith(origin)}
    assert shops <= {"/", page, "/favicon.ico"}


@pytest.mark.feature("WEB-06")
async def test_keeps_to_itself(guest: Visitor) -> None:
    await press(guest)
    await until(guest, OPEN)
    page = guest.page
    assert await page.evaluate("seen.roots.map(({mode}) => mode)") == ["closed"]
    assert await page.evaluate("document.querySelector('chat-widget').shadowRoot") is None
    assert await page.evaluate("document.querySelectorAll('style, link').length") == 0
    # Sizes of a growing text and of nothing else are set from script, which no policy forbids.
    styled = "[...root.querySelectorAll('[style]')].map(e => e.tagName)"
    assert await inside(guest, styled) == ["TEXTAREA"]
    assert await page.evaluate("Object.keys(window).filter(name => /chat|widget|panel/i.test(name))") == []


@pytest.mark.feature("WEB-06")
async def test_costs_the_site_one_script_until_it_is_wanted(guest: Visitor, embedded: tuple[Gateway, str]) -> None:
    gateway, _ = embedded
    paths = [urlsplit(request.url).path for request in guest.requests if request.url.startswith(gateway.url)]
    assert paths == ["/widget.js", "/c/site"]
    assert await guest.page.evaluate("localStorage.length") == 0


@pytest.mark.feature("WEB-06", "WEB-07")
async def test_goes_along_to_the_next_page(guest: Visitor) -> None:
    await press(guest)
    await until(guest, WRITING)
    await ask(guest, "hello")
    await guest.page.get_by_role("link", name="Second page").click()
    await guest.page.wait_for_url("**/second")
    await launcher(guest)
    await until(guest, f"{OPEN} && root.querySelectorAll('.assistant').length === 1")
    assert await guest.page.evaluate("document.activeElement === document.body")  # it does not take the focus
    assert "You said hello" in await inside(guest, "root.querySelector('.list').textContent")


@pytest.mark.feature("WEB-07")
async def test_opens_and_closes_by_keyboard(guest: Visitor) -> None:
    page = guest.page
    await page.get_by_role("button", name="Buy").focus()
    await page.keyboard.press("Tab")
    button = "root.querySelector('.launch')"
    assert await inside(guest, f"root.activeElement === {button} && {button}.ariaLabel") == "Harbour"
    await page.keyboard.press("Enter")
    await until(guest, WRITING)
    assert await inside(guest, f"{button}.ariaExpanded") == "true"
    assert await inside(guest, "root.querySelector('.chat').role") == "dialog"
    await page.keyboard.press("Escape")
    await until(guest, f"!{OPEN} && root.activeElement === {button} && {button}.ariaExpanded === 'false'")
    await page.keyboard.press("Enter")
    await until(guest, WRITING)
    await ask(guest, "still there?")


@pytest.mark.feature("WEB-07")
async def test_counts_unseen_answers_on_the_button(guest: Visitor, embedded: tuple[Gateway, str]) -> None:
    gateway, _ = embedded
    await press(guest)
    await until(guest, WRITING)
    await guest.page.keyboard.type("wait badge")
    await guest.page.keyboard.press("Enter")
    await until(guest, "root.querySelector('.draft')")
    await guest.page.keyboard.press("Escape")
    gateway.release("badge")
    await until(guest, "root.querySelector('.launch i').textContent === '1'")
    await press(guest)
    await until(guest, f"{OPEN} && root.querySelector('.launch i').textContent === ''")


@pytest.mark.feature("ID-07", "ID-05", "WEB-06")
async def test_each_signed_in_user_has_a_conversation_of_their_own(
    browser: Browser, embedded: tuple[Gateway, str]
) -> None:
    gateway, origin = embedded

    async def shown_to(guest: Visitor, user: str) -> str:
        signed = jwt.encode({"sub": user, "exp": int(time.time()) + 600}, SECRET, "HS256") if user else ""
        await guest.page.goto(f"{origin}/?user_token={signed}")
        await launcher(guest)
        if not await inside(guest, OPEN):
            await press(guest)
        await until(guest, f"{OPEN} && (root.querySelector('.welcome:not([hidden])') || root.querySelector('article'))")
        await inside(guest, "root.querySelector('textarea').focus()")
        return str(await inside(guest, "root.querySelector('.list').textContent"))

    async with visit(browser, "about:blank", **PLAIN) as guest:
        assert await shown_to(guest, "ada") == ""
        await ask(guest, "I am Ada")
        assert await shown_to(guest, "bob") == ""
        await ask(guest, "I am Bob")
        assert "I am" not in await shown_to(guest, "")
        assert "I am Ada" in await shown_to(guest, "ada")
        kept = await guest.page.evaluate("Object.entries(localStorage).filter(([key]) => key.includes(' ada:session'))")
        headers = {"Authorization": f"Bearer {json.loads(kept[0][1])['token']}"}
        async with aiohttp.ClientSession() as http, http.get(f"{gateway.url}/api/session", headers=headers) as response:
            assert (await response.json())["level"] == "verified"


@pytest.mark.feature("WEB-06", "WEB-07")
async def test_fills_a_small_screen(browser: Browser, embedded: tuple[Gateway, str]) -> None:
    _, origin = embedded
    async with visit(browser, origin, viewport=SMALL, reduced_motion="reduce", **PLAIN) as guest:
        await launcher(guest)
        await press(guest)
        await until(guest, OPEN)
        box = await inside(guest, "root.querySelector('.chat').getBoundingClientRect().toJSON()")
        assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, 360, 640)


@pytest.mark.feature("WEB-09")
async def test_stays_away_from_origins_that_are_not_named(browser: Browser, embedded: tuple[Gateway, str]) -> None:
    gateway, _ = embedded
    async with shop(gateway.url, "127.0.0.1") as stranger, visit(browser, stranger, **PLAIN) as guest:
        warned = guest.page.wait_for_event("console", lambda line: "chat:" in line.text and line.type == "warning")
        await guest.page.reload()
        await warned
        assert await guest.page.evaluate("document.querySelector('chat-widget')") is None
        call = f"fetch('{gateway.url}/api/session', {{method: 'POST'}}).then(r => r.status, () => 'refused')"
        assert await guest.page.evaluate(call) == "refused"


@pytest.mark.feature("WEB-06", "WEB-09")
async def test_page_is_framed_where_it_is_allowed(browser: Browser, embedded: tuple[Gateway, str]) -> None:
    gateway, origin = embedded
    async with visit(browser, origin + "/frame") as guest:
        frame = guest.page.frame_locator("iframe")
        await frame.get_by_role("textbox").fill("framed")
        # By mouse: a key pressed at once may still go to the page around, which has the focus until then.
        await frame.get_by_role("button", name="Send").click()
        await expect(frame.locator("article.assistant:not(.draft)")).to_contain_text("You said framed")
    async with shop(gateway.url, "127.0.0.1") as stranger, visit(browser, stranger + "/frame") as guest:
        await guest.page.wait_for_load_state()
        assert await guest.page.frames[1].evaluate("document.querySelector('meta[name=chat]')") is None
