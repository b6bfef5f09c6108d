"""Updates on their way to the bot, by poll or by webhook: kept until an offset or a 2xx confirms them."""

import asyncio
import random
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import orjson

from tests.far.telegram.refusal import Refusal

_POLLED = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
_HOOKED = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"


class Update(NamedTuple):
    id: int
    chat: int
    body: bytes


class Queue:
    """One bot's updates. `copies` is how often each is handed out; `hold` keeps them back until `release`."""

    def __init__(self) -> None:
        self.next_id = 100_000_001
        self.allowed: set[str] | None = None  # nothing: Telegram's default, all but those that must be asked for
        self.hooked = False
        self.copies = 1
        self.pending: dict[int, Update] = {}  # by arrival
        self.arrived: Callable[[int, Update], None] = lambda key, update: None
        self.changed: Callable[[], None] = lambda: None
        self._arrivals = 0
        self._held: list[Update] | None = None
        self._news = asyncio.Event()
        self._poll: asyncio.Future[str] | None = None

    def push(self, kind: str, chat: int, content: dict[str, Any], *, always: bool = False) -> int:
        """A new update; its number. One that the bot did not ask for is not made, unless `always`."""
        if not always and not self._asked_for(kind):
            return 0
        number, self.next_id = self.next_id, self.next_id + 1
        self.push_raw(number, chat, orjson.dumps({"update_id": number, kind: content}))
        return number

    def push_raw(self, number: int, chat: int, body: bytes) -> None:
        """Any bytes as an update."""
        update = Update(number, chat, body)
        if self._held is not None:
            self._held.append(update)
        else:
            self._enqueue([update])

    def hold(self) -> None:
        self._held = []

    def release(self, shuffle: random.Random | None = None) -> None:
        """Let go what was held back, in another order when `shuffle` is given."""
        held, self._held = self._held or [], None
        if shuffle:
            shuffle.shuffle(held)
        self._enqueue(held)

    def set_aside(self) -> list[Update]:
        """What was held back until now, to be brought back later; what comes from now on is not held."""
        held, self._held = self._held or [], None
        return held

    def bring(self, updates: list[Update]) -> None:
        self._enqueue(updates)

    def _enqueue(self, updates: Iterable[Update]) -> None:
        for update in updates:
            for _ in range(self.copies):
                self._arrivals += 1
                self.pending[self._arrivals] = update
                self.arrived(self._arrivals, update)
        self._news.set()

    def _asked_for(self, kind: str) -> bool:
        if self.allowed is None:
            return kind not in ("chat_member", "message_reaction", "message_reaction_count")
        return kind in self.allowed

    def confirm(self, below: int) -> None:
        """Forget all updates with a number below this one."""
        for key in [key for key, update in self.pending.items() if update.id < below]:
            del self.pending[key]
        self.changed()

    def drop(self) -> None:
        self.pending.clear()

    @property
    def polled(self) -> bool:
        """Whether a poll is open and waits for what will happen."""
        return self._poll is not None and not self._poll.done()

    async def poll(self, offset: int, limit: int, seconds: float) -> bytes:
        """The answer to `getUpdates`. The older of two polls at once is told of the conflict."""
        if self.hooked:
            raise Refusal(409, _HOOKED)
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(_POLLED)
        if offset > 0:
            self.confirm(offset)
        mine = self._poll = asyncio.get_running_loop().create_future()
        if not self.pending and seconds > 0:
            await self._wait(mine, seconds)
        if mine.done():
            raise Refusal(409, mine.result())
        bodies = [update.body for update, _ in zip(self.pending.values(), range(limit), strict=False)]
        if self._poll is mine:
            self._poll = None
        return b'{"ok":true,"result":[' + b",".join(bodies) + b"]}"

    async def _wait(self, mine: "asyncio.Future[str]", seconds: float) -> None:
        self._news.clear()
        news = asyncio.ensure_future(self._news.wait())
        try:
            await asyncio.wait((news, mine), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            news.cancel()

    def interrupt(self, sentence: str) -> None:
        """End a poll that is open."""
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(f"Conflict: {sentence}")
