"""The whole road: our Slack server, the gateway with a real store and real HTTP, and a bot at the end of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from gateway.db import Rows
from tests import doors
from tests.far.slack import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, SlackServer
from tests.leap import leap
from tests.process import free_port

MODES = ("socket", "http")
PATIENCE = 30  # seconds, an upper bound only

ECHO = "kind: echo"
SCRIPTED = "kind: python, call: 'tests.doors:scripted'"
REMEMBERS = "kind: python, call: 'tests.telegram_road:remembers'"
UNPACED = "limits: {send: off, messages: off}"


class Road:
    """A running gateway with the channel `help`, between Slack's server and a bot."""

    def __init__(self, server: SlackServer, gateway: doors.Gateway) -> None:
        self.server, self.gateway = server, gateway

    @property
    def state(self) -> str:
        return self.gateway.daemon.corridor.channels["help"].state

    def rows(self, sql: str, *args: Any) -> Any:
        return self.gateway.rows(sql, *args)

    async def texts(self, channel: str, wanted: list[str]) -> None:
        """Wait until just these are to be seen of us in a channel, in this order."""
        with suppress(TimeoutError):
            await self.until(lambda: len(self._visible(channel)) >= len(wanted) and self._visible(channel) == wanted)
        assert self._visible(channel) == wanted

    def _visible(self, channel: str) -> list[str]:
        home = next(team for team in self.server.world.teams.values() if channel in team.channels)
        return self.server.visible(channel, team=home.id)

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
        """Wait until Slack holds nothing for us, and nothing is answered, sent or due."""
        router = self.gateway.daemon.router
        due = "SELECT 1 FROM lane WHERE in_due_at IS NOT NULL OR out_due_at IS NOT NULL"
        async with asyncio.timeout(PATIENCE):
            while self.server.feed.pending or router.turns.running or router.delivery.held or await self.rows(due):
                await asyncio.sleep(0.002)

    def leap(self, seconds: float) -> None:
        """So many seconds pass at once, for the gateway and for every timer."""
        self.gateway.clock.ahead += seconds
        leap(seconds)
        self.gateway.daemon.router.ring_channel("help")
        self.gateway.daemon.router.ring_bot("b")


@asynccontextmanager
async def gateway(
    server: SlackServer, folder: Path, mode: str = "socket", bot: str = ECHO, channel: str = UNPACED, tokens: str = ""
) -> AsyncIterator[Road]:
    """A gateway on the store in a folder; `channel` are keys of the channel's, `tokens` replaces the bot's token."""
    here = f"127.0.0.1:{free_port()}"
    own = f'app_token: "{APP_TOKEN}"' if mode == "socket" else f'signing_secret: "{SIGNING_SECRET}"'
    bot_token = tokens or f'bot_token: "{BOT_TOKEN}"'
    yaml = f"""
server: {{listen: "{here}", public_url: "http://{here}"}}
admin: {{listen: "127.0.0.1:0"}}
storage: {{url: sqlite:///gateway.db, files: files}}
bots: {{b: {{{bot}}}}}
channels:
  help: {{platform: slack, bot: b, {bot_token}, {own}, api_base: "{server.url}", mode: {mode}, {channel}}}
"""
    async with doors.running(folder, yaml) as running:
        whole = Road(server, running)
        await whole.until(lambda: whole.state == "up")
        if mode == "http":
            await server.pusher.start(f"http://{here}/c/help")
        else:
            await whole.until(lambda: server.sockets.live)
        yield whole
        if mode == "http":
            await server.pusher.stop()


@asynccontextmanager
async def road(folder: Path, mode: str = "socket", bot: str = ECHO, channel: str = UNPACED) -> AsyncIterator[Road]:
    """A gateway on an empty store, and Slack; it is up and hears."""
    async with SlackServer() as server, gateway(server, folder, mode, bot, channel) as whole:
        yield whole
