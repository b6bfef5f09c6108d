"""The whole road: our Telegram server, the gateway with a real store and real HTTP, and a bot at the end of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tests import doors
from tests.far.telegram import TelegramServer
from tests.ports import free_port
from tests.road import ECHO, UNPACED, WholeRoad

MODES = ("polling", "webhook")


class Road(WholeRoad):
    """A running gateway with the channel `help`, between Telegram's server and a bot."""

    def __init__(self, server: TelegramServer, gateway: doors.Gateway) -> None:
        super().__init__(gateway, lambda: server.queue.pending)
        self.server = server

    async def texts(self, chat: int, wanted: list[str]) -> None:
        """Wait until just these were sent to a chat, in this order."""
        with suppress(TimeoutError):
            await self.until(lambda: len(self.server.texts(chat)) >= len(wanted))
        assert self.server.texts(chat) == wanted

    async def server_answers(self) -> None:
        """Go to Telegram and back once: whatever was sent before has arrived."""
        async with self.gateway.http.get(f"{self.server.url}/bot{self.server.token}/getMe") as response:
            assert response.status == 200

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
