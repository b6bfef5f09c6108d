"""What all whole roads share: a platform's server, the gateway with a real store and real HTTP, a bot at the end."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import aiohttp

from gateway.db import Rows
from gateway.message import Turn
from tests import doors
from tests.leap import leap
from tests.patience import PATIENCE

ECHO = "kind: echo"
SCRIPTED = "kind: python, call: 'tests.doors:scripted'"
REMEMBERS = "kind: python, call: 'tests.road:remembers'"
UNPACED = "limits: {send: off, messages: off}"

_DUE = """SELECT 1 FROM lane WHERE in_due_at IS NOT NULL OR out_due_at IS NOT NULL
    OR in_holder IS NOT NULL OR out_holder IS NOT NULL"""


async def remembers(turn: Turn) -> str:
    """Says how much was said before, so that a test sees which conversation it was."""
    return f"{turn.message.text} ({len(turn.history)})"


class WholeRoad:
    """A running gateway with a channel of one platform, and a bot. `held` is whether the platform waits for us."""

    channel: ClassVar[str] = "help"

    def __init__(self, gateway: doors.Gateway, held: Callable[[], object]) -> None:
        self.gateway, self._held = gateway, held

    @property
    def state(self) -> str:
        return self.gateway.daemon.corridor.channels[self.channel].state

    def rows(self, sql: str, *args: Any) -> Any:
        return self.gateway.rows(sql, *args)

    async def office(self, folder: Path, method: str, path: str) -> tuple[int, Any]:
        """Ask as an operator does, by the control socket of a gateway in a folder."""
        home = self.gateway.daemon.settings.storage.home
        socket = aiohttp.UnixConnector(str(folder / home / "gateway.sock"))
        async with (
            aiohttp.ClientSession(connector=socket) as http,
            http.request(method, f"http://gateway/admin/api/{path}") as response,
        ):
            return response.status, await response.json(content_type=None)

    async def until(self, seen: Callable[[], object]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not seen():
                await asyncio.sleep(0.002)

    async def until_rows(self, wanted: Rows, sql: str) -> None:
        found: Rows = []
        try:
            async with asyncio.timeout(PATIENCE):
                while (found := await self.rows(sql)) != wanted:
                    await asyncio.sleep(0.005)
        except TimeoutError:
            assert found == wanted

    async def quiet(self) -> None:
        """Wait until the platform holds nothing for us, and nothing is answered, sent or due."""
        router = self.gateway.daemon.router
        async with asyncio.timeout(PATIENCE):
            while self._held() or router.turns.running or router.delivery.held or await self.rows(_DUE):
                await asyncio.sleep(0.002)

    def leap(self, seconds: float) -> None:
        """So many seconds pass at once, for the gateway and for every timer."""
        self.gateway.clock.ahead += seconds
        leap(seconds)
        self.gateway.daemon.router.ring_channel(self.channel)
        self.gateway.daemon.router.ring_bot("b")
