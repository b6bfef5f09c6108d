"""A Slack channel under test: the adapter between our Slack server and a recording gate."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

from aiohttp import ClientSession, ClientTimeout

from adapters.slack import Adapter
from gateway.adapter import Call
from gateway.message import Address, Part
from tests.far.slack import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, SlackServer
from tests.far.slack.pusher import signed
from tests.recording_gate import RecordingGate

NAME = "help"


class Channel(NamedTuple):
    adapter: Adapter
    gate: RecordingGate


def options(server: SlackServer, **keys: Any) -> Any:
    given = {"bot_token": BOT_TOKEN, "app_token": APP_TOKEN, "signing_secret": SIGNING_SECRET, **keys}
    given = {name: value for name, value in given.items() if value is not None}
    return Adapter.Options.model_validate({"api_base": server.url, **given})


@asynccontextmanager
async def closed(
    server: SlackServer, *, public_url: str = "", patience: int = 1000, **keys: Any
) -> AsyncIterator[Channel]:
    """A channel that has not opened yet."""
    async with ClientSession(timeout=ClientTimeout(total=60)) as http:
        gate = RecordingGate(http, public_url, patience)
        adapter = Adapter(NAME, options(server, **keys), gate)
        yield Channel(adapter, gate)
        await adapter.close()


@asynccontextmanager
async def opened(server: SlackServer, **keys: Any) -> AsyncIterator[Channel]:
    """A channel that knows its name and does not hear yet."""
    async with closed(server, **keys) as channel:
        await channel.adapter.open()
        yield channel


@asynccontextmanager
async def running(server: SlackServer, **keys: Any) -> AsyncIterator[Channel]:
    """A channel that hears by Socket Mode, until left."""
    async with opened(server, **keys) as channel:
        task = asyncio.create_task(channel.adapter.run())
        try:
            await channel.gate.until(lambda: channel.gate.state == "up" or task.done())
            yield channel
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def call(
    body: bytes, *, at: int | None = None, secret: str = SIGNING_SECRET, headers: Mapping[str, str] | None = None
) -> Call:
    """A call of Slack's with these bytes."""
    proof = signed(secret, body, int(time.time()) if at is None else at)
    named = {name.lower(): value for name, value in proof.items()}
    return Call(
        "POST", f"/c/{NAME}", {}, {"content-type": "application/json", **named, **(headers or {})}, body, "192.0.2.7"
    )


def part(text: str, *, user: str = "U7", thread: str = "", turn: str = "", **fields: Any) -> Part:
    """A part for a direct message."""
    address = fields.pop("address", None) or Address(chat=f"D{user}", thread=thread, user=user)
    return Part(id=fields.pop("id", "1"), address=address, text=text, plain=text, turn=turn, **fields)
