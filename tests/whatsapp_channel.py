"""A WhatsApp channel under test: the adapter between our WhatsApp server and a recording gate."""

import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aiohttp import ClientSession, ClientTimeout, web

from adapters.whatsapp import Adapter
from gateway.adapter import Call
from gateway.message import Address, Part, Place
from tests.far.place import close
from tests.far.whatsapp import NUMBER, SECRET, WhatsAppServer
from tests.far.whatsapp.people import Group, User
from tests.recording_gate import RecordingGate

NAME, WORD = "help", "the word that Meta was told"


class Channel(NamedTuple):
    adapter: Adapter
    gate: RecordingGate


def keys(server: WhatsAppServer, **more: Any) -> dict[str, Any]:
    """The channel's keys, as an operator would write them."""
    secrets = {"access_token": server.token, "app_secret": SECRET, "verify_token": WORD}
    which = {} if "numbers" in more else {"phone_number_id": NUMBER}
    return {**which, **secrets, "api_base": server.url, **more}


@asynccontextmanager
async def closed(server: WhatsAppServer, *, public_url: str = "", **more: Any) -> AsyncIterator[Channel]:
    """A channel that has not opened yet."""
    async with ClientSession(timeout=ClientTimeout(total=60)) as http:
        gate = RecordingGate(http, public_url)
        yield Channel(Adapter(NAME, Adapter.Options.model_validate(keys(server, **more)), gate), gate)


@asynccontextmanager
async def opened(server: WhatsAppServer, **more: Any) -> AsyncIterator[Channel]:
    """A channel that has seen its numbers, and is not called yet."""
    async with closed(server, **more) as channel:
        await channel.adapter.open()
        yield channel


@asynccontextmanager
async def called(server: WhatsAppServer, **more: Any) -> AsyncIterator[Channel]:
    """A channel that Meta calls, through a door as the gateway's HTTP server has it."""

    async def answer(request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        call = Call(request.method, request.path, dict(request.query), headers, await request.read(), "192.0.2.7")
        reply = await channel.adapter.handle(call)
        return web.Response(status=reply.status, body=reply.body, headers=dict(reply.headers))

    app = web.Application(client_max_size=4 << 20)
    app.router.add_route("*", f"/c/{NAME}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    url = f"http://{host}:{port}"
    try:
        async with opened(server, public_url=url, **more) as channel:
            assert await server.subscribe(f"{url}/c/{NAME}", WORD) == 200
            yield channel
            await server.pusher.stop()
    finally:
        await close(runner)


def signed(body: bytes, secret: str = SECRET, method: str = "POST") -> Call:
    signature = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {"content-type": "application/json", "x-hub-signature-256": signature}
    return Call(method, f"/c/{NAME}", {}, headers, body, "192.0.2.7")


def part(to: User | Group, text: str = "", **fields: Any) -> Part:
    """A part for a person or a group."""
    place: Place = "group" if isinstance(to, Group) else "dm"
    address = Address(chat=to.id, place=place, account=fields.pop("account", ""))
    return Part(id=fields.pop("id", "1"), address=address, text=text, plain=text, **fields)
