"""Connections that do the same kind of work, and what waits for one of them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Self

from gateway.db.postgres_jobs import Job
from gateway.db.postgres_line import Line
from gateway.tasks import Tasks

Serve = Callable[[Line, list[Job]], Awaitable[None]]
Part = Callable[[list[Job]], list[list[Job]]]


MOST = 256  # jobs that wait and are joined to a batch
SLOW = 0.1  # seconds


class Crew:
    """What is asked for within one turn of the loop is parted into batches, each served by one of the lines.

    `at_once` of them work at a time, and one more for each that has been at its batch for too long. While all are busy
    whatever comes waits, and joins the next batch: the busier, the fewer of them.
    """

    def __init__(self, lines: Sequence[Line], at_once: int, part: Part, serve: Serve, tasks: Tasks) -> None:
        self._loop = asyncio.get_running_loop()
        self._lines, self._at_once, self._part, self._serve = len(lines), at_once, part, serve
        self._asked: list[Job] = []
        self._batches = asyncio.Queue[list[Job] | None]()
        self._waiting = 0
        self._places = asyncio.Semaphore(at_once)
        for line in lines:
            tasks.start(self._work(line), "store")

    def ask(self, job: Job) -> None:
        if not self._asked:
            self._loop.call_soon(self._dispatch)
        self._asked.append(job)

    def close(self) -> None:
        """Have every line leave once everything is done that was asked for."""
        self._dispatch()
        for _ in range(self._lines):
            self._batches.put_nowait(None)

    def _dispatch(self) -> None:
        asked, self._asked = self._asked, []
        self._waiting += len(asked)
        for batch in self._part(asked) if asked else ():
            self._batches.put_nowait(batch)

    async def _work(self, line: Line) -> None:
        try:
            while await self._one(line):
                pass
        finally:
            await line.close()

    async def _one(self, line: Line) -> bool:
        """Serve a batch when it is this line's turn. False: there will be no more."""
        async with _Place(self._places, self._loop) as place:
            batch = await self._batches.get()
            if batch is None:
                return False
            place.hurry()
            await self._serve(line, self._joined(batch))
            return True

    def _joined(self, batch: list[Job]) -> list[Job]:
        """A batch, and others that wait as long as that is this line's share."""
        share = min(MOST, self._waiting // self._at_once)
        batch = list(batch)
        while len(batch) < share and not self._batches.empty():
            more = self._batches.get_nowait()
            if more is None:
                self._batches.put_nowait(None)  # for another one, or for us once more
                break
            batch += more
        self._waiting -= len(batch)
        return batch


class _Place:
    """One of those that work at a time, until it is done or has become too slow to be waited for."""

    def __init__(self, places: asyncio.Semaphore, loop: asyncio.AbstractEventLoop) -> None:
        self._places, self._loop = places, loop
        self._held = False
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        await self._places.acquire()
        self._held = True
        return self

    def hurry(self) -> None:
        self._timer = self._loop.call_later(SLOW, self._leave)

    def _leave(self) -> None:
        if self._held:
            self._held = False
            self._places.release()

    async def __aexit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._leave()
