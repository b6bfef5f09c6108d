"""What is happening in a lane right now, for whoever watches it: web clients, waiting requests, the terminal.

Nothing here is kept. Events with a `seq` are lines of the history and can be read again from the store; deltas and
typing cannot, and a watcher that is too slow loses them, never the others.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from gateway.message import Inbound, Json, Message

WATCHER_BACKLOG = 1000  # events; a watcher further behind starts again from the store


class Event(NamedTuple):
    """`seq` is the position in the session's history, 0 for what has none."""

    kind: str
    data: Mapping[str, Json] | Message
    seq: int = 0
    session: str = ""


STOP = Event("stopping", {})
"""Told to those who are to go away."""


class Preview(NamedTuple):
    """The answer being written: `n` counts its deltas."""

    turn: str
    attempt: int
    n: int
    text: str


class Watcher:
    """One listener's own queue. `lagging` is set when events were lost for it."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Event] = asyncio.Queue(WATCHER_BACKLOG)
        self.lagging = False

    def put(self, event: Event) -> None:
        try:
            self._queue.put_nowait(event)
        except asyncio.QueueFull:
            self.lagging = True

    async def get(self) -> Event:
        return await self._queue.get()

    def __len__(self) -> int:
        """Events that have not been read."""
        return self._queue.qsize()

    def skip(self) -> None:
        """Let the next event go unread."""
        self._queue.get_nowait()


class Live:
    """Watchers and previews, by lane."""

    def __init__(self) -> None:
        self._watchers: dict[int, set[Watcher]] = {}
        self._previews: dict[int, Preview] = {}

    @contextmanager
    def watch(self, lane: int) -> Iterator[Watcher]:
        watcher = Watcher()
        self._watchers.setdefault(lane, set()).add(watcher)
        try:
            yield watcher
        finally:
            watchers = self._watchers[lane]
            watchers.discard(watcher)
            if not watchers:
                del self._watchers[lane]

    def stop(self) -> None:
        """This process stops: whoever watches goes away."""
        for lane in self._watchers:
            self.publish(lane, STOP)

    def watched(self, lane: int) -> bool:
        return lane in self._watchers

    def __len__(self) -> int:
        return sum(map(len, self._watchers.values()))

    def publish(self, lane: int, event: Event) -> None:
        for watcher in self._watchers.get(lane, ()):
            watcher.put(event)

    def preview(self, lane: int) -> Preview | None:
        return self._previews.get(lane)

    def begin(self, lane: int, turn: str, attempt: int) -> None:
        """A turn starts: whoever watches sees that an answer is coming."""
        self._previews[lane] = Preview(turn, attempt, 0, "")
        if lane in self._watchers:
            self.publish(lane, Event("typing", {"on": True}))

    def delta(self, lane: int, text: str) -> Preview:
        """More text of the answer being written; returns what has been shown so far."""
        before = self._previews[lane]
        now = Preview(before.turn, before.attempt, before.n + 1, before.text + text)
        self._previews[lane] = now
        if lane in self._watchers:
            data = {"turn": now.turn, "attempt": now.attempt, "n": now.n, "text": text}
            self.publish(lane, Event("delta", data))
        return now

    def answered_with(self, lane: int, inbound: Inbound) -> None:
        """What was gathered into one turn is answered with it: whoever waits for any of its messages is told."""
        for part in inbound.extra.get("parts", ()):
            self.publish(lane, Event("answered", {"turn": part["turn"]}))

    def end(self, lane: int) -> None:
        self._previews.pop(lane, None)
        if lane in self._watchers:
            self.publish(lane, Event("typing", {"on": False}))
