"""One connection to PostgreSQL, made anew when it is lost, and the transactions that are run on it."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import asyncpg  # type: ignore[import-untyped]

from gateway.clock import Clock
from gateway.db import Tx
from gateway.db.postgres_dialect import reading, writing
from gateway.db.postgres_lineage import Lineage
from gateway.db.postgres_server import REACH, connect, lost
from gateway.db.postgres_step import Several, in_step
from gateway.errors import StorageDown
from gateway.failpoint import failpoint

Starts = Sequence[Callable[[], Tx[Any]]]
"""Transactions that are about different things; each can be begun anew."""

BRIEF = "20ms"  # for a lock that is wanted while others are held: two batches may want each other's
UNSURE = 20.0  # seconds in which the fate of a commit that was cut off is asked for
_PAUSE = 0.1
_NOW = "(EXTRACT(EPOCH FROM now()) * 1000)::bigint"
_ENTER = f"INSERT INTO writer (id, number, at) VALUES ($1, 0, {_NOW}) ON CONFLICT DO NOTHING"
_LEAVE = "DELETE FROM writer WHERE id = $1"
_FATE = "SELECT number FROM writer WHERE id = $1 FOR UPDATE"


class Line:
    """A connection for whoever uses it alone. One that writes has a row with the number of its last commit."""

    def __init__(self, url: str, clock: Clock, lineage: Lineage, *, read_only: bool = False) -> None:
        self._url, self._clock, self._lineage, self._read_only = url, clock, lineage, read_only
        self._held: Any = None
        self._name, self._number = clock.new_id(), 0
        self.reached = 0

    async def connection(self, reach: float = REACH) -> Any:
        """The connection. Raises `Unreachable` when none can be made in so many seconds."""
        if self._held is None or self._held.is_closed():
            try:
                self._held = await connect(self._url, read_only=self._read_only, reach=reach, lineage=self._lineage)
                if not self._read_only:
                    await self._held.execute(_ENTER, self._name)
            except StorageDown as error:
                raise Unreachable(str(error)) from None
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
                self.cut()
                raise Unreachable(f"{type(error).__name__}: {error}") from None
        return self._held

    def cut(self) -> None:
        """Nothing can be trusted on this connection any more."""
        if self._held is not None:
            self._held.terminate()
            self._held = None

    async def close(self) -> None:
        if self._held is not None:
            with suppress(Exception):
                if not self._read_only:
                    await self._held.execute(_LEAVE, self._name, timeout=2)
                await self._held.close(timeout=2)
            self.cut()

    async def write(self, groups: Sequence[Starts]) -> list[Any]:
        """Run groups of transactions in order, those of one in step, and commit all of them together.

        When this raises, nothing was kept; `reached` says then which of the groups it was.
        """
        connection = await self.connection()
        self.reached = 0
        try:
            await self._begin(connection, brief=len(groups) > 1 or len(groups[0]) > 1)
            results = []
            for self.reached, starts in enumerate(groups):
                results += await in_step(connection, [start() for start in starts], writing)
            failpoint("commit.before")
        except BaseException as error:
            await self._roll_back(error)
            raise
        await self._commit(connection)
        failpoint("commit.after")
        return results

    async def _begin(self, connection: Any, *, brief: bool) -> None:
        self._number += 1
        patience = f"SET LOCAL lock_timeout = '{BRIEF}';" if brief else ""
        number = f"UPDATE writer SET number = {self._number}, at = {_NOW} WHERE id = '{self._name}'"
        if await connection.execute(f"BEGIN;{patience}{number}") != "UPDATE 1":
            raise ConnectionResetError("our row was taken for one that was left behind")

    async def _commit(self, connection: Any) -> None:
        try:
            done = await connection.execute("COMMIT")
        except Exception as error:
            if not lost(error):
                raise  # the server has said that it did not
            self.cut()
            if not await self._committed():
                raise
        else:
            if done != "COMMIT":
                raise StorageDown(f"the server answered COMMIT with {done}")

    async def _committed(self) -> bool:
        """What became of a commit whose answer was lost. Raises `StorageDown` when nobody can be asked for long.

        The row is locked by whoever has not ended yet. A server that has taken over has the row as it was there.
        """
        until = self._clock.tick() + UNSURE
        while self._clock.tick() < until:
            try:
                return bool(await (await self.connection()).fetchval(_FATE, self._name) == self._number)
            except Unreachable:
                pass
            except Exception as error:
                if lost(error):
                    self.cut()
                elif not isinstance(error, asyncpg.LockNotAvailableError):
                    raise
            await self._clock.sleep(_PAUSE)
        raise StorageDown(f"the connection was lost at a commit, and nobody says within {UNSURE:g} s what became of it")

    async def read(self, starts: Starts) -> list[Any]:
        """Run transactions on one unchanging view of what is committed."""
        connection = await self.connection()
        try:
            await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            results = await in_step(connection, [start() for start in starts], reading)
            await connection.execute("COMMIT")
        except BaseException as error:
            await self._roll_back(error)
            raise
        return results

    async def glance(self, starts: Starts) -> list[Any] | None:
        """Run transactions of one statement each, which needs no more than itself. None: one has several."""
        connection = await self.connection()
        try:
            return await in_step(connection, [start() for start in starts], reading, once=True)
        except Several:
            return None
        except BaseException as error:
            if lost(error) or not isinstance(error, Exception):
                self.cut()
            raise

    async def _roll_back(self, error: BaseException) -> None:
        if self._held is None:
            return
        if lost(error) or not isinstance(error, Exception):
            self.cut()
            return
        try:
            await self._held.execute("ROLLBACK")
        except Exception:
            self.cut()


class Unreachable(StorageDown):
    """No connection can be made now: there is no use in trying once more for each of many."""
