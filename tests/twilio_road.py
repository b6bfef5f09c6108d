"""The whole road: our Twilio server, the gateway with a real store and real HTTP, and a bot at the end of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests import doors
from tests.far.twilio import WHATSAPP, TwilioServer
from tests.leap import leap
from tests.process import free_port

PATIENCE = 30  # seconds, an upper bound only
ECHO = "kind: echo"
SCRIPTED = "kind: python, call: 'tests.doors:scripted'"
REMEMBERS = "kind: python, call: 'tests.telegram_road:remembers'"
UNPACED = "limits: {send: off, messages: off}"


class Road:
    """A running gateway with the channel `help`, between Twilio's server and a bot."""

    def __init__(self, server: TwilioServer, gateway: doors.Gateway, folder: Path, yaml: str) -> None:
        self.server, self.gateway, self.folder, self.yaml = server, gateway, folder, yaml

    @property
    def state(self) -> str:
        return self.gateway.daemon.corridor.channels["help"].state

    def rows(self, sql: str, *args: Any) -> Any:
        return self.gateway.rows(sql, *args)

    async def until(self, seen: Callable[[], object]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not seen():
                await asyncio.sleep(0.002)

    async def quiet(self) -> None:
        """Wait until nothing is answered, sent, reported or due."""
        router = self.gateway.daemon.router
        columns = ("in_due_at", "out_due_at", "in_holder", "out_holder")
        due = f"SELECT 1 FROM lane WHERE {' OR '.join(f'{column} IS NOT NULL' for column in columns)}"
        async with asyncio.timeout(PATIENCE):
            while self.server.reporting or router.turns.running or router.delivery.held or await self.rows(due):
                await asyncio.sleep(0.002)

    async def goes_by_until(self, text: str) -> None:
        """Seconds pass, a few at a time, until something was sent and nothing waits any more."""
        waiting = "SELECT 1 FROM lane WHERE out_due_at IS NOT NULL OR in_due_at IS NOT NULL"
        for _ in range(2000):
            if text in self.server.texts() and not await self.rows(waiting):
                return
            self.leap(5)
            await asyncio.sleep(0.01)
        raise AssertionError("it never came to this")

    def leap(self, seconds: float) -> None:
        """So many seconds pass at once, for the gateway and for every timer."""
        self.gateway.clock.ahead += seconds
        leap(seconds)
        self.gateway.daemon.router.ring_channel("help")
        self.gateway.daemon.router.ring_bot("b")


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
