"""The whole road: our Slack server, the gateway with a real store and real HTTP, and a bot at the end of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tests import doors
from tests.far.slack import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, SlackServer
from tests.ports import free_port
from tests.road import ECHO, UNPACED, WholeRoad

MODES = ("socket", "http")


class Road(WholeRoad):
    """A running gateway with the channel `help`, between Slack's server and a bot."""

    def __init__(self, server: SlackServer, gateway: doors.Gateway) -> None:
        super().__init__(gateway, lambda: server.feed.pending)
        self.server = server

    async def texts(self, channel: str, wanted: list[str]) -> None:
        """Wait until just these are to be seen of us in a channel, in this order."""
        with suppress(TimeoutError):
            await self.until(lambda: len(self._visible(channel)) >= len(wanted) and self._visible(channel) == wanted)
        assert self._visible(channel) == wanted

    def _visible(self, channel: str) -> list[str]:
        home = next(team for team in self.server.world.teams.values() if channel in team.channels)
        return self.server.visible(channel, team=home.id)


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
