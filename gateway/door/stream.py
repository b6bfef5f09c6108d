"""Server-sent events: the live feed of a session as a response that does not end."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, contextmanager

import orjson
import structlog
from aiohttp import web

from gateway.db import Tx
from gateway.door import cors
from gateway.door.access import Access, Visit
from gateway.door.feed import BEAT_FRAME, Feed, Frame
from gateway.door.house import House
from gateway.errors import Problem, StorageDown
from gateway.ingress.problems import SERVER

CHECKED = 4  # beats after which it is asked again whether the token still opens the session
BEAT = b": beat\n\n"
log = structlog.get_logger()

INTERNAL = ("answered",)

_HEADERS = {
    "Server": SERVER,
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx would hold events back
    "X-Content-Type-Options": "nosniff",
}


class Streams:
    """GET /api/chat/events."""

    def __init__(self, house: House, access: Access) -> None:
        self._house, self._access = house, access

    async def get(self, request: web.BaseRequest) -> web.StreamResponse:
        visit = await self._access.visit(request)
        held = visit.held
        since = await resume(self._house, held.session, request)
        with places(self._house), self._house.hear(request, held.lane) as watcher:
            feed = Feed(self._house, visit.channel, held.lane, held.session, since)
            frames = checked(self._access, visit, feed.frames(watcher))
            return await write(request, frames, self._house.slowest)


@contextmanager
def places(house: House) -> Iterator[None]:
    """One of the live connections that one process holds. Raises `Problem` 503 when all are taken."""
    if house.live >= house.settings.server.max_connections:
        raise Problem(503, "too_many_connections", "too many live connections; try again soon", retry_after=5)
    house.live += 1
    try:
        yield
    finally:
        house.live -= 1


async def resume(house: House, session: str, request: web.BaseRequest) -> int:
    """After which line a client goes on: by `Last-Event-ID`, else by `since`, else from the beginning."""
    last, since = request.headers.get("Last-Event-ID", "").strip(), request.query.get("since")
    if (position := number(last)) is not None:
        return position
    if since is not None:
        if (position := number(since)) is None:
            raise Problem(400, "invalid_since", "since must be the seq of a message")
        return position
    return await house.corridor.db.read(before_turn, session, last.partition(".")[0]) if last else 0


def number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else None


def before_turn(session: str, turn: str) -> Tx[int]:
    """What somebody had seen who saw a turn being answered: all before its lines, or all but the last notices."""
    rows = yield "SELECT MIN(seq) - 1 FROM message WHERE session = $1 AND turn = $2", (session, turn)
    if rows[0][0] is None:
        rows = yield "SELECT MAX(seq) FROM message WHERE session = $1 AND role <> 'system'", (session,)
    return rows[0][0] or 0


async def checked(access: Access, visit: Visit, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
    """The frames, for as long as the token is good: a stream is a use of it, and ends when it is taken back."""
    beats = 0
    async for frame in frames:
        yield frame
        beats = beats + 1 if frame is BEAT_FRAME else beats
        if beats >= CHECKED:
            beats = 0
            if not await access.still(visit):
                yield Frame("closed", {"reason": "revoked"})
                return


async def write(request: web.BaseRequest, frames: AsyncIterator[Frame], slowest: float) -> web.StreamResponse:
    """Send frames until there are no more. A client that does not take one in `slowest` seconds is let go of."""
    response = web.StreamResponse(headers={**_HEADERS, **cors.headers(request)})
    await response.prepare(request)
    try:
        async with aclosing(frames):  # type: ignore[type-var]
            async for frame in frames:
                if frame.event not in INTERNAL:
                    await _send(response, encoded(frame), slowest)
        await response.write_eof()
    except (ConnectionError, TimeoutError):
        if request.transport is not None:
            request.transport.abort()
    except StorageDown as error:
        log.error("storage.down", error=str(error))  # the client comes again and goes on where it was
    return response


async def _send(response: web.StreamResponse, data: bytes, slowest: float) -> None:
    async with asyncio.timeout(slowest):
        await response.write(data)


def encoded(frame: Frame) -> bytes:
    """A frame as the event-stream format has it; JSON holds no line breaks."""
    if frame is BEAT_FRAME:
        return BEAT
    id = f"id: {frame.id}\n" if frame.id else ""
    return f"{id}event: {frame.event}\ndata: ".encode() + orjson.dumps(frame.data) + b"\n\n"
