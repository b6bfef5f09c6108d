"""One HTTP request to a bot's backend: exactly one attempt, within its limits, and every fault one of ours.

connection errors, time-outs, cut answers, 429 502 503 504    -> BotUnavailable
any other status, redirects, compression, too much            -> BotBroken
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import Annotated

from pydantic import ValidatorFunctionWrapHandler, WrapValidator

from gateway import client
from gateway.bot import Tools
from gateway.client import target
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
    """An answer whose head has come. The body is read piece by piece; it must be closed."""

    def __init__(self, answer: client.Answer, idle: float | None, now: int) -> None:
        self._answer, self._idle, self._now = answer, idle, now
        self._read = 0
        self.status, self.headers, self.framed = answer.status, answer.headers, answer.framed
        self._type = answer.headers.get("content-type", "")
        self.media = self._type.partition(";")[0].strip().lower()
        self.close = answer.release

    @property
    def charset(self) -> str:
        """The charset as the backend names it; "" when it does not."""
        if ";" not in self._type:
            return ""
        about = Message()
        about["Content-Type"] = self._type
        return str(about.get_content_charset(""))

    def failure(self, detail: str = "") -> BotError:
        """What a status other than 200 and 204 means."""
        text = f"the backend answered {self.status}" + (f": {detail}" if detail else "")
        if self.status in AGAIN:
            return BotUnavailable(text, after=wait(self.headers.get("retry-after", ""), self._now))
        return BotBroken(text + " (redirects are not followed)" if 300 <= self.status < 400 else text)

    async def chunk(self, most: int = STREAMED) -> bytes:
        """The next bytes of the body, none at its end. Raises `BotBroken` once there are more than `most`."""
        try:
            chunk = await self._answer.chunk(self._idle)
        except client.Cut as error:
            raise BotUnavailable(str(error)) from None
        except TimeoutError:
            raise BotUnavailable("the answer stopped") from None
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
        with suppress(client.Cut, TimeoutError):
            while await self._answer.chunk(_LINGER):
                pass


class Wire:
    """The way to one backend, over the gateway's shared connections."""

    def __init__(self, tools: Tools, url: str, limits: Remote) -> None:
        self._tools, self._limits = tools, limits
        self._url = url

    async def ask(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """POST once. Faults of the connection, also while the body is read, become `BotUnavailable`."""
        return await self._exchange(b"POST", self._url, body, headers, self._limits.first_byte)

    async def look(self, url: str, headers: Mapping[str, str], method: bytes = b"GET") -> Answer:
        """Ask without a body and within the time that a connection may take: is anybody there?"""
        return await self._exchange(method, url, b"", headers, self._limits.connect)

    async def _exchange(
        self, method: bytes, url: str, body: bytes, headers: Mapping[str, str], first_byte: float | None
    ) -> Answer:
        try:
            answer = await self._tools.client.ask(
                method, target(url), {**_OURS, **headers}, body, connect=self._limits.connect, first_byte=first_byte
            )
        except ValueError as error:
            raise BotBroken(f"cannot be asked: {error}") from None
        except TimeoutError:
            raise BotUnavailable("no answer in time") from None
        except (client.NotSent, client.Cut) as error:
            raise BotUnavailable(str(error)) from None
        if answer.headers.get("content-encoding", "identity").strip().lower() != "identity":
            answer.release()
            raise BotBroken("the answer is compressed, although we asked for it plain")
        return Answer(answer, self._limits.idle, self._tools.clock.now())


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
