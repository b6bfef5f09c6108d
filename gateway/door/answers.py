"""The answer to a message, given to whoever waits for it: whole, later, or as it is written."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from aiohttp import web

from gateway import history
from gateway.channel import Channel
from gateway.db import Tx
from gateway.door import shown, stream
from gateway.door.feed import BEAT_FRAME, LAST, Feed, Frame
from gateway.door.house import House, options
from gateway.door.saying import Kept, Place, look
from gateway.errors import Problem
from gateway.gathering import answered_as
from gateway.ingress import problems
from gateway.intake import Accepted
from gateway.live import Watcher
from gateway.message import Message

_OF_TURN = ("message", "delta", "draft")


class Answers:
    """Waits for what becomes of a message that was taken in."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def give(
        self, request: web.BaseRequest, place: Place, accepted: Accepted, watcher: Watcher, more: dict[str, Any]
    ) -> web.StreamResponse:
        """The response to a message; `more` is told besides. The watcher listened before the message was handed in.

        200 with the answer, 202 when it takes longer, or an event stream for who accepts one.
        """
        if "text/event-stream" in request.headers.get("Accept", ""):
            with stream.places(self._house):
                frames = self._frames(place, accepted, watcher, more)
                return await stream.write(request, frames, self._house.slowest)
        if lines := accepted.told.messages:
            return problems.json(self._whole(place.channel, accepted.turn, lines) | more)
        waits = "respond-async" not in request.headers.get("Prefer", "").lower()
        over = accepted.outcome == "duplicate" and await self._is_over(accepted.turn)
        if over or (waits and await self._until_over(place, accepted.turn, watcher)):
            lines = await self._house.corridor.db.read(_said, accepted.turn)
            return problems.json(self._whole(place.channel, accepted.turn, lines) | more)
        return problems.json({"turn_id": accepted.turn} | more, 202)

    def _whole(self, channel: Channel, turn: str, lines: Any) -> dict[str, Any]:
        said: list[Message] = [line for line in lines if line.role != "user"]
        return {"turn_id": turn, "messages": shown.messages(channel, said, self._house.corridor.files.lasting)}

    async def _is_over(self, turn: str) -> bool:
        """Whether a turn has ended. Raises `Problem` 410 when it never will be answered."""
        kept = await self._house.corridor.db.read(_fate, turn)
        if kept is None or kept.reason == "superseded":
            raise Problem(410, "session_closed", "the session ended before this message was answered")
        return kept.state != "waiting"

    async def _until_over(self, place: Place, turn: str, watcher: Watcher) -> bool:
        """Wait for the end of a turn. False: it takes longer than anybody should wait."""
        try:
            async with asyncio.timeout(options(place.channel).wait):
                while True:
                    event = await watcher.get()
                    if event.kind == "stopping":
                        return False
                    if event.kind == "answered" and event.data == {"turn": turn}:
                        return True
                    ended = event.kind in LAST and event.session == place.session
                    if watcher.lagging or ended or event.kind == "news":
                        watcher.lagging = False
                        if await self._is_over(turn):
                            return True
        except TimeoutError:
            return await self._is_over(turn)

    async def _frames(
        self, place: Place, accepted: Accepted, watcher: Watcher, more: dict[str, Any]
    ) -> AsyncIterator[Frame]:
        """The events of one turn, to its end."""
        turn, lines, link = accepted.turn, accepted.told.messages, self._house.corridor.files.lasting
        if not lines and accepted.outcome == "duplicate" and await self._is_over(turn):
            lines = await self._house.corridor.db.read(_said, turn)
        if lines:
            for line in lines:
                yield Frame("message", shown.message(place.channel, line, link), str(line.seq))
            if "session" in more:
                yield Frame("reset", more["session"])
            return
        feed, last = Feed(self._house, place.channel, place.lane, place.session, place.last), 0
        async with aclosing(feed.frames(watcher, behind=accepted.outcome == "duplicate")) as frames:  # type: ignore[type-var]
            async for frame in frames:
                if frame.event == "answered" and frame.data["turn"] == turn:
                    if not last:  # it is answered as part of another
                        for line in await self._house.corridor.db.read(_said, turn):
                            yield Frame("message", shown.message(place.channel, line, link), str(line.seq))
                    return
                if frame.event not in _OF_TURN or frame.data["turn"] == turn:
                    last = frame.data.get("seq", last)
                    yield frame
                if frame is BEAT_FRAME and await self._is_over(turn):
                    # It may have been said so while this watcher was behind.
                    for line in await self._house.corridor.db.read(_said, turn):
                        if line.seq > last:
                            yield Frame("message", shown.message(place.channel, line, link), str(line.seq))
                    return


def _fate(turn: str) -> Tx[Kept | None]:
    """What the inbox knows of a message, or of the turn that it has become a part of."""
    return (yield from look((yield from answered_as(turn))))


def _said(turn: str) -> Tx[list[Message]]:
    """What was said in answer to a message, with what it answers."""
    return (yield from history.of_turn((yield from answered_as(turn))))
