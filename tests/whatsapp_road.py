"""The whole road: our WhatsApp server, the gateway with a real store and real HTTP, and a bot at the end of it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from gateway.compose import compose
from gateway.message import Address, Outbound
from gateway.post import Post, queue
from tests import doors
from tests.far.whatsapp import NUMBER, WhatsAppServer
from tests.ports import free_port
from tests.road import WholeRoad
from tests.whatsapp_channel import NAME, WORD, keys

UNPACED: dict[str, Any] = {"limits": {"send": "off", "messages": "off"}}


class Road(WholeRoad):
    """A running gateway with the channel `help`, between WhatsApp's server and a bot."""

    def __init__(self, server: WhatsAppServer, gateway: doors.Gateway) -> None:
        super().__init__(gateway, lambda: server.pusher.pending)
        self.server = server

    async def texts(self, to: str, wanted: list[str]) -> None:
        """Wait until just these were sent to somebody, in this order."""
        with suppress(TimeoutError):
            await self.until(lambda: len(self.server.texts(to)) >= len(wanted))
        assert self.server.texts(to) == wanted

    async def told(self) -> None:
        """Wait until Meta has nothing left to tell us."""
        await self.until(lambda: not self.server.pusher.pending)

    async def say(self, text: str, account: str = NUMBER) -> None:
        """The gateway says something that nobody has just asked for."""
        corridor = self.gateway.daemon.corridor
        channel, now = corridor.channels[NAME], corridor.clock.now()
        ((lane, session, chat),) = await self.rows(
            "SELECT id, session, chat FROM lane WHERE account = $1 AND place = 'dm'", account
        )
        letters = compose(channel, Address(chat=chat, user=chat, account=account), "t", [Outbound(text=text)])
        post = Post(NAME, letters, channel.expiry(now), None, 0)
        await corridor.db.write(queue, lane, session, None, post, now)
        self.gateway.daemon.router.ring_channel(NAME)

    def leap(self, seconds: float) -> None:
        """They pass for Meta as well."""
        self.server.ahead += seconds
        super().leap(seconds)


@asynccontextmanager
async def gateway(server: WhatsAppServer, folder: Path, bot: str = "kind: echo", **more: Any) -> AsyncIterator[Road]:
    """A gateway on the store in a folder, which Meta calls; `more` are keys of the channel's."""
    here = f"127.0.0.1:{free_port()}"
    channel = {"platform": "whatsapp", "bot": "b", **UNPACED, **keys(server, **more)}
    yaml = f"""
server: {{listen: "{here}", public_url: "http://{here}"}}
admin: {{listen: "127.0.0.1:0"}}
storage: {{url: sqlite:///gateway.db, files: files}}
bots: {{b: {{{bot}}}}}
channels: {json.dumps({NAME: channel})}
"""
    async with doors.running(folder, yaml) as running:
        assert await server.subscribe(f"http://{here}/c/{NAME}", WORD) == 200
        yield Road(server, running)


@asynccontextmanager
async def road(folder: Path, bot: str = "kind: echo", **more: Any) -> AsyncIterator[Road]:
    """A gateway on an empty store, and WhatsApp; it is up and hears."""
    async with WhatsAppServer() as server, gateway(server, folder, bot, **more) as whole:
        await whole.until(lambda: whole.state == "up")
        yield whole
