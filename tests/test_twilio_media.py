"""Files that came in: fetched from Twilio with our credentials, and with them from nobody else."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from gateway.errors import Refused, Retry, SendError
from gateway.message import File
from tests.far.place import close
from tests.far.twilio import TwilioServer
from tests.twilio_channel import Channel, opened

CONTENT = bytes(range(256)) * 500


async def whole(channel: Channel, ref: str) -> bytes:
    return b"".join([piece async for piece in channel.adapter.fetch(File(ref=ref))])


@pytest.mark.feature("MED-01", "CH-12")
async def test_a_file_of_a_message_comes_from_where_twilio_keeps_it() -> None:
    async with TwilioServer() as server, opened(server) as channel:
        assert await whole(channel, server.keep(CONTENT, "image/png")) == CONTENT


@pytest.mark.feature("MED-01", "CH-13")
async def test_a_file_of_a_conversation_is_named_by_its_id_alone() -> None:
    async with TwilioServer() as server, opened(server) as channel:
        sid = server.store(CONTENT, "application/pdf")
        assert await whole(channel, f"/v1/Services/{server.service}/Media/{sid}") == CONTENT
        for gone in (
            f"/v1/Services/{server.service}/Media/ME9",
            "/v1/Services/../Media/ME1",
            "/v1/Services/IS1/Media/",
        ):
            with pytest.raises(Refused):
                await whole(channel, gone)


@pytest.mark.feature("MED-01", "OUT-02")
@pytest.mark.parametrize(("how", "error"), [(404, Refused), (429, Retry), (500, Retry), (503, Retry), (401, Refused)])
async def test_what_cannot_be_had_is_told_from_what_can_be_had_later(how: int, error: type[SendError]) -> None:
    async with TwilioServer() as server, opened(server) as channel:
        ref = server.keep(CONTENT, "image/png")
        server.fail("media", how)
        with pytest.raises(error):
            await whole(channel, ref)
        assert await whole(channel, ref) == CONTENT


@asynccontextmanager
async def stranger(leads: dict[str, str]) -> AsyncIterator[tuple[str, list[str]]]:
    """Somebody else's server; its address, and the credentials that it was shown. `leads` are its redirects."""
    shown: list[str] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        shown.append(request.headers.get("Authorization", ""))
        if (location := leads.get(request.path)) is not None:
            return web.Response(status=302, headers={"Location": location})
        return web.Response(body=b"a stranger's")

    runner = web.ServerRunner(web.Server(answer, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", shown
    finally:
        await close(runner)


@pytest.mark.feature("MED-01", "SEC-01")
async def test_nobody_but_twilio_is_asked_or_shown_the_token() -> None:
    async with TwilioServer() as server, stranger({}) as (url, shown), opened(server) as channel:
        port = server.url.rpartition(":")[2]
        for ref in (
            f"{url}/file",
            f"{server.url}@{url.removeprefix('http://')}/file",
            f"http://localhost:{port}/file",
            f"https://127.0.0.1:{port}/file",
            "http://api.twilio.com/file",
            "https://api.twilio.com.evil.example/file",
            "https://eviltwilio.com/file",
            "https://api.twilio.com:8443/file",
            "https://user:secret@api.twilio.com/file",
            "https://api.twilio.com\\@evil.example/file",
            "file:///etc/passwd",
            "ftp://api.twilio.com/file",
            "//api.twilio.com/file",
            "https://api.twilio.com/" + "x" * 3000,
            "https://[::1/file",
            "",
        ):
            with pytest.raises(Refused):
                await whole(channel, ref)
        assert shown == []


@pytest.mark.feature("MED-01", "SEC-01")
async def test_where_twilio_sends_us_is_no_stranger() -> None:
    async with stranger({}) as (url, shown):
        leads = {"/file": f"{url}/elsewhere", "/loop": "/loop"}
        async with stranger(leads) as (base, own), TwilioServer() as server:
            async with opened(server) as channel:
                adapter = type(channel.adapter)(
                    "help", channel.adapter.options.model_copy(update={"api_base": base}), channel.gate
                )
                far = Channel(adapter, channel.gate)
                with pytest.raises(Refused):
                    await whole(far, f"{base}/file")
                with pytest.raises(Refused):
                    await whole(far, f"{base}/loop")
                await adapter.close()
            basic = b64encode(f"{server.account}:{server.token}".encode()).decode()
            assert set(own) == {f"Basic {basic}"}
            assert len(own) == 5  # once, and a redirect followed only so often
        assert shown == []


@pytest.mark.feature("MED-01")
async def test_a_file_that_breaks_off_is_tried_again() -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
        await writer.drain()
        writer.close()

    peer = await asyncio.start_server(cut, "127.0.0.1", 0)
    base = f"http://127.0.0.1:{peer.sockets[0].getsockname()[1]}"
    async with peer, TwilioServer() as server, opened(server) as channel:
        options = channel.adapter.options.model_copy(update={"api_base": base})
        adapter = type(channel.adapter)("help", options, channel.gate)
        with pytest.raises(Retry):
            await whole(Channel(adapter, channel.gate), f"{base}/file")
        await adapter.close()
