"""PostgreSQL: a few connections that write, each a batch at a time, and a few that read."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar

from gateway.clock import Clock, ServerClock
from gateway.db import Tx
from gateway.db.postgres_crew import Crew
from gateway.db.postgres_jobs import Job, Outcome, in_groups, job
from gateway.db.postgres_line import Line, Unreachable
from gateway.db.postgres_lineage import Lineage
from gateway.db.postgres_server import PATIENCE, again, meaning, prepare
from gateway.errors import StorageDown
from gateway.tasks import Tasks

T = TypeVar("T")
P = ParamSpec("P")

CONNECTIONS = 8
TRIES = 4  # of a transaction that others were in the way of, or whose connection was lost before it was committed


def _time() -> Tx[int]:
    rows = yield "SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::bigint", ()
    now: int = rows[0][0]
    return now


class Postgres:
    """A store on a server. What is asked to be written within one turn of the loop is one commit, in that order."""

    def __init__(self, writers: Sequence[Line], readers: Sequence[Line]) -> None:
        self._closed = False
        self._several: set[object] = set()  # kinds of transactions of more than one statement, among those that read
        self.clock = ServerClock(lambda: self.read(_time))
        self._tasks = Tasks()
        self._writes = Crew(writers, 1, lambda jobs: [jobs], self._write, self._tasks)
        self._reads = Crew(readers, len(readers), in_groups, self._read, self._tasks)

    @classmethod
    async def open(cls, url: str, connections: int = CONNECTIONS) -> "Postgres":
        """Connect, and bring the schema up to date. Raises `StorageDown` with what to do when that cannot be."""
        await prepare(url)
        clock, lineage, half = Clock(), Lineage(), max(1, connections // 2)
        lines = [Line(url, clock, lineage, read_only=number >= half) for number in range(max(2, connections))]
        try:
            for line in lines:
                await line.connection(PATIENCE)
        except BaseException:
            for line in lines:
                line.cut()
            raise
        store = cls(lines[:half], lines[half:])
        await store.clock.begin()
        return store

    def write(self, tx: Callable[P, Tx[T]], *args: P.args, **kwargs: P.kwargs) -> "asyncio.Future[T]":
        """Run a transaction; it is on the server's disk when what this returns is done."""
        return self._asked(self._writes, tx, args, kwargs)

    async def read(self, tx: Callable[P, Tx[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a transaction that cannot write."""
        # A caller who leaves only forgets the answer: a statement that is cut off would cost its connection.
        result: T = await self._asked(self._reads, tx, args, kwargs)
        return result

    def _asked(
        self, crew: Crew, tx: Callable[..., Tx[Any]], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> "asyncio.Future[Any]":
        if self._closed:
            raise StorageDown("the store is closed")
        asked = job(tx, args, kwargs)
        crew.ask(asked)
        return asked.done

    async def close(self) -> None:
        """Finish what was asked, take nothing more, leave the server."""
        if self._closed:
            return
        self._closed = True
        for crew in (self._writes, self._reads):
            crew.close()
        await self._tasks.wait()

    async def _write(self, line: Line, batch: list[Job]) -> None:
        groups = in_groups(batch)
        if len(groups) == len(batch) or not await self._in_step(line, groups):
            for one, outcome in zip(batch, await self._in_turn(line, batch), strict=True):
                one.settle(outcome)

    async def _in_step(self, line: Line, groups: list[list[Job]]) -> bool:
        """Commit all at once. False: one of them failed, and running them in turn will show which."""
        jobs = [one for group in groups for one in group]
        try:
            values = await line.write([[one.start for one in group] for group in groups])
        except StorageDown as error:
            for one in jobs:
                one.settle((False, StorageDown(str(error))))
        except Exception:
            return False
        else:
            for one, value in zip(jobs, values, strict=True):
                one.settle((True, value))
        return True

    async def _in_turn(self, line: Line, batch: list[Job]) -> list[Outcome]:
        """One member that fails must not fail its neighbours: those before it are run again, then it alone."""
        outcomes: list[Outcome] = []
        size = len(batch)
        while len(outcomes) < len(batch):
            members = batch[len(outcomes) :][:size]
            try:
                if len(members) == 1:
                    outcomes.append(await self._alone(line, members[0]))
                else:
                    outcomes += [(True, value) for value in await line.write([[one.start] for one in members])]
                size = len(batch)
            except StorageDown as error:
                # Nobody can write now, and asking for each of them again would make all of them wait.
                return outcomes + [(False, StorageDown(str(error))) for _ in batch[len(outcomes) :]]
            except Exception:
                size = max(1, line.reached)
        return outcomes

    async def _alone(self, line: Line, one: Job) -> Outcome:
        for left in reversed(range(TRIES)):
            try:
                return True, (await line.write([[one.start]]))[0]
            except Unreachable:
                raise
            except Exception as error:
                if not left or not again(error):
                    return False, meaning(error)
        raise AssertionError("the last try has an end")

    async def _read(self, line: Line, batch: list[Job]) -> None:
        for group in in_groups([one for one in batch if not one.done.cancelled()]):
            for one, outcome in zip(group, await self._seen(line, group), strict=True):
                one.settle(outcome)

    async def _seen(self, line: Line, group: list[Job]) -> list[Outcome]:
        for left in reversed(range(TRIES)):
            try:
                return [(True, value) for value in await self._look(line, group)]
            except Exception as error:
                if len(group) > 1:
                    return [(await self._seen(line, [one]))[0] for one in group]
                if not left or not again(error):
                    return [(False, meaning(error))]
        raise AssertionError("the last try has an end")

    async def _look(self, line: Line, group: list[Job]) -> list[Any]:
        starts, kind = [one.start for one in group], group[0].kind
        if kind not in self._several:
            if (found := await line.glance(starts)) is not None:
                return found
            self._several.add(kind)
        return await line.read(starts)
