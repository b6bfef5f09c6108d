"""Reading a body: never more than its cap, never longer than it may take, and not much of all of them together."""

import asyncio

from aiohttp import web

from gateway.errors import Problem

SECONDS = 5.0  # to send a whole body
TOGETHER = 256 * 1024 * 1024  # bytes of unfinished bodies that one process holds

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Bodies:
    """All bodies being read by this process."""

    def __init__(self, together: int = TOGETHER, seconds: float = SECONDS) -> None:
        self._together, self._seconds = together, seconds
        self._held = 0

    async def read(self, request: web.BaseRequest, cap: int) -> bytes:
        """The whole body. Raises `Problem` 413 over the cap, 408 when it takes too long, 503 when we hold too many.

        It is counted while it comes: a length that was announced is believed only when it is too large.
        """
        if not request.body_exists:
            return b""
        announced(request, cap)
        if request.content.is_eof():
            # It came with its head: there is nothing to wait for.
            body = request.content.read_nowait()
            if len(body) > cap:
                raise too_large(cap)
            return body
        return await self._wait(request, cap)

    async def _wait(self, request: web.BaseRequest, cap: int) -> bytes:
        """A body that is still on its way."""
        pieces: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._seconds):
                while piece := await request.content.readany():
                    pieces.append(piece)
                    size += len(piece)
                    self._held += len(piece)
                    if size > cap:
                        raise too_large(cap)
                    if self._held > self._together:
                        raise Problem(503, "busy", "too many large requests at once", retry_after=SECONDS)
        except TimeoutError:
            raise Problem(408, "too_slow", f"the body did not arrive within {self._seconds:g} seconds") from None
        finally:
            self._held -= size
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def announced(request: web.BaseRequest, cap: int) -> None:
    """Refuse what a request's headers alone forbid, and let a client that asks first go on. Raises `Problem`."""
    headers = request.headers
    if headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise Problem(415, "content_encoding", "send the body as it is, without Content-Encoding")
    if (request.content_length or 0) > cap:
        raise too_large(cap)
    if "Expect" in headers:
        if headers["Expect"].strip().lower() != "100-continue":
            raise Problem(417, "expectation", "only Expect: 100-continue is understood")
        if request.transport is not None and not request.content.total_bytes:
            request.transport.write(_CONTINUE)


def too_large(cap: int) -> Problem:
    return Problem(413, "too_large", f"the body may be at most {cap} bytes")
