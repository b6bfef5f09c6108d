"""The bell between processes on one PostgreSQL: LISTEN and NOTIFY, on a connection of its own.

A commit with a NOTIFY in it takes a lock that all such commits of a server share, so no transaction of ours has one:
what is to be told is gathered, told beside them, at most twenty times a second, and only to those who want to hear.
Each process says now and then what it listens to; whoever has not said so for a while does not.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, Literal

import orjson
import structlog

from gateway.clock import Clock
from gateway.db.postgres_server import connect, lost
from gateway.errors import StorageDown
from gateway.shared import LOOK
from gateway.tasks import Tasks
from gateway.units import Rate

NAME = "chat_gateway"
PAUSE = 0.05  # seconds between two tellings
PING = 10.0  # seconds after which a process says once more what it listens to, and hears itself ...
ECHO = 5.0  # ... within so many; a connection may be gone for long before anybody notices
FORGOTTEN = 2.5 * PING
LARGEST = 7900  # bytes; the server takes 8000
AGAIN = 1.0  # seconds until another connection is tried
LEAVING = 1.0  # seconds for a last word

_NOTIFY = "SELECT pg_notify($1, $2)"

log = structlog.get_logger()

Hear = Callable[[str], None]
Mood = Literal["here", "new", "gone"]


class Postgres:
    """One process's end of the bell."""

    alone = False
    streams = False

    def __init__(self, url: str, me: str, clock: Clock) -> None:
        self._url, self._me, self._clock = url, me, clock
        self._tasks = Tasks()
        self._connection: Any = None
        self._hearers: dict[str, Hear] = {}
        self._others: dict[str, dict[str, float]] = {}  # by topic: which processes listen to it, and when they said so
        self._said: dict[tuple[str, str], None] = {}  # by topic and text, in order
        self._topics: list[str] = []  # that the others have not been told of
        self._mood: Mood = "here"
        self._hears = False
        self._news, self._echoed = asyncio.Event(), asyncio.Event()

    @property
    def hears(self) -> bool:
        return self._hears

    def publish(self, topic: str, text: str = LOOK) -> None:
        if self._connection is not None and topic in self._others:
            self._said[topic, text] = None
            self._news.set()

    def followed(self, topic: str) -> bool:
        return topic in self._others

    def followers(self, topic: str) -> Iterable[str]:
        """The processes that have said they listen to it."""
        return self._others.get(topic, ())

    def share(self, topic: str) -> float:
        return 1 / (1 + len(self._others.get(topic, ())))

    def subscribe(self, topic: str, hear: Hear) -> Callable[[], None]:
        self._hearers[topic] = hear
        self._topics.append(topic)
        self._news.set()
        return lambda: self._leave(topic, hear)

    def _leave(self, topic: str, hear: Hear) -> None:
        if self._hearers.get(topic) is hear:
            del self._hearers[topic]

    def tap(self, channel: str, account: str, rate: Rate | None, hear: Callable[[str, float], None]) -> None:
        return None

    async def open(self) -> None:
        self._tasks.start(self._run(), "bell")

    async def close(self) -> None:
        """Leave. The others are told, so that they keep no share of anything for us."""
        await self._tasks.cancel()
        if self._connection is not None:
            with suppress(Exception):
                for letter in letters(self._me, "gone", said=self._said):
                    await self._connection.execute(_NOTIFY, NAME, letter, timeout=LEAVING)
        self._cut()

    async def _run(self) -> None:
        """Hold a connection, and look for another one when it is lost."""
        while True:
            try:
                await self._serve()
            except Exception as error:
                if isinstance(error, StorageDown | TimeoutError | OSError) or lost(error):
                    log.warning("bell.lost", error=str(error) or type(error).__name__)
                else:
                    log.error("bell.lost", exc_info=error)
            self._cut()
            await self._clock.sleep(AGAIN)

    def _cut(self) -> None:
        self._hears = False
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
        self._said.clear()

    async def _serve(self) -> None:
        """Hear and tell on one connection, until it is lost."""
        self._connection = await connect(self._url)
        await self._connection.add_listener(NAME, self._heard)
        self._mood = "new"  # whoever was here before us says what they listen to
        self._look()
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._tell(self._connection))
                both.create_task(self._ping())
        except ExceptionGroup as group:
            raise group.exceptions[0] from None

    def _look(self) -> None:
        """Something may have been missed: everybody is to look for themselves."""
        for hear in list(self._hearers.values()):
            hear(LOOK)

    async def _ping(self) -> None:
        """Say what we listen to, again and again. Raises `TimeoutError` when we do not hear it ourselves."""
        while True:
            self._topics = list(self._hearers)
            self._echoed.clear()
            self._news.set()
            async with asyncio.timeout(ECHO):
                await self._echoed.wait()
            self._hears = True
            there = self._there()
            self._forget(before=self._clock.tick() - FORGOTTEN)
            if there - self._there():  # whoever died may have had something to tell
                self._look()
            await self._clock.sleep(PING)

    async def _tell(self, connection: Any) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            gathered = list(letters(self._me, self._mood, self._topics, self._said))
            self._mood, self._topics, self._said = "here", [], {}
            for letter in gathered:
                await connection.execute(_NOTIFY, NAME, letter)
            await self._clock.sleep(PAUSE)

    def _heard(self, connection: Any, pid: int, name: str, payload: str) -> None:
        """Somebody said something, perhaps we ourselves. What is no letter of ours is nothing to us."""
        with suppress(ValueError, TypeError):
            sender, mood, topics, said = orjson.loads(payload)
            if sender == self._me:
                self._echoed.set()
                return
            if mood == "gone":
                self._forget(process=str(sender))
            elif mood == "new":
                self._topics = list(self._hearers)
                self._news.set()
                self._look()  # what they had to tell while they could not is lost
            for topic in topics:
                self._others.setdefault(str(topic), {})[str(sender)] = self._clock.tick()
            for topic, text in said:
                if (hear := self._hearers.get(topic)) is not None:
                    hear(str(text))

    def _there(self) -> set[str]:
        return {process for others in self._others.values() for process in others}

    def _forget(self, before: float = 0.0, process: str = "") -> None:
        """Leave out who has not been heard since a time, or one process."""
        for topic, others in list(self._others.items()):
            left = {one: said for one, said in others.items() if said >= before and one != process}
            if left:
                self._others[topic] = left
            else:
                del self._others[topic]


def letters(me: str, mood: Mood, topics: Iterable[str] = (), said: Iterable[tuple[str, str]] = ()) -> Iterator[str]:
    """What is to be told, in as few notifications as it fits into. A text that fits into none becomes `LOOK`."""
    frame = len(orjson.dumps((me, mood, [], [])))
    pages: tuple[list[object], list[object]] = [], []
    size = frame
    for page, one in [*((0, topic) for topic in topics), *((1, pair) for pair in said)]:
        cost = len(orjson.dumps(one)) + 1
        if frame + cost > LARGEST and not isinstance(one, str):
            one = one[0], LOOK
            cost = len(orjson.dumps(one)) + 1
        if size + cost > LARGEST:
            yield orjson.dumps((me, mood, *pages)).decode()
            pages, size = ([], []), frame
        pages[page].append(one)
        size += cost
    yield orjson.dumps((me, mood, *pages)).decode()
