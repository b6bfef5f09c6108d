"""A visitor with a real browser: what tests of the page and the widget share."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from playwright.async_api import Browser, BrowserContext, Locator, Page, async_playwright, expect

from tests.conftest import CHROMIUM

__all__ = ["Browser", "Visitor", "chromium", "expect", "tab", "visit"]

PATIENCE = 30_000  # ms, an upper bound only
ADDRESSES = (f"198.18.{number // 250}.{number % 250 + 1}" for number in itertools.count())
PROBES = Path(__file__).parent / "probes.js"
expect.set_options(timeout=PATIENCE)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        try:
            yield browser
        finally:
            await browser.close()


class Visitor:
    """One tab. `requests` are all it made, `faults` what its console complained about."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requests: list[Any] = []
        self.faults: list[str] = []
        self.dialogs = 0
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda request: self.requests.append(request))  # noqa: PLW0108  playwright marks it
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda line: self.faults.append(line.text) if line.type == "error" else None)
        page.on("dialog", self._dialog)

    async def _dialog(self, dialog: Any) -> None:
        self.dialogs += 1
        await dialog.dismiss()

    @property
    def log(self) -> Locator:
        return self.page.get_by_role("log")

    @property
    def text(self) -> Locator:
        return self.page.get_by_role("textbox")

    @property
    def bodies(self) -> Locator:
        """All that is said, in order."""
        return self.log.locator("article > .body")

    @property
    def mine(self) -> Locator:
        return self.log.locator("article.user > .body")

    @property
    def answers(self) -> Locator:
        """Finished answers; the draft of one is none yet."""
        return self.log.locator("article.assistant:not(.draft) > .body")

    @property
    def notices(self) -> Locator:
        return self.log.locator("article.system > .body")

    @property
    def draft(self) -> Locator:
        return self.log.locator("article.draft > .body")

    async def say(self, text: str) -> None:
        await self.text.fill(text)
        await self.text.press("Enter")

    async def ask(self, text: str) -> None:
        """Say something, and wait until one more answer is there."""
        before = await self.answers.count()
        await self.say(text)
        await expect(self.answers).to_have_count(before + 1)

    async def choose(self, name: str) -> None:
        """An item of the menu."""
        await self.page.get_by_role("button", name="Menu").click()
        await self.page.get_by_role("menuitem", name=name).click()

    async def look_away(self, away: bool = True) -> None:
        """Another tab is in front of this one, or is not any more."""
        await self.page.evaluate(
            """away => { Object.defineProperty(document, 'hidden', {configurable: true, get: () => away});
            document.dispatchEvent(new Event('visibilitychange')); }""",
            away,
        )

    async def probe(self, call: str) -> Any:
        """One of the probes."""
        return await self.page.evaluate(f"probe.{call}")

    async def stored(self) -> dict[str, Any]:
        """What this site keeps in the browser, by the last word of its key."""
        found: dict[str, Any] = await self.page.evaluate(
            "Object.fromEntries(Object.entries(localStorage).map(([k, v]) => [k.split(':').pop(), JSON.parse(v)]))"
        )
        return found

    async def token(self) -> str:
        token: str = (await self.stored())["session"]["token"]
        return token

    async def say_elsewhere(self, *texts: str) -> None:
        """In the same session, as another client."""
        api = self.page.url + "api/chat"
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {await self.token()}"}) as http:
            for text in texts:
                async with http.post(api, json={"message": text}) as response:
                    assert response.status == 200, await response.text()


@asynccontextmanager
async def visit(browser: Browser, url: str, **options: Any) -> AsyncIterator[Visitor]:
    """A visitor with a browser profile and a network address of its own, at `url`."""
    options.setdefault("extra_http_headers", {"X-Forwarded-For": next(ADDRESSES)})
    context = await browser.new_context(**options)
    try:
        yield await tab(context, url)
    finally:
        await context.close()


async def tab(context: BrowserContext, url: str) -> Visitor:
    """One more tab of a profile."""
    page = await context.new_page()
    await page.add_init_script(path=PROBES)
    visitor = Visitor(page)
    await page.goto(url)
    return visitor
