"""How a call ends when the fault script says that there is no proper answer to it."""

import asyncio
import socket
import struct
from typing import Any

import orjson
from aiohttp import web


async def misbehave(request: web.Request, how: str, body: Any, closing: asyncio.Event) -> web.StreamResponse:
    """`body` is the answer that there would have been."""
    if how == "html":
        return web.Response(status=502, text="<html>Bad Gateway</html>", content_type="text/html")
    if how.endswith("hang"):
        await closing.wait()
    if how == "accept_then_cut":
        whole = orjson.dumps(body)
        response = web.StreamResponse(headers={"Content-Length": str(len(whole))})
        response.content_type = "application/json"
        await response.prepare(request)
        await response.write(whole[: len(whole) // 2])
    _reset(request)
    return web.Response()


def _reset(request: web.Request) -> None:
    """Cut the connection as a crashed peer does: the other side reads ECONNRESET, not an orderly end."""
    assert request.transport is not None
    peer = request.transport.get_extra_info("socket")
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.transport.abort()
