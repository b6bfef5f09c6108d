"""The fetcher: one URL, perhaps a few redirects, and a body within its limits."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple

import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.resolver import ThreadedResolver

from gateway.errors import FetchFailed, FetchRefused
from gateway.fetch.body import pieces
from gateway.fetch.guard import GuardedResolver, NotPublic, guarded_sockets
from gateway.fetch.rules import Place, Rules

REDIRECTS = 3
AT_ONCE = 20  # connections
_MOVED = (301, 302, 303, 307, 308)
_LATER = (408, 425, 429, 500, 502, 503, 504)
_ASKED = {"Accept-Encoding": "identity", "User-Agent": "chat-gateway"}


class Caps(NamedTuple):
    """The most that one fetch may take: bytes of the content, and seconds from the first step to the last byte."""

    size: int = 10 * 1024 * 1024
    seconds: float = 30.0


USUAL = Caps()


class Download(NamedTuple):
    """An answer whose body has not been read: its final URL, the type it claims to have, and its pieces."""

    url: str
    mime: str
    pieces: AsyncIterator[bytes]

    async def read(self) -> bytes:
        """All of it."""
        return b"".join([piece async for piece in self.pieces])


class Fetcher:
    """Fetches by the rules of this package. Made where a loop runs, closed with `close`."""

    def __init__(self, rules: Rules | None = None, resolver: AbstractResolver | None = None) -> None:
        self._rules = rules or Rules()
        self._resolver = resolver or ThreadedResolver()
        guarded = GuardedResolver(self._resolver, self._rules.public)
        self._sessions = {
            "public": _session(guarded, guarded_sockets(self._rules.public)),
            "internal": _session(self._resolver, None),
        }

    async def close(self) -> None:
        for session in self._sessions.values():
            await session.close()
        await self._resolver.close()

    @asynccontextmanager
    async def open(
        self, url: str, caps: Caps = USUAL, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[Download]:
        """GET a URL; its body is read while the context is open, and the caps hold to its end.

        Raises `FetchRefused` and `FetchFailed`, here or while the pieces are read. `headers` go to the origin of
        `url` only.
        """
        deadline = asyncio.timeout(caps.seconds)
        try:
            async with deadline:
                place, response = await self._follow(url, dict(headers or {}))
                async with response:
                    yield Download(str(place.url), response.content_type, pieces(response, caps.size))
        except TimeoutError:
            if deadline.expired():
                raise FetchFailed(f"it was not there within {caps.seconds:g}s") from None
            raise

    async def _follow(self, url: str, headers: Mapping[str, str]) -> tuple[Place, aiohttp.ClientResponse]:
        """The answer at the end of the redirects: always a 200."""
        place = self._rules.admit(url)
        for _ in range(REDIRECTS + 1):
            response = await self._ask(place, headers)
            target = response.headers.get("Location", "")
            if response.status == 200:
                return place, response
            response.close()
            if response.status in _LATER:
                raise FetchFailed(f"its host answered {response.status}")
            if response.status not in _MOVED or not target:
                raise FetchRefused("status", f"its host answered {response.status}")
            following = self._rules.admit(target, place.url)
            _may_lead(place, following)
            headers = headers if following.url.origin() == place.url.origin() else {}
            place = following
        raise FetchRefused("redirect", f"it leads on more than {REDIRECTS} times")

    async def _ask(self, place: Place, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        try:
            return await self._sessions[place.kind].get(place.url, headers={**headers, **_ASKED}, allow_redirects=False)
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, NotPublic):
                raise FetchRefused("private", "its host is not on the public internet") from None
            raise FetchFailed(f"no connection: {type(error).__name__}") from None
        except aiohttp.InvalidURL:
            raise FetchRefused("url", "it is no URL") from None
        except (aiohttp.ClientError, OSError, UnicodeError) as error:
            raise FetchFailed(f"no answer: {type(error).__name__}") from None


def _may_lead(place: Place, following: Place) -> None:
    if following.kind != place.kind:
        raise FetchRefused("redirect", f"a host that is {place.kind} leads to one that is {following.kind}")
    if place.url.scheme == "https" != following.url.scheme:
        raise FetchRefused("redirect", "it leads from https to http")


def _session(resolver: AbstractResolver, socket_factory: aiohttp.SocketFactoryType | None) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(
        resolver=resolver,
        socket_factory=socket_factory,
        use_dns_cache=False,
        limit=AT_ONCE,
        force_close=True,
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        auto_decompress=False,
        trust_env=False,
    )
