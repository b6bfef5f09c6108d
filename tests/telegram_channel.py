"""A Telegram channel under test: the adapter between our Telegram server and a recording gate."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

from aiohttp import ClientSession, ClientTimeout, web

from adapters.telegram import Adapter
from gateway.adapter import Call
from gateway.message import Address, Entity, Part
from tests.far.place import close
from tests.far.telegram import TelegramServer
from tests.recording_gate import RecordingGate

NAME = "help"


class Channel(NamedTuple):
    adapter: Adapter
    gate: RecordingGate


def options(server: TelegramServer, **keys: Any) -> Any:
    return Adapter.Options.model_validate({"token": server.token, "api_base": server.url, **keys})


@asynccontextmanager
async def closed(
    server: TelegramServer, *, public_url: str = "", patience: int = 1000, **keys: Any
) -> AsyncIterator[Channel]:
    """A channel that has not opened yet."""
    async with ClientSession(timeout=ClientTimeout(total=60)) as http:
        gate = RecordingGate(http, public_url, patience)
        yield Channel(Adapter(NAME, options(server, **keys), gate), gate)


@asynccontextmanager
async def opened(server: TelegramServer, **keys: Any) -> AsyncIterator[Channel]:
    """A channel that knows its name and neither polls nor is called yet."""
    async with closed(server, **keys) as channel:
        await channel.adapter.open()
        yield channel


@asynccontextmanager
async def running(server: TelegramServer, **keys: Any) -> AsyncIterator[Channel]:
    """A channel that polls (or looks after its webhook), until left."""
    async with opened(server, **keys) as channel:
        task = asyncio.create_task(channel.adapter.run())
        try:
            yield channel
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@asynccontextmanager
async def called(server: TelegramServer, **keys: Any) -> AsyncIterator[Channel]:
    """A channel that Telegram calls, through a door as the gateway's HTTP server has it."""

    async def answer(request: web.Request) -> web.Response:
        reply = await channel.adapter.handle(
            Call(
                method=request.method,
                path=request.path,
                query=dict(request.query),
                headers={name.lower(): value for name, value in request.headers.items()},
                body=await request.read(),
                peer=request.remote or "",
            )
        )
        return web.Response(status=reply.status, body=reply.body, headers=dict(reply.headers))

    app = web.Application()
    app.router.add_route("*", f"/c/{NAME}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    try:
        async with closed(server, mode="webhook", public_url=f"http://{host}:{port}", **keys) as channel:
            await channel.adapter.open()
            yield channel
            await server.pusher.stop()
    finally:
        await close(runner)


def part(chat: int, text: str, *entities: Entity, **fields: Any) -> Part:
    """A part for a private chat (or, by a negative id, a group)."""
    place = fields.pop("place", "dm" if chat > 0 else "group")
    address = Address(chat=str(chat), thread=fields.pop("thread", ""), place=place)
    return Part(id="1", address=address, text=text, plain=text, entities=entities, **fields)
