"""The whole road: our Telegram server, the gateway with a real store and real HTTP, and a bot at the end of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from gateway.db import Rows
from gateway.message import Turn
from tests import doors
from tests.far.telegram import TelegramServer
from tests.leap import leap
from tests.process import free_port

MODES = ("polling", "webhook")
PATIENCE = 30  # seconds, an upper bound only

ECHO = "kind: echo"
SCRIPTED = "kind: python, call: 'tests.doors:scripted'"
REMEMBERS = "kind: python, call: 'tests.telegram_road:remembers'"
UNPACED = "limits: {send: off, messages: off}"


async def remembers(turn: Turn) -> str:
    """Says how much was said before, so that a test sees which conversation it was."""
    return f"{turn.message.text} ({len(turn.history)})"


class Road:
    """A running gateway with the channel `help`, between Telegram's server and a bot."""

    def __init__(self, server: TelegramServer, gateway: doors.Gateway) -> None:
        self.server, self.gateway = server, gateway

    @property
    def state(self) -> str:
        return self.gateway.daemon.corridor.channels["help"].state

    def rows(self, sql: str, *args: Any) -> Any:
        return self.gateway.rows(sql, *args)

    async def texts(self, chat: int, wanted: list[str]) -> None:
        """Wait until just these were sent to a chat, in this order."""
        with suppress(TimeoutError):
            await self.until(lambda: len(self.server.texts(chat)) >= len(wanted))
        assert self.server.texts(chat) == wanted

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
        """Wait until Telegram holds nothing for us, and nothing is answered, sent or due."""
        router = self.gateway.daemon.router
        due = "SELECT 1 FROM lane WHERE in_due_at IS NOT NULL OR out_due_at IS NOT NULL"
        async with asyncio.timeout(PATIENCE):
            while self.server.queue.pending or router.turns.running or router.delivery.held or await self.rows(due):
                await asyncio.sleep(0.002)

    async def server_answers(self) -> None:
        """Go to Telegram and back once: whatever was sent before has arrived."""
        async with self.gateway.http.get(f"{self.server.url}/bot{self.server.token}/getMe") as response:
            assert response.status == 200

    def leap(self, seconds: float) -> None:
        """So many seconds pass at once, for the gateway and for every timer."""
        self.gateway.clock.ahead += seconds
        leap(seconds)
        self.gateway.daemon.router.ring_channel("help")
        self.gateway.daemon.router.ring_bot("b")

    async def goes_by(self, seconds: float) -> None:
        """So many seconds pass in small steps, in which polls that are open come and go."""
        for _ in range(round(seconds / 10)):
            self.leap(10)
            await asyncio.sleep(0.005)


@asynccontextmanager
async def gateway(
    server: TelegramServer, folder: Path, mode: str = "polling", bot: str = ECHO, channel: str = UNPACED, more: str = ""
) -> AsyncIterator[Road]:
    """A gateway on the store in a folder; `channel` are keys of the channel's, `more` is further YAML."""
    here = f"127.0.0.1:{free_port()}"
    yaml = f"""
server: {{listen: "{here}", public_url: "http://{here}"}}
admin: {{listen: "127.0.0.1:0"}}
storage: {{url: sqlite:///gateway.db, files: files}}
bots: {{b: {{{bot}}}}}
channels:
  help: {{platform: telegram, bot: b, token: "{server.token}", api_base: "{server.url}", mode: {mode}, {channel}}}
{more}
"""
    async with doors.running(folder, yaml) as running:
        yield Road(server, running)


@asynccontextmanager
async def road(folder: Path, mode: str = "polling", bot: str = ECHO, channel: str = UNPACED) -> AsyncIterator[Road]:
    """A gateway on an empty store, and Telegram; it is up and hears."""
    async with TelegramServer() as server, gateway(server, folder, mode, bot, channel) as whole:
        await whole.until(lambda: whole.state == "up")
        yield whole
