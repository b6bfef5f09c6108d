"""The way in for what platforms push: whole, plain POSTs to a channel. It costs a third of the general server's.

Anything else (a request in pieces, another path, a header with a meaning to HTTP itself, a mistake) makes the general
server take the connection over, for good; it answers then as if it had been there from the beginning.
"""

import asyncio
from collections.abc import Callable
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

import httptools

from gateway.adapter import Call, Reply
from gateway.channel import Channel
from gateway.door.hooks import PREFIX, Hooks
from gateway.door.house import House
from gateway.errors import Problem
from gateway.ingress import problems
from gateway.ingress.peer import caller, client

BEGINNING = f"POST {PREFIX}".encode()
HEAD = 8192  # bytes of a request's line and headers
SIGNS = frozenset("?#%")  # in a path that has to be taken apart
# Headers of a body that is coded or still to be asked for, and of connections that end or become something else.
SPECIAL = frozenset({"connection", "content-encoding", "expect", "transfer-encoding", "upgrade"})


class Express(asyncio.Protocol):
    """One connection, one request at a time. `general` makes the protocol that takes over."""

    def __init__(self, house: House, hooks: Hooks, general: Callable[[], asyncio.Protocol], idle: float) -> None:
        self._house, self._hooks, self._general, self._patience = house, hooks, general, idle
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._busy: asyncio.Task[None] | None = None
        self.closing = False
        self._early = b""  # what came while a request was answered
        self._last = 0.0
        self._parsed = _Request()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self._here = caller(transport)
        self._last = self._loop.time()
        self._idle = self._loop.call_later(self._patience, self._expire)
        if self.closing:  # it was being accepted while everybody else was sent away
            transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._idle.cancel()

    def data_received(self, data: bytes) -> None:
        if self._busy is not None:
            self._early += data
            self._reading(False)
            return
        found = self._read(data) if data.startswith(BEGINNING) else None
        if found is None:
            self._hand_over(data)
        else:
            self._busy = self._house.corridor.tasks.start(self._serve(*found), "hook")

    async def shut(self, seconds: float) -> None:
        """Give the request in flight so much time, then close."""
        self.closing = True
        if self._busy is not None:
            await asyncio.wait([self._busy], timeout=seconds)
        if self._transport is not None:
            self._transport.close()

    def _read(self, data: bytes) -> tuple[Call, Channel] | None:
        """A call and whom it is for, or nothing where the general server is to look at it."""
        request = self._parsed.read(data)
        if request is None:
            return None
        try:
            channel = self._hooks.channel("POST", request.path)
        except Problem:
            return None
        if channel.limits.door or len(request.body) > channel.limits.body:
            return None
        headers, trusted = request.headers, self._house.settings.server.trusted_proxies
        peer = client(self._here, headers.get("x-forwarded-for", ""), trusted) if trusted else self._here
        return Call("POST", request.path, {}, headers, request.body, peer), channel

    async def _serve(self, call: Call, channel: Channel) -> None:
        try:
            reply = await self._hooks.take(call, channel)
        except ConnectionError:
            self._close()
            return
        except Exception as error:
            reply = problems.reply(problems.caught(error, call.path))
        except asyncio.CancelledError:
            self._close()
            raise
        self._answer(reply)

    def _answer(self, reply: Reply) -> None:
        self._busy, self._last = None, self._loop.time()
        if self._transport is None:
            return
        self._transport.write(_bytes(reply, self._house.now))
        if self._early:
            early, self._early = self._early, b""
            self._reading(True)
            self.data_received(early)

    def _hand_over(self, data: bytes) -> None:
        transport, self._transport = self._transport, None
        self._idle.cancel()
        if transport is not None:
            general = self._general()
            transport.set_protocol(general)
            general.connection_made(transport)
            general.data_received(data)

    def _reading(self, wanted: bool) -> None:
        if self._transport is not None and not self._transport.is_closing():
            (self._transport.resume_reading if wanted else self._transport.pause_reading)()

    def _expire(self) -> None:
        """Close when nothing was asked for so long; looked at once per patience, not once per request."""
        left = self._last + self._patience - self._loop.time()
        if self._busy is None and left <= 0:
            self._close()
        else:
            self._idle = self._loop.call_later(max(left, 1.0), self._expire)

    def _close(self) -> None:
        self._busy = None
        if self._transport is not None:
            self._transport.close()


class _Request:
    """One whole, plain request."""

    path: str
    body: bytes
    headers: dict[str, str]

    def read(self, data: bytes) -> "_Request | None":
        """These bytes as a request; nothing if they are not exactly one, or one with a special header."""
        self.path, self.body, self.headers, self._ends = "", b"", {}, 0
        parser = httptools.HttpRequestParser(self)
        try:
            parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            return None
        plain = self._ends == 1 and len(data) - len(self.body) <= HEAD and SPECIAL.isdisjoint(self.headers)
        return self if plain and parser.get_http_version() == "1.1" and SIGNS.isdisjoint(self.path) else None

    def on_message_begin(self) -> None:
        if self._ends:
            raise ValueError("another request")

    def on_url(self, url: bytes) -> None:
        self.path += _text(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        key, text = name.decode("latin-1").lower(), _text(value)
        self.headers[key] = f"{self.headers[key]}, {text}" if key in self.headers else text

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self._ends += 1


def _bytes(reply: Reply, now: int) -> bytes:
    """A reply as it goes out. `now` in ms."""
    if not (reply.body or reply.headers):
        return _plain(reply.status, reply.type, now // 1000)
    return _head(reply, now // 1000) + reply.body


@lru_cache(maxsize=8)
def _plain(status: int, type: str, second: int) -> bytes:
    """What nearly all are answered."""
    return _head(Reply(status, type=type), second)


def _head(reply: Reply, second: int) -> bytes:
    named = {"Server": problems.SERVER, "Content-Type": reply.type, **reply.headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return (
        f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}\r\n{lines}"
        f"Date: {_date(second)}\r\nContent-Length: {len(reply.body)}\r\n\r\n"
    ).encode("latin-1")


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)


def _text(data: bytes) -> str:
    """As the general server reads it."""
    return data.decode("utf-8", "surrogateescape")
