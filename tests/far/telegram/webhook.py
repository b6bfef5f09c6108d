"""Calling the bot's webhook: in order within a chat, each update again and again until it is taken."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from itertools import cycle
from typing import Any, NamedTuple

import orjson
from aiohttp import ClientError, ClientSession, ClientTimeout

from tests.far.telegram.queue import Queue, Update

_HEADER = "X-Telegram-Bot-Api-Secret-Token"


class Delivery(NamedTuple):
    """One attempt: when, which update, and the HTTP status or 0 when there was none."""

    at: float
    update: int
    status: int


async def _unread(given: dict[str, Any]) -> None:
    """Nobody listens to what the bot answers."""


class Pusher:
    """Pushes what is in the queue while a webhook is set. `pace` shortens Telegram's waits for tests."""

    def __init__(self, queue: Queue, pace: float, changed: Callable[[], None]) -> None:
        self._queue, self._pace, self._changed = queue, pace, changed
        self.url = ""
        self.secret = ""
        self.deliveries: list[Delivery] = []
        self.last_error = ""
        self.last_error_date = 0
        self.replied: Callable[[dict[str, Any]], Awaitable[None]] = _unread
        self._next: Iterator[str] = iter(())
        self._lanes: dict[int, deque[int]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(40)
        self._http: ClientSession | None = None

    async def start(self, url: str, secret: str, *others: str) -> None:
        """Push to an address; with `others`, to all of them in turn, as something in between would."""
        await self.stop()
        self.url, self.secret, self.last_error = url, secret, ""
        self._next = cycle((url, *others))
        self._http = ClientSession(timeout=ClientTimeout(total=60))
        self._queue.hooked = True
        self._queue.arrived = self._arrived
        for key, update in list(self._queue.pending.items()):
            self._arrived(key, update)

    async def stop(self) -> None:
        """No webhook any more; what was not taken stays in the queue."""
        self.url, self._queue.hooked, self._queue.arrived = "", False, lambda key, update: None
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._lanes.clear()
        if self._http is not None:
            await self._http.close()
            self._http = None

    def _arrived(self, key: int, update: Update) -> None:
        lane = self._lanes.get(update.chat)
        if lane is not None:
            lane.append(key)
            return
        self._lanes[update.chat] = deque([key])
        task = asyncio.get_running_loop().create_task(self._drain(update.chat))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drain(self, chat: int) -> None:
        lane = self._lanes[chat]
        while lane:
            key = lane.popleft()
            update = self._queue.pending.get(key)
            if update is not None:
                await self._deliver(update)
                self._queue.pending.pop(key, None)
                self._changed()
        del self._lanes[chat]

    async def _deliver(self, update: Update) -> None:
        wait = 0.0
        while True:
            async with self._slots:
                status, wish = await self._post(update)
            self.deliveries.append(Delivery(time.monotonic(), update.id, status))
            self._changed()
            if 200 <= status < 300:
                return
            self.last_error = f"Wrong response from the webhook: {status}" if status else "Connection failed"
            self.last_error_date = int(time.time())
            await asyncio.sleep((wish or wait) * self._pace)
            wait = min(60, wait * 2 or 2)

    async def _post(self, update: Update) -> tuple[int, float]:
        assert self._http is not None
        headers = {"Content-Type": "application/json"}
        if self.secret:
            headers[_HEADER] = self.secret
        try:
            async with self._http.post(next(self._next), data=update.body, headers=headers) as response:
                answer = await response.read()
                if response.status == 200 and answer.startswith(b"{"):
                    await self.replied(orjson.loads(answer))
                wish = response.headers.get("Retry-After", "")
                return response.status, float(wish) if wish.isdigit() else 0.0
        except (ClientError, TimeoutError, OSError):
            return 0, 0.0
