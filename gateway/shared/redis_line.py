"""The way to a Redis: what is to be said there is gathered and said together, and what is not there is not waited for.

Redis has 50 ms to answer. After a few failures in a row it is away: nothing is asked of it any more but whether it is
back, once a second. So is one that answers and takes nothing down: a replica that was the primary, or one that is full.
Whoever uses it has another way meanwhile, and believes nothing that comes from there unseen.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

import structlog
from redis import asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as Lost
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as Late

from gateway.clock import Clock
from gateway.shared.memory import Alone
from gateway.tasks import Tasks

ANSWERS = 0.05  # seconds for an answer
FIRST = 0.25  # seconds for the first one, and a connection
REACH = 1.0  # seconds for a connection, with TLS and all; nobody waits for one
PAUSE = 0.02  # seconds between two tellings
PROBE = 1.0  # seconds between two questions whether it is there
AWAY_AFTER = 3  # failures in a row

TRIAL = 10  # good looks until one is believed that has refused something; after each time twice as many
LONGEST = 600  # good looks, at most

# Refused wherever nothing may be written, and changes nothing; `rate:` is where users with few rights may do that, too.
_PROBE = "redis.call('SET', KEYS[1], '', 'XX') return 'PONG'"

log = structlog.get_logger()


T = TypeVar("T")
Words = tuple[str | bytes | int, ...]


class Failed(Exception):
    """Redis did not answer, or not as it should."""


class Unfit(Failed):
    """It answered, and does not do what is asked."""


class Command(NamedTuple):
    """One command. `answer` is called with what Redis says to it; with None when it fails, or Redis does.

    A Redis that refuses what is `needed` is of no use to us.
    """

    words: Words
    answer: Callable[[object], None] | None = None
    needed: bool = False


Maker = Callable[[], Iterable[Command]]


class Line:
    """One process's way to one server. `up` says whether it answers; it has `answers` seconds to do so."""

    def __init__(self, url: str, clock: Clock, answers: float = ANSWERS, prefix: str = "") -> None:
        self._answers, self._prefix = answers, prefix
        self.place = place(url)
        self._clock = clock
        self._client = client(url)
        self._tasks, self._calls = Tasks(), Tasks()
        self.up = False
        self.changed: list[Callable[[bool], None]] = []
        self._failures = AWAY_AFTER - 1  # where it has never been it need not be missed so often
        self._trial, self._doubt = 0, TRIAL
        self._told: set[type[Failed]] = set()  # why it is away, as far as the log has it
        self._makers: dict[Maker, None] = {}
        self._wanted = asyncio.Event()

    async def open(self) -> None:
        """Begin to look for it. Whether it is there is known when this returns, unless it takes its time."""
        await self._look(FIRST)
        self._tasks.start(self._probe(), "redis")
        self._tasks.start(self._tell(), "redis")

    async def close(self) -> None:
        """Say what is left to be said, and go."""
        if self.up and self._makers:
            await self._together()
        await self._tasks.cancel()
        await self._calls.wait(REACH)
        await self._calls.cancel()
        with suppress(Exception):
            await self._client.aclose()

    def want(self, maker: Maker) -> None:
        """Have a maker asked soon for what it has to say. What it has not said when Redis goes away is its own care."""
        self._makers[maker] = None
        self._wanted.set()

    async def ask(self, *words: str | bytes | int) -> Any:
        """One answer, now. None where there is none in time."""
        if not self.up:
            return None
        try:
            answer = await self._within(self._answers, self._client.execute_command(*words))
        except Unfit:
            answer = None
        except Failed as failed:
            self._failed(failed)
            return None
        self._failures = 0
        return answer

    def pubsub(self) -> Any:
        """A connection that listens."""
        return self._client.pubsub(ignore_subscribe_messages=True)

    async def _probe(self) -> None:
        while True:
            await self._clock.sleep(PROBE)
            await self._look(self._answers if self.up else REACH)

    async def _look(self, patience: float) -> None:
        probe = self._client.execute_command("EVAL", _PROBE, 1, f"{self._prefix}rate:")
        try:
            if await self._within(patience, probe) != b"PONG":
                raise Unfit("what is there is no Redis")
        except Failed as failed:
            self._failed(failed)
            if not self.up:
                await self._anew()
        else:
            self._well()

    async def _anew(self) -> None:
        """The address may lead to another server by now: after a failover the one that was may go on as a replica."""
        with suppress(Exception):
            await self._client.connection_pool.disconnect(inuse_connections=False)

    async def _within(self, patience: float, call: Awaitable[T]) -> T:
        """What a call of the client returns. Raises `Failed`, also when it takes too long.

        It is never cut off: an answer that was left in a connection would be taken for that to the next question.
        """

        async def tried() -> T | Exception:
            try:
                return await call
            except Exception as error:  # its client may raise anything for what is no Redis
                return error

        task = self._calls.start(tried(), "redis")
        await asyncio.wait({task}, timeout=patience)
        if not task.done():
            raise Failed(f"no answer within {patience:g} s")
        answer: T | Exception = task.result()
        if isinstance(answer, Exception):
            kind = Unfit if isinstance(answer, ResponseError) else Failed
            raise kind(str(answer) or type(answer).__name__)
        return answer

    async def _tell(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            if self.up:
                await self._together()
            else:
                self._makers.clear()
            await self._clock.sleep(PAUSE)

    async def _together(self) -> None:
        """All that has been gathered, in one round."""
        makers, self._makers = list(self._makers), {}
        commands = [command for maker in makers for command in maker()]
        answers: list[object] = [None] * len(commands)
        if commands:
            try:
                answers = await self._within(self._answers * (1 + len(commands) // 100), self._round(commands))
                self._failures = 0
            except Failed as failed:
                self._failed(failed)
        for command, answer in zip(commands, answers, strict=False):
            if command.needed and isinstance(answer, ResponseError):
                self._failed(Unfit(str(answer)))
            if command.answer is not None:
                command.answer(None if isinstance(answer, Exception) else answer)

    async def _round(self, commands: list[Command]) -> list[object]:
        async with self._client.pipeline(transaction=False) as pipeline:
            for command in commands:
                pipeline.execute_command(*command.words)
            found: list[object] = await pipeline.execute(raise_on_error=False)
        for answer in found:
            if isinstance(answer, Lost | Late):
                raise answer
        return found

    def _well(self) -> None:
        self._failures = 0
        if self._trial:
            self._trial -= 1
        elif self.up:
            self._doubt = max(TRIAL, self._doubt - 1)
        else:
            if Unfit in self._told:
                self._doubt = min(2 * self._doubt, LONGEST)
            self._told.clear()
            log.info("redis.up", server=self.place)
            self._turn(up=True)

    def _failed(self, failed: Failed) -> None:
        unfit = isinstance(failed, Unfit)
        self._failures += 1
        if unfit:
            # It may be at the border of being full: to come and go with it would cost more than to be without.
            self._trial = self._doubt
        elif self._failures < AWAY_AFTER:
            return
        if not self._told or (unfit and Unfit not in self._told):
            self._told.add(type(failed))
            log.warning("redis.away", server=self.place, error=str(failed))
        if self.up:
            self._turn(up=False)

    def _turn(self, *, up: bool) -> None:
        self.up = up
        for tell in self.changed:
            tell(up)


class Beside(Alone):
    """One process that has its store for itself, and a Redis beside it that keeps copies."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def open(self) -> None:
        await self._line.open()

    async def close(self) -> None:
        await self._line.close()


def client(url: str) -> Any:
    """A client that tries everything once: what to do then is decided here, not there."""
    return redis.Redis.from_url(
        url,
        socket_timeout=REACH,
        socket_connect_timeout=REACH,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        client_name="chat-gateway",
    )


def place(url: str) -> str:
    """The address of a server without user and password."""
    scheme, _, rest = url.partition("?")[0].partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
