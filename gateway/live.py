"""What is happening in a lane right now, for whoever watches it: web clients, waiting requests, the terminal.

Nothing here is kept. Events with a `seq` are lines of the history and can be read again from the store; deltas and
typing cannot, and a watcher that is too slow loses them, never the others.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import orjson

from gateway import tidings
from gateway.message import Inbound, Json, Message
from gateway.shared import LOOK, Shared
from gateway.shared.memory import Alone

WATCHER_BACKLOG = 1000  # events; a watcher further behind starts again from the store
PIECES = ("delta", "progress")  # of an answer that is not committed yet
DRAFTS = "drafts"  # under which processes ask each other how far an answer is


class Event(NamedTuple):
    """`seq` is the position in the session's history, 0 for what has none."""

    kind: str
    data: Mapping[str, Json] | Message
    seq: int = 0
    session: str = ""


STOP = Event("stopping", {})
"""Told to those who are to go away."""
NEWS = Event("news", {})
"""Something was committed by another process: it is to be read."""


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
    """Watchers and previews, by lane. Those who watch in other processes are told through `shared`."""

    def __init__(self, shared: Shared | None = None) -> None:
        self._shared: Shared = shared or Alone()
        self._watchers: dict[int, set[Watcher]] = {}
        self._ends: dict[int, Callable[[], None]] = {}
        self._previews: dict[int, Preview] = {}
        self._elsewhere: dict[int, Preview] = {}  # of turns in other processes, in lanes that are watched here
        self._shared.subscribe(DRAFTS, self._asked)

    @contextmanager
    def watch(self, lane: int) -> Iterator[Watcher]:
        watcher = Watcher()
        if lane not in self._watchers:
            self._watchers[lane] = set()
            self._ends[lane] = self._shared.subscribe(_topic(lane), lambda text: self._heard(lane, text))
        self._watchers[lane].add(watcher)
        try:
            yield watcher
        finally:
            watchers = self._watchers[lane]
            watchers.discard(watcher)
            if not watchers:
                del self._watchers[lane]
                self._ends.pop(lane)()
                self._elsewhere.pop(lane, None)

    def stop(self) -> None:
        """This process stops: whoever watches goes away."""
        for lane in self._watchers:
            self._put(lane, STOP)

    def watched(self, lane: int) -> bool:
        """Whether anybody may be watching, here or in another process."""
        return lane in self._watchers or self._shared.followed(_topic(lane))

    @property
    def lanes(self) -> list[int]:
        """Those that are watched here."""
        return list(self._watchers)

    def __len__(self) -> int:
        return sum(map(len, self._watchers.values()))

    def publish(self, lane: int, event: Event) -> None:
        self._put(lane, event)
        if self._shared.followed(topic := _topic(lane)) and (event.kind not in PIECES or self._shared.streams):
            self._shared.publish(topic, _text(event))

    def _put(self, lane: int, event: Event) -> None:
        for watcher in self._watchers.get(lane, ()):
            watcher.put(event)

    def news(self, lane: int) -> None:
        """Those who watch here are to read what another process has committed."""
        self._elsewhere.pop(lane, None)
        self._put(lane, NEWS)

    def inquire(self, lane: int) -> None:
        """Ask other processes how far an answer is there; whoever writes it says so by a `draft` event."""
        if self._shared.streams and self.preview(lane) is None:
            self._shared.publish(DRAFTS, str(lane))

    def _heard(self, lane: int, text: str) -> None:
        if text == LOOK or (found := tidings.event(text)) is None:
            self.news(lane)
            return
        if lane not in self._previews:
            self._follow(lane, *found[:2])
        self._put(lane, Event(*found))

    def _follow(self, lane: int, kind: str, data: Mapping[str, Json]) -> None:
        """Keep what stands in an answer that another process writes; where a piece is missing, ask for all of it."""
        before = self._elsewhere.pop(lane, None)
        if kind == "typing":
            if data["on"]:
                self._elsewhere[lane] = Preview("", 0, 0, "")
        elif kind == "delta":
            piece = Preview(**data)
            if piece.n == 1:
                self._elsewhere[lane] = piece
            elif before is not None and before[:2] == piece[:2] and before.n == piece.n - 1:
                self._elsewhere[lane] = piece._replace(text=(before.text + piece.text)[: tidings.LONGEST])
            else:
                self.inquire(lane)
        elif kind not in ("closed", "reset") and before is not None:
            self._elsewhere[lane] = before

    def _asked(self, text: str) -> None:
        """Another process asks how far an answer is, or tells it."""
        if text.isascii() and text.isdigit() and len(text) < 19:
            if (preview := self._previews.get(int(text))) is not None:
                self._shared.publish(DRAFTS, orjson.dumps((int(text), preview._asdict())).decode())
        elif (found := tidings.draft(text)) is not None:
            lane, told = found[0], Preview(**found[1])
            known = self._elsewhere.get(lane)
            newer = known is None or known[:2] != told[:2] or known.n < told.n
            if lane in self._watchers and lane not in self._previews and newer:
                self._elsewhere[lane] = told
                self._put(lane, Event("draft", found[1]))

    def preview(self, lane: int) -> Preview | None:
        """What stands in the answer being written, here or as far as it is known elsewhere."""
        return self._previews.get(lane) or self._elsewhere.get(lane)

    def begin(self, lane: int, turn: str, attempt: int) -> None:
        """A turn starts: whoever watches sees that an answer is coming."""
        self._previews[lane] = Preview(turn, attempt, 0, "")
        if self.watched(lane):
            self.publish(lane, Event("typing", {"on": True}))

    def delta(self, lane: int, text: str) -> Preview:
        """More text of the answer being written; returns what has been shown so far."""
        before = self._previews[lane]
        now = Preview(before.turn, before.attempt, before.n + 1, before.text + text)
        self._previews[lane] = now
        if self.watched(lane):
            data = {"turn": now.turn, "attempt": now.attempt, "n": now.n, "text": text}
            self.publish(lane, Event("delta", data))
        return now

    def answered_with(self, lane: int, inbound: Inbound) -> None:
        """What was gathered into one turn is answered with it: whoever waits for any of its messages is told."""
        for part in inbound.extra.get("parts", ()):
            self.publish(lane, Event("answered", {"turn": part["turn"]}))

    def end(self, lane: int) -> None:
        self._previews.pop(lane, None)
        if self.watched(lane):
            self.publish(lane, Event("typing", {"on": False}))


def _topic(lane: int) -> str:
    return f"lane/{lane}"


def _text(event: Event) -> str:
    """An event for other processes. Lines of the history stand in the store, and are read there."""
    return LOOK if isinstance(event.data, Message) else orjson.dumps(tuple(event)).decode()
