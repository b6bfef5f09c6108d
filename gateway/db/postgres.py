"""PostgreSQL: a few connections that write, each a batch at a time, and a few that read."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, ParamSpec, TypeVar

from gateway.clock import Clock, ServerClock
from gateway.db import Tx
from gateway.db.postgres_line import Line, Unreachable
from gateway.db.postgres_server import PATIENCE, again, meaning, prepare
from gateway.errors import StorageDown
from gateway.tasks import Tasks

T = TypeVar("T")
P = ParamSpec("P")

CONNECTIONS = 8
TRIES = 4  # of a transaction that others were in the way of, or whose connection was lost before it was committed


class _Job(NamedTuple):
    start: Callable[[], Tx[Any]]
    tx: object  # what it is known by
    done: "asyncio.Future[Any]"


_Outcome = tuple[bool, Any]


def _time() -> Tx[int]:
    rows = yield "SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::bigint", ()
    now: int = rows[0][0]
    return now


_Queue = asyncio.Queue[list[_Job] | None]


class Postgres:
    """A store on a server. What is asked for within one turn of the loop is one commit, in that order.

    While all connections are busy whatever comes in waits, and joins the next commit: the busier, the fewer of them.
    """

    def __init__(self, writers: Sequence[Line], readers: Sequence[Line]) -> None:
        self._loop = asyncio.get_running_loop()
        self._pending: list[_Job] = []
        self._closed = False
        self._writes, self._reads = _Queue(), _Queue()
        self._waiting = 0
        self._following: asyncio.Task[None] | None = None
        self._several: set[object] = set()  # transactions of more than one statement, among those that read
        self._writers, self._readers = len(writers), len(readers)
        self.clock = ServerClock(lambda: self.read(_time))
        self._tasks = Tasks()
        for line in writers:
            self._tasks.start(self._work(self._writes, line, self._write), "writer")
        for line in readers:
            self._tasks.start(self._work(self._reads, line, self._read), "reader")

    @classmethod
    async def open(cls, url: str, connections: int = CONNECTIONS) -> "Postgres":
        """Connect, and bring the schema up to date. Raises `StorageDown` with what to do when that cannot be."""
        await prepare(url)
        clock, half = Clock(), max(1, connections // 2)
        lines = [Line(url, clock, read_only=number >= half) for number in range(max(2, connections))]
        try:
            for line in lines:
                await line.connection(PATIENCE)
        except BaseException:
            for line in lines:
                line.cut()
            raise
        store = cls(lines[:half], lines[half:])
        await store.clock.ask()
        store._following = store._tasks.start(store.clock.follow(), "clock")
        return store

    def write(self, tx: Callable[P, Tx[T]], *args: P.args, **kwargs: P.kwargs) -> "asyncio.Future[T]":
        """Run a transaction; it is on the server's disk when what this returns is done."""
        if self._closed:
            raise StorageDown("the store is closed")
        done = self._loop.create_future()
        if not self._pending:
            self._loop.call_soon(self._dispatch)
        self._pending.append(_Job(lambda: tx(*args, **kwargs), tx, done))
        return done

    def _dispatch(self) -> None:
        batch, self._pending = self._pending, []
        self._waiting += len(batch)
        self._writes.put_nowait(batch)

    async def read(self, tx: Callable[P, Tx[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a transaction that cannot write."""
        if self._closed:
            raise StorageDown("the store is closed")
        done = self._loop.create_future()
        # A caller who leaves only forgets the answer: a statement that is cut off would cost its connection.
        self._reads.put_nowait([_Job(lambda: tx(*args, **kwargs), getattr(tx, "__code__", tx), done)])
        result: T = await done
        return result

    async def close(self) -> None:
        """Finish what was asked, take nothing more, leave the server."""
        if self._closed:
            return
        self._closed = True
        if self._following is not None:
            self._following.cancel()
        if self._pending:
            self._dispatch()
        for queue, workers in ((self._writes, self._writers), (self._reads, self._readers)):
            for _ in range(workers):
                queue.put_nowait(None)
        await self._tasks.wait()

    async def _work(self, queue: _Queue, line: Line, serve: "_Serve") -> None:
        try:
            while (batch := await queue.get()) is not None:
                await serve(line, batch)
        finally:
            await line.close()

    async def _write(self, line: Line, batch: list[_Job]) -> None:
        batch = self._joined(batch)
        for job, outcome in zip(batch, await self._committed(line, batch), strict=True):
            _settle(job.done, outcome)

    def _joined(self, batch: list[_Job]) -> list[_Job]:
        """A batch, and others that wait as long as that is this connection's share."""
        share = self._waiting // self._writers
        batch = list(batch)
        while len(batch) < share and not self._writes.empty():
            more = self._writes.get_nowait()
            if more is None:
                self._writes.put_nowait(None)  # for another one, or for us once more
                break
            batch += more
        self._waiting -= len(batch)
        return batch

    async def _committed(self, line: Line, batch: list[_Job]) -> list[_Outcome]:
        """One member that fails must not fail its neighbours: those before it are run again, then it alone."""
        outcomes: list[_Outcome] = []
        size = len(batch)
        while len(outcomes) < len(batch):
            members = batch[len(outcomes) :][:size]
            try:
                if len(members) == 1:
                    outcomes.append(await self._alone(line, members[0]))
                else:
                    outcomes += [(True, value) for value in await line.write([job.start for job in members])]
                size = len(batch)
            except StorageDown as error:
                # Nobody can write now, and asking for each of them again would make all of them wait.
                return outcomes + [(False, StorageDown(str(error))) for _ in batch[len(outcomes) :]]
            except Exception:
                size = max(1, line.reached)
        return outcomes

    async def _alone(self, line: Line, job: _Job) -> _Outcome:
        for left in reversed(range(TRIES)):
            try:
                return True, (await line.write([job.start]))[0]
            except Unreachable:
                raise
            except Exception as error:
                if not left or not again(error):
                    return False, meaning(error)
        raise AssertionError("the last try has an end")

    async def _read(self, line: Line, batch: list[_Job]) -> None:
        for job in batch:
            if not job.done.cancelled():
                _settle(job.done, await self._seen(line, job))

    async def _seen(self, line: Line, job: _Job) -> _Outcome:
        for left in reversed(range(TRIES)):
            try:
                if job.tx not in self._several:
                    if (found := await line.glance(job.start)) is not None:
                        return True, found[0]
                    self._several.add(job.tx)
                return True, await line.read(job.start)
            except Exception as error:
                if not left or not again(error):
                    return False, meaning(error)
        raise AssertionError("the last try has an end")


_Serve = Callable[[Line, list[_Job]], Awaitable[None]]


def _settle(done: "asyncio.Future[Any]", outcome: _Outcome) -> None:
    if done.cancelled():
        return
    well, value = outcome
    if well:
        done.set_result(value)
    else:
        done.set_exception(value)
        done.exception()  # the caller may be gone; a write that failed alone is no unhandled error
