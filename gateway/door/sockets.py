"""WebSocket: the same feed. The token comes in the first frame, so that it stands in no URL and no log."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import orjson
from aiohttp import WSMsgType, web

from gateway.door.access import Access
from gateway.door.feed import BEAT_FRAME, Feed, Frame
from gateway.door.house import House
from gateway.door.stream import INTERNAL, checked, places
from gateway.errors import Problem, StorageDown
from gateway.ingress import problems
from gateway.ingress.depth import json_object
from gateway.tasks import ended

FIRST = 10.0  # seconds in which the first frame must come
LARGEST = 16_384  # bytes of a client's frame
CODES = 4000  # a refused connection is closed with this and the status of the problem


class Sockets:
    """GET /api/chat/ws. First frame: `{"token", "since"}`; then one JSON text frame `{"event", "id", "data"}` each."""

    def __init__(self, house: House, access: Access) -> None:
        self._house, self._access = house, access

    async def get(self, request: web.BaseRequest) -> web.StreamResponse:
        self._access.origin(request)
        socket = web.WebSocketResponse(heartbeat=self._house.beat, max_msg_size=LARGEST, compress=False)
        if not socket.can_prepare(request):
            raise Problem(426, "upgrade_required", "this address speaks WebSocket")
        with places(self._house):
            await socket.prepare(request)
            try:
                await self._serve(request, socket)
            except (Problem, StorageDown) as error:
                await self._refuse(socket, problems.caught(error, request.path))
        return socket

    async def _serve(self, request: web.BaseRequest, socket: web.WebSocketResponse) -> None:
        first = await _first(socket)
        token, since = first.get("token", ""), first.get("since", 0)
        if not isinstance(token, str):
            token = ""
        if not isinstance(since, int) or isinstance(since, bool) or not 0 <= since < 10**15:
            raise Problem(400, "invalid_since", "since must be the seq of a message")
        claimed = [first["session_id"]] if "session_id" in first else []
        visit = await self._access.enter(request, token, claimed)
        corridor, held = self._house.corridor, visit.held
        with self._house.hear(request, held.lane) as watcher:
            feed = Feed(self._house, visit.channel, held.lane, held.session, since)
            frames = checked(self._access, visit, feed.frames(watcher))
            pump = corridor.tasks.start(self._pump(request, socket, frames), "socket")
            try:
                # Only reading sees pongs and the client's good-bye; what it says otherwise is of no use here.
                async for _ in socket:
                    continue
            finally:
                await ended([pump])

    async def _pump(
        self, request: web.BaseRequest, socket: web.WebSocketResponse, frames: AsyncIterator[Frame]
    ) -> None:
        try:
            async with aclosing(frames):  # type: ignore[type-var]
                async for frame in frames:
                    if frame is not BEAT_FRAME and frame.event not in INTERNAL:
                        await self._send(socket, frame)
            async with asyncio.timeout(self._house.slowest):
                await socket.close()
        except (ConnectionError, TimeoutError):
            if request.transport is not None:
                request.transport.abort()

    async def _send(self, socket: web.WebSocketResponse, frame: Frame) -> None:
        data = {"event": frame.event, "id": frame.id, "data": frame.data}
        async with asyncio.timeout(self._house.slowest):
            await socket.send_str(orjson.dumps(data).decode())

    async def _refuse(self, socket: web.WebSocketResponse, problem: Problem) -> None:
        if not socket.closed:
            told = {"status": problem.status, "code": problem.code, "detail": problem.detail}
            await self._send(socket, Frame("error", told))
            await socket.close(code=CODES + problem.status, message=problem.code.encode())


async def _first(socket: web.WebSocketResponse) -> dict[str, Any]:
    try:
        message = await socket.receive(timeout=FIRST)
    except TimeoutError:
        raise Problem(408, "too_slow", "the first frame, with the token, did not come") from None
    if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
        raise Problem(400, "invalid_json", "the first frame must be a JSON object with the token")
    data = message.data.encode("utf-8", "surrogatepass") if message.type is WSMsgType.TEXT else bytes(message.data)
    return json_object(data)
