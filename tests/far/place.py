"""A place at the far end of the wire: a small server that is there while it is used, and tells whoever watches it."""

import asyncio
from collections.abc import Callable
from typing import Self

from aiohttp import web

from tests.patience import PATIENCE


async def close(runner: web.BaseRunner) -> None:
    """End a server, and also whoever was being let in at that moment: of them nobody else would know."""
    server = runner.server
    await runner.cleanup()
    for _ in range(5):
        await asyncio.sleep(0)
    if server is not None:
        await server.shutdown(1)
        await asyncio.sleep(0)


class Place:
    """`start` and `stop` are each platform's own: they `_open` with their routes, and `_close` last."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._closing, self._news = asyncio.Event(), asyncio.Event()
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        raise NotImplementedError

    async def stop(self) -> None:
        raise NotImplementedError

    @property
    def origin(self) -> str:
        return f"http://{self._host}:{self._port}"

    @property
    def url(self) -> str:
        """What a channel's `api_base` is set to."""
        return self.origin

    async def _open(self, app: web.Application) -> None:
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        self._port = self._runner.addresses[0][1]

    async def _close(self) -> None:
        if self._runner is not None:
            await close(self._runner)
            self._runner = None

    def _changed(self) -> None:
        self._news.set()

    async def until(self, condition: Callable[[], object], seconds: float = PATIENCE) -> None:
        """Wait until something holds; looked at whenever what we keep a record of changes."""
        async with asyncio.timeout(seconds):
            while not condition():
                self._news.clear()
                await self._news.wait()
