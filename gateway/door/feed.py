"""One session live: first what is stored, then what happens, without a gap and nothing twice."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, NamedTuple

from gateway import history
from gateway.channel import Channel
from gateway.db import Tx
from gateway.door import shown
from gateway.door.house import House
from gateway.live import Event, Preview, Watcher
from gateway.message import Message

PAGE = 200  # lines read from the store at once
OPEN = ("active", "dormant", "handoff")
PASSING = ("delta", "typing", "draft")  # told by the preview as well
LAST = ("closed", "reset")  # events after which nothing follows


class Frame(NamedTuple):
    """One event as clients get it."""

    event: str
    data: Mapping[str, Any] = {}
    id: str = ""


BEAT_FRAME = Frame("beat")
"""A sign of life, also given when all that is stored has been told."""


class Page(NamedTuple):
    """Lines after a position, and how the session stands."""

    state: str
    reason: str | None
    successor: str | None
    lines: list[Message]


def read_page(session: str, after: int) -> Tx[Page]:
    rows = yield (
        "SELECT s.state, s.reason, l.session FROM session s JOIN lane l ON l.id = s.lane WHERE s.id = $1",
        (session,),
    )
    if not rows:
        return Page("expired", None, None, [])
    state, reason, successor = rows[0]
    return Page(state, reason, successor, (yield from history.after(session, after, PAGE)))


class Feed:
    """What one watcher of a session hears, from a position in its history on.

    The watcher listens to the lane before the first line is read; what it hears of lines read already is let go.
    """

    def __init__(self, house: House, channel: Channel, lane: int, session: str, since: int) -> None:
        self._c, self._beat = house.corridor, house.beat
        self._channel, self._lane, self._session = channel, lane, session
        self._last = since
        self._draft = Preview("", 0, 0, "")  # how far this watcher has been shown the answer being written
        self._typing = self._over = False
        self._stale = 0  # events still to be read that are older than the text we have shown

    async def frames(self, watcher: Watcher, *, behind: bool = True) -> AsyncIterator[Frame]:
        """Frames until the session ends or the process stops. `answered` frames are for us, not for clients.

        `behind` is False when nothing can have happened in the lane before the watcher listened.
        """
        if behind:
            self._c.live.inquire(self._lane)
        while not self._over:
            if behind:
                async for frame in self._catch_up():
                    yield frame
                self._stale = len(watcher)
                for frame in self._present():
                    yield frame
                yield BEAT_FRAME
            event = await self._next(watcher)
            is_stale, self._stale = self._stale > 0, max(0, self._stale - 1)
            behind = watcher.lagging
            if behind:
                _forget(watcher)
            elif event is None:
                yield BEAT_FRAME
            elif event.kind == "stopping":
                return
            elif event.kind == "news":
                behind = True
            elif is_stale and event.kind in PASSING:
                continue
            elif event.kind == "message" and event.seq > self._last + 1:
                behind = event.session == self._session
            else:
                for frame in self._heard(event):
                    yield frame

    async def _next(self, watcher: Watcher) -> Event | None:
        if not watcher:
            try:
                async with asyncio.timeout(self._beat):
                    return await watcher.get()
            except TimeoutError:
                return None
        return await watcher.get()

    async def _catch_up(self) -> AsyncIterator[Frame]:
        while True:
            page = await self._c.db.read(read_page, self._session, self._last)
            for line in page.lines:
                yield self._line(line)
            if len(page.lines) < PAGE:
                break
        if page.state not in OPEN:
            self._over = True
            successor = page.successor if page.reason == "reset" else None
            ended = {"reason": page.reason or "timeout"}
            yield Frame("reset", {"session_id": successor}) if successor else Frame("closed", ended)

    def _line(self, line: Message) -> Frame:
        self._last = line.seq
        return Frame("message", shown.message(self._channel, line, self._c.files.lasting), str(line.seq))

    def _present(self) -> Iterator[Frame]:
        """Whether somebody writes, and what stands there so far."""
        preview = self._c.live.preview(self._lane)
        if self._over or (preview is None and not self._typing):
            return
        self._typing = preview is not None
        yield Frame("typing", {"on": self._typing})
        if preview is not None and preview.text:
            yield self._whole(preview)

    def _whole(self, preview: Preview) -> Frame:
        self._draft = preview
        return Frame("draft", preview._asdict(), _delta_id(preview))

    def _heard(self, event: Event) -> Iterator[Frame]:
        if event.session and event.session != self._session:
            return
        if isinstance(event.data, Message):
            if event.seq > self._last:
                yield self._line(event.data)
        elif event.kind == "delta":
            yield from self._delta(Preview(**event.data))
        elif event.kind == "draft":
            yield from self._drafted(Preview(**event.data))
        else:
            self._over = event.kind in LAST
            if event.kind == "typing":
                self._typing = bool(event.data["on"])
            yield Frame(event.kind, dict(event.data))

    def _drafted(self, preview: Preview) -> Iterator[Frame]:
        """Another process tells how far the answer is that it writes."""
        if preview[:2] == self._draft[:2] and preview.n <= self._draft.n:
            return
        if not self._typing:
            self._typing = True
            yield Frame("typing", {"on": True})
        if preview.text:
            yield self._whole(preview)

    def _delta(self, piece: Preview) -> Iterator[Frame]:
        """The next piece as it is; where pieces are missing the whole text, as far as it is known."""
        same = piece[:2] == self._draft[:2]
        if same and piece.n <= self._draft.n:
            return
        if piece.n == (self._draft.n + 1 if same else 1):
            self._draft = piece
            yield Frame("delta", piece._asdict(), _delta_id(piece))
        elif (preview := self._c.live.preview(self._lane)) is not None and preview[:2] == piece[:2]:
            yield self._whole(preview)


def _forget(watcher: Watcher) -> None:
    """Events were lost for this watcher: those before them are worth nothing, all is read anew."""
    watcher.lagging = False
    while watcher:
        watcher.skip()


def _delta_id(preview: Preview) -> str:
    return f"{preview.turn}.{preview.attempt}.{preview.n}"
