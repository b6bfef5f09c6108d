"""One HTTP request to a bot's backend: exactly one attempt, within its limits, and every fault one of ours.

connection errors, time-outs, cut answers, 429 502 503 504    -> BotUnavailable
any other status, redirects, compression, too much            -> BotBroken
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from email.utils import parsedate_to_datetime
from typing import Annotated

import aiohttp
from pydantic import ValidatorFunctionWrapHandler, WrapValidator
from yarl import URL

from gateway.bot import Tools
from gateway.errors import BotBroken, BotError, BotUnavailable
from gateway.options import Duration, DurationOrNever, Options, Url, key

WHOLE = 1_048_576  # bytes of an answer given at once
STREAMED = 16 * WHOLE  # bytes of a streamed one, most of which is wrapping
AGAIN = frozenset((429, 502, 503, 504))
_LONGEST_WAIT = 86_400.0
_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?", re.ASCII)
# How long the end of the body may take after the end of the answer, for the connection to be kept.
_LINGER = 0.05
_OURS = {"Content-Type": "application/json", "Accept-Encoding": "identity", "User-Agent": "chat-gateway"}


def _as_written(value: object, check: ValidatorFunctionWrapHandler) -> object:
    check(value)
    return value


Endpoint = Annotated[Url, WrapValidator(_as_written)]
"""An http or https address, kept to the letter: for many servers a slash at the end is another address."""


class Remote(Options):
    """Limits of a bot that is asked over HTTP; the whole answer is bounded by the bot's `timeout`."""

    connect: Duration = key("5s", "Longest time until the backend accepts a connection.")
    first_byte: DurationOrNever = key("never", "Longest time until the answer begins, within `timeout`.")
    idle: DurationOrNever = key("60s", "Longest pause within an answer that has begun.")


class Answer:
    """An answer whose head has come. The body is read piece by piece."""

    def __init__(self, response: aiohttp.ClientResponse, idle: float | None, now: int) -> None:
        self._response, self._idle, self._now = response, idle, now
        self._read = 0
        self.status = response.status
        self.media = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    @property
    def framed(self) -> bool:
        """Whether HTTP itself tells the end of the body from a cut."""
        headers = self._response.headers
        return "Content-Length" in headers or "chunked" in headers.get("Transfer-Encoding", "").lower()

    @property
    def charset(self) -> str:
        """The charset as the backend names it; "" when it does not."""
        return (self._response.charset or "").lower()

    def failure(self, detail: str = "") -> BotError:
        """What a status other than 200 and 204 means."""
        text = f"the backend answered {self.status}" + (f": {detail}" if detail else "")
        if self.status in AGAIN:
            return BotUnavailable(text, after=wait(self._response.headers.get("Retry-After", ""), self._now))
        return BotBroken(text + " (redirects are not followed)" if 300 <= self.status < 400 else text)

    async def chunk(self, most: int = STREAMED) -> bytes:
        """The next bytes of the body, none at its end. Raises `BotBroken` once there are more than `most`."""
        content = self._response.content
        if content.is_eof():  # all of it has arrived: nothing to wait for
            chunk = await content.readany()
        else:
            async with asyncio.timeout(self._idle):
                chunk = await content.readany()
        self._read += len(chunk)
        if self._read > most:
            raise BotBroken(f"the answer is larger than {most} bytes")
        return chunk

    async def whole(self) -> bytes:
        """The body, at most 1 MiB of it."""
        chunks: list[bytes] = []
        while chunk := await self.chunk(WHOLE):
            chunks.append(chunk)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def finish(self) -> None:
        """The answer is complete; what is still on the way is let pass for a moment and does not matter."""
        if self._response.content.at_eof():
            return
        with suppress(aiohttp.ClientError, OSError):
            async with asyncio.timeout(_LINGER):
                while await self._response.content.readany():
                    pass


class Wire:
    """The way to one backend, over the gateway's shared connections."""

    def __init__(self, tools: Tools, url: str, limits: Remote) -> None:
        self._tools, self._limits = tools, limits
        self._url = URL(url)
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=limits.connect)

    def ask(self, body: bytes, headers: Mapping[str, str]) -> AbstractAsyncContextManager[Answer]:
        """POST once. Faults of the connection, also while the body is read, become `BotUnavailable`."""
        return self._exchange("POST", self._url, body, headers)

    def look(self, url: str, headers: Mapping[str, str], method: str = "GET") -> AbstractAsyncContextManager[Answer]:
        """Ask without a body and within the time that a connection may take: is anybody there?"""
        return self._exchange(method, URL(url), None, headers)

    @asynccontextmanager
    async def _exchange(
        self, method: str, url: URL, body: bytes | None, headers: Mapping[str, str]
    ) -> AsyncIterator[Answer]:
        response: aiohttp.ClientResponse | None = None
        try:
            response = await self._head(method, url, body, headers)
            encoding = response.headers.get("Content-Encoding", "identity")
            if encoding.strip().lower() != "identity":
                raise BotBroken("the answer is compressed, although we asked for it plain")
            yield Answer(response, self._limits.idle, self._tools.clock.now())
        except aiohttp.InvalidURL as error:
            raise BotBroken(f"not a usable address: {error}") from None
        except TimeoutError as error:
            raise BotUnavailable(_patience(response, error)) from error
        except (aiohttp.ClientError, OSError) as error:
            raise BotUnavailable(f"{type(error).__name__}: {error}"[:300]) from error
        finally:
            if response is not None:
                response.release()

    async def _head(
        self, method: str, url: URL, body: bytes | None, headers: Mapping[str, str]
    ) -> aiohttp.ClientResponse:
        http: aiohttp.ClientSession = self._tools.http
        if http.closed:
            raise BotUnavailable("the gateway is stopping")
        async with asyncio.timeout(self._limits.connect if body is None else self._limits.first_byte):
            return await http.request(
                method,
                url,
                data=body,
                headers={**_OURS, **headers},
                allow_redirects=False,
                auto_decompress=False,
                timeout=self._timeout,
            )


def wait(retry_after: str, now: int) -> float | None:
    """Seconds that a `Retry-After` asks for, at most a day; None when it says nothing. `now` is in ms."""
    text = retry_after.strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), _LONGEST_WAIT)
    try:
        until = parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return min(max(until - now / 1000, 0.0), _LONGEST_WAIT)


def _patience(response: aiohttp.ClientResponse | None, error: TimeoutError) -> str:
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return "no connection in time"
    return "no answer in time" if response is None else "the answer stopped"
