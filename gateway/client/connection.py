"""One kept-alive connection: a request, its answer, and then perhaps the next."""

import asyncio
from collections import deque
from collections.abc import Callable

import httptools

from gateway.alarms import Alarms

HEAD = 65_536  # bytes of an answer's status line and headers
AHEAD = 262_144  # bytes of a body that are read before somebody asks for them


class NotSent(Exception):
    """Nobody has seen the request: there was no connection to send it on."""


class Cut(Exception):
    """The request may have been seen, but there is no whole answer to it."""


class Answer:
    """An answer as it comes in; `status` and `headers` (names in lower case) are there once `head` returned."""

    def __init__(self, connection: "Connection", bodiless: bool) -> None:
        self._connection, self._bodiless = connection, bodiless
        self._loop, self._alarms = connection.loop, connection.alarms
        self._chunks: deque[bytes] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self._begun = self._complete = False
        self.held = 0  # bytes that nobody has asked for yet
        self.status = 0
        self.headers: dict[str, str] = {}

    @property
    def framed(self) -> bool:
        """Whether HTTP itself tells the end of the body from a cut."""
        return "content-length" in self.headers or "chunked" in self.headers.get("transfer-encoding", "").lower()

    @property
    def complete(self) -> bool:
        """Whether all of the body has arrived, asked for or not."""
        return self._complete

    async def head(self, seconds: float | None) -> None:
        """Wait until the answer begins. Raises `Cut`, and `TimeoutError` after so many seconds."""
        if not self._begun:
            await self._wait(seconds)

    async def chunk(self, seconds: float | None = None) -> bytes:
        """The next bytes of the body, none at its end. Raises `Cut`, and `TimeoutError` after so many seconds."""
        while not self._chunks:
            if self._complete:
                return b""
            await self._wait(seconds)
        chunk = self._chunks.popleft()
        self.held -= len(chunk)
        self._connection.go_on(self.held)
        return chunk

    async def whole(self, most: int, seconds: float | None = None) -> bytes:
        """The body. Raises as `chunk` does, and `Cut` when there is more of it than `most` bytes."""
        chunks, size = list[bytes](), 0
        while chunk := await self.chunk(seconds):
            chunks.append(chunk)
            size += len(chunk)
            if size > most:
                raise Cut(f"the answer is larger than {most} bytes")
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def release(self) -> None:
        """Nothing more is wanted of this answer; its connection serves again when it can."""
        self._connection.release(self)

    async def _wait(self, seconds: float | None) -> None:
        if self._error is not None:
            raise self._error
        self._waiter = self._loop.create_future()
        alarm = self._alarms.set(seconds, self._late) if seconds is not None else None
        try:
            await self._waiter
        finally:
            self._waiter = None
            if alarm is not None:
                self._alarms.cancel(alarm)

    def _late(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(TimeoutError())

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def begin(self, status: int, headers: dict[str, str]) -> None:
        self.status, self.headers, self._begun = status, headers, True
        self._complete = self._bodiless  # the parser would wait for a body of the announced length
        self._wake()

    def take(self, chunk: bytes) -> None:
        self._chunks.append(chunk)
        self.held += len(chunk)
        self._wake()

    def end(self) -> None:
        self._complete = True
        self._wake()

    def lost(self, reason: str) -> None:
        """The connection is gone. What HTTP does not frame ends here."""
        if self._begun and not self.framed:
            self.end()
        elif not self._complete:
            self._error = Cut(reason)
            if self._waiter is not None and not self._waiter.done():
                self._waiter.set_exception(self._error)


class Connection(asyncio.Protocol):
    """Belongs to one host. `park` is called whenever it could serve another request."""

    def __init__(self, loop: asyncio.AbstractEventLoop, alarms: Alarms, park: Callable[["Connection"], None]) -> None:
        self.loop, self.alarms, self._park = loop, alarms, park
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._answer: Answer | None = None
        self._headers: dict[str, str] = {}
        self._head = 0
        self._lasting = True  # the host keeps it open after this answer
        self._paused = False
        self.parked_at = 0.0

    @property
    def open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def ask(self, request: bytes, *, bodiless: bool = False) -> Answer:
        """Send a request. Raises `NotSent` when the connection turns out to be closed."""
        if self._transport is None or self._transport.is_closing():
            raise NotSent("the connection was closed")
        answer = self._answer = Answer(self, bodiless)
        self._lasting = False  # until its head says so
        self._transport.write(request)
        return answer

    def release(self, answer: Answer) -> None:
        if answer is not self._answer:
            return
        self._answer = None
        if answer.complete and self._lasting and self.open:
            self.go_on(0)
            self._park(self)
        else:
            self.close()

    def go_on(self, held: int) -> None:
        if self._paused and held <= AHEAD and self._transport is not None and self.open:
            self._paused = False
            self._transport.resume_reading()

    def close(self) -> None:
        """At once: who asked wants nothing more, or nobody did."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        del self._parser  # which knows us: what is of no use is to go by itself, not when somebody sweeps
        if self._answer is not None:
            self._answer.lost(f"the connection was lost ({type(error).__name__})" if error else "it hung up")

    def data_received(self, data: bytes) -> None:
        if self._answer is None:  # nobody asked
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail("it wants to speak another protocol")
        except httptools.HttpParserError as error:
            self._fail(f"not HTTP: {type(error).__name__}")

    def _fail(self, reason: str) -> None:
        self._lasting = False
        if self._answer is not None:
            self._answer.lost(reason)
        self.close()

    # What the parser tells

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head += len(name) + len(value)
        if self._head > HEAD:
            raise ValueError("the head is too large")
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        status, answer = self._parser.get_status_code(), self._answer
        if answer is None or answer.status:
            self._lasting = False
            raise ValueError("an answer that nobody asked for")
        if status >= 200:
            answer.begin(status, self._headers)
            self._lasting = self._parser.should_keep_alive() and not answer.complete
        self._headers, self._head = {}, 0

    def on_body(self, body: bytes) -> None:
        answer = self._answer
        if answer is None:
            return
        answer.take(body)
        if answer.held > AHEAD and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        if self._answer is not None and self._answer.status:  # a head of 1xx comes before the answer
            self._answer.end()
