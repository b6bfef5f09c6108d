"""One Chromium for all browser tests, one gateway for those of a file; each test is a visitor with a fresh profile."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.browser import Browser, Visitor, chromium, visit
from tests.far.talker import CONFIG
from tests.process import Gateway


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    folder = tmp_path_factory.mktemp("gateway")
    async with Gateway(folder, CONFIG, TALKER_DIR=str(folder)) as gateway:
        yield gateway


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(browser: Browser, gateway: Gateway) -> AsyncIterator[Visitor]:
    async with visit(browser, gateway.url) as visitor:
        yield visitor
        assert await visitor.page.evaluate("seen.violations") == []
        assert visitor.dialogs == 0
