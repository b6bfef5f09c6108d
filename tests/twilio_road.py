"""The whole road: our Twilio server, the gateway with a real store and real HTTP, and a bot at the end of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests import doors
from tests.far.twilio import WHATSAPP, TwilioServer
from tests.ports import free_port
from tests.road import ECHO, UNPACED, WholeRoad


class Road(WholeRoad):
    """A running gateway with the channel `help`, between Twilio's server and a bot."""

    def __init__(self, server: TwilioServer, gateway: doors.Gateway, folder: Path, yaml: str) -> None:
        super().__init__(gateway, lambda: server.reporting)
        self.server, self.folder, self.yaml = server, folder, yaml

    async def goes_by_until(self, text: str) -> None:
        """Seconds pass, a few at a time, until something was sent and nothing waits any more."""
        waiting = "SELECT 1 FROM lane WHERE out_due_at IS NOT NULL OR in_due_at IS NOT NULL"
        for _ in range(2000):
            if text in self.server.texts() and not await self.rows(waiting):
                return
            self.leap(5)
            await asyncio.sleep(0.01)
        raise AssertionError("it never came to this")


@asynccontextmanager
async def gateway(
    server: TwilioServer, folder: Path, bot: str = ECHO, channel: str = UNPACED, sender: str = WHATSAPP
) -> AsyncIterator[Road]:
    """A gateway on the store in a folder; `channel` are keys of the channel's."""
    here = f"127.0.0.1:{free_port()}"
    yaml = f"""
server: {{listen: "{here}", public_url: "http://{here}"}}
admin: {{listen: "127.0.0.1:0"}}
storage: {{url: sqlite:///gateway.db, files: files}}
bots: {{b: {{{bot}}}}}
channels:
  help:
    {{platform: twilio, bot: b, account_sid: {server.account}, auth_token: "{server.token}", from: "{sender}",
     api_base: "{server.url}", {channel}}}
"""
    async with doors.running(folder, yaml) as running:
        whole = Road(server, running, folder, yaml)
        await whole.until(lambda: whole.state == "up")
        yield whole


@asynccontextmanager
async def road(folder: Path, bot: str = ECHO, channel: str = UNPACED, sender: str = WHATSAPP) -> AsyncIterator[Road]:
    """A gateway on an empty store, and Twilio; it is up, and Twilio knows where to call."""
    async with TwilioServer() as server, gateway(server, folder, bot, channel, sender) as whole:
        yield whole
