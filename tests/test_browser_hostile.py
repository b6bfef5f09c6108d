"""Nothing that anybody writes ever runs: five hundred hostile texts in every place that shows a text."""

import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.browser import Browser, Visitor, expect, visit
from tests.far.hostile import payloads
from tests.far.talker import CONFIG
from tests.process import Gateway

pytest_plugins = ["tests.browser_fixtures"]
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session"), pytest.mark.feature("WEB-07")]

ALL = payloads(500)
CHUNK = 125  # a session takes 400 calls a minute


async def unharmed(visitor: Visitor) -> None:
    page = visitor.page
    await page.evaluate(
        "new Promise(resolve => setTimeout(resolve, 200))"
    )  # what a text could have planted has its chance
    assert await page.evaluate("seen.executed") == 0
    assert visitor.dialogs == 0
    assert await page.evaluate("seen.violations") == []
    assert await page.evaluate("probe.foreign(document.querySelector('.log'))") == []


@pytest.mark.parametrize("start", range(0, len(ALL), CHUNK))
async def test_texts_links_buttons_and_files_never_run(browser: Browser, gateway: Gateway, start: int) -> None:
    """What the user says, the bot's text while it is written and when it is done, its links, buttons and files."""
    texts = ALL[start : start + CHUNK]
    async with visit(browser, gateway.url) as visitor:
        await visitor.ask("hello")
        await visitor.say_elsewhere(*(f"parrot {text}" for text in texts))
        await expect(visitor.answers).to_have_count(1 + 2 * len(texts))
        await expect(visitor.log.locator("a.file")).to_have_count(len(texts))
        await unharmed(visitor)
        shown = await visitor.mine.all_text_contents()
        assert len(shown) == 1 + len(texts)
        hosts = {urlsplit(request.url).netloc for request in visitor.requests}
        assert hosts == {urlsplit(gateway.url).netloc}
        await visitor.page.reload()  # and out of the store
        await expect(visitor.answers.last).to_be_visible()
        await unharmed(visitor)


async def test_the_draft_never_runs(visitor: Visitor, gateway: Gateway) -> None:
    """Each text as an answer that is still being written."""
    page = visitor.page
    await visitor.ask("hello")
    pieces = "\n\n".join(ALL[::5])
    await visitor.say_elsewhere(f"parrot {pieces}")
    await expect(visitor.answers).to_have_count(3)
    await unharmed(visitor)
    assert page.url.startswith(gateway.url)


async def test_what_the_operator_writes_never_runs(browser: Browser, tmp_path: Path) -> None:
    """Title, welcome and starters are texts too."""
    texts = [text for text in ALL if text.isprintable() and len(text) <= 80][::40]
    channels = "".join(
        f"  c{number}: {{platform: web, bot: talker, title: {word}, welcome: {word}, starters: [{word}]}}\n"
        for number, word in enumerate(json.dumps(text).replace("${", "$${") for text in texts)
    )
    config = CONFIG.partition("channels:")[0] + "channels:\n" + channels
    async with Gateway(tmp_path, config, TALKER_DIR=str(tmp_path)) as gateway:
        for number, text in enumerate(texts):
            async with visit(browser, f"{gateway.url}/c{number}") as visitor:
                await expect(visitor.page).to_have_title(" ".join(text.split()))
                await expect(visitor.page.locator(".welcome .chip")).to_have_text(text)
                await unharmed(visitor)
