"""Events over HTTP: signed, and sent again up to three times where nobody says 200."""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Callable, Coroutine
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout

from tests.far.slack.feed import Feed, Happening

DEADLINE = 3.0  # seconds until Slack takes a call for failed
AGAIN = (0.0, 60.0, 300.0)


def signed(secret: str, body: bytes, at: int) -> dict[str, str]:
    """The headers by which Slack proves itself."""
    base = b"v0:%d:%s" % (at, body)
    digest = hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": str(at), "X-Slack-Signature": f"v0={digest}"}


class Pusher:
    """Calls one address. First attempts are made one after the other; `pace` shortens the waits before the others."""

    def __init__(self, feed: Feed, secret: str, pace: float, changed: Callable[[], None]) -> None:
        self._feed, self._secret, self._pace, self._changed = feed, secret, pace, changed
        self.url = ""
        self.deadline = DEADLINE
        self.deliveries: list[tuple[int, int, int]] = []  # number, attempt, status
        self.clock: Callable[[], float] = time.time
        self._queue: asyncio.Queue[Happening] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._http: ClientSession | None = None

    async def start(self, url: str) -> None:
        """Call this address from now on, beginning with what nobody has taken yet."""
        self.url = url
        if self._http is None:
            self._http = ClientSession(timeout=ClientTimeout(total=self.deadline))
            self._run(self._work())
        for happening in list(self._feed.pending.values()):
            self._queue.put_nowait(happening)

    async def stop(self) -> None:
        self.url = ""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._http is not None:
            await self._http.close()
            self._http = None

    def push(self, happening: Happening) -> None:
        self._queue.put_nowait(happening)

    async def verify(self) -> tuple[int, bytes]:
        """The handshake for a new address: the answer to a challenge."""
        body = b'{"type":"url_verification","token":"old","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmd"}'
        return await self._call(body, "application/json", {})

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self) -> None:
        while True:
            happening = await self._queue.get()
            if not await self._attempt(happening, 0, ""):
                self._run(self._again(happening))

    async def _again(self, happening: Happening) -> None:
        for attempt, wait in enumerate(AGAIN, 1):
            await asyncio.sleep(wait * self._pace)
            if await self._attempt(happening, attempt, happening.reason):
                return

    async def _attempt(self, happening: Happening, attempt: int, reason: str) -> bool:
        headers = {"X-Slack-Retry-Num": str(attempt), "X-Slack-Retry-Reason": reason} if attempt else {}
        status, _ = await self._call(happening.body, happening.content_type, headers)
        happening.reason = "http_timeout" if not status else "http_error"
        self.deliveries.append((happening.number, attempt, status))
        if 200 <= status < 300:
            self._feed.confirm(happening.number)
        self._changed()
        return 200 <= status < 300

    async def _call(self, body: bytes, kind: str, more: dict[str, str]) -> tuple[int, bytes]:
        assert self._http is not None
        headers = {"Content-Type": kind, **signed(self._secret, body, int(self.clock())), **more}
        try:
            async with self._http.post(self.url, data=body, headers=headers) as response:
                return response.status, await response.read()
        except (ClientError, TimeoutError, OSError):
            return 0, b""
