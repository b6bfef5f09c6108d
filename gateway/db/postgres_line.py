"""One connection to PostgreSQL, made anew when it is lost, and the transactions that are run on it."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from gateway.clock import Clock
from gateway.db import Rows, Tx
from gateway.db.postgres_dialect import reading, values, widened, writing
from gateway.db.postgres_server import REACH, connect, lost
from gateway.errors import StorageDown
from gateway.failpoint import failpoint

T = TypeVar("T")

BRIEF = "20ms"  # for a lock that is wanted while others are held: two batches may want each other's
UNSURE = 20.0  # seconds in which the fate of a commit that was cut off is asked for
_PAUSE = 0.1
_FATE = "SELECT pg_xact_status($1::text::xid8)"


class Line:
    """A connection for whoever uses it alone."""

    def __init__(self, url: str, clock: Clock, *, read_only: bool = False) -> None:
        self._url, self._clock, self._read_only = url, clock, read_only
        self._held: Any = None
        self.reached = 0

    async def connection(self, reach: float = REACH) -> Any:
        """The connection. Raises `Unreachable` when none can be made in so many seconds."""
        if self._held is None or self._held.is_closed():
            try:
                self._held = await connect(self._url, read_only=self._read_only, reach=reach)
            except StorageDown as error:
                raise Unreachable(str(error)) from None
        return self._held

    def cut(self) -> None:
        """Nothing can be trusted on this connection any more."""
        if self._held is not None:
            self._held.terminate()
            self._held = None

    async def close(self) -> None:
        if self._held is not None:
            with suppress(Exception):
                await self._held.close(timeout=2)
            self.cut()

    async def write(self, starts: Sequence[Callable[[], Tx[Any]]]) -> list[Any]:
        """Run transactions in order, and commit them together; when this raises, nothing of any of them was kept.

        `reached` says then which of them it was.
        """
        connection = await self.connection()
        self.reached = 0
        try:
            brief = f"; SET LOCAL lock_timeout = '{BRIEF}'" if len(starts) > 1 else ""
            await connection.execute(f"BEGIN{brief}")
            number = await connection.fetchval("SELECT pg_current_xact_id()::text")
            results = []
            for self.reached, start in enumerate(starts):
                results.append(await _run(connection, start(), writing))
            failpoint("commit.before")
        except BaseException as error:
            await self._roll_back(error)
            raise
        await self._commit(connection, number)
        failpoint("commit.after")
        return results

    async def _commit(self, connection: Any, number: str) -> None:
        try:
            done = await connection.execute("COMMIT")
        except Exception as error:
            if not lost(error):
                raise  # the server has said that it did not
            self.cut()
            if not await self._committed(number):
                raise
        else:
            if done != "COMMIT":
                raise StorageDown(f"the server answered COMMIT with {done}")

    async def _committed(self, number: str) -> bool:
        """What became of a commit whose answer was lost. Raises `StorageDown` when nobody can be asked for long."""
        until = self._clock.tick() + UNSURE
        while self._clock.tick() < until:
            try:
                fate = await (await self.connection()).fetchval(_FATE, number)
            except Unreachable:
                fate = None
            except Exception as error:
                if not lost(error):
                    return False  # a server that has never heard of it: another one than before
                self.cut()
                fate = None
            if fate in ("committed", "aborted"):
                return bool(fate == "committed")
            await self._clock.sleep(_PAUSE)
        raise StorageDown(f"the connection was lost at a commit, and nobody says within {UNSURE:g} s what became of it")

    async def read(self, start: Callable[[], Tx[T]]) -> T:
        """Run a transaction on one unchanging view of what is committed."""
        connection = await self.connection()
        try:
            await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            result = await _run(connection, start(), reading)
            await connection.execute("COMMIT")
        except BaseException as error:
            await self._roll_back(error)
            raise
        return result

    async def glance(self, start: Callable[[], Tx[T]]) -> tuple[T] | None:
        """Run a transaction of one statement, which needs no more than itself. None: it has several."""
        connection = await self.connection()
        tx = start()
        try:
            try:
                sql, args = next(tx)
                tx.send(await rows_of(connection, reading(sql), args))
            except StopIteration as end:
                return (end.value,)
        except BaseException as error:
            if lost(error) or not isinstance(error, Exception):
                self.cut()
            raise
        tx.close()
        return None

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


_fitted: dict[str, str] = {}  # statements as the server understands them best; there are a few hundred


async def rows_of(connection: Any, sql: str, args: tuple[Any, ...]) -> Rows:
    """What a statement, written for PostgreSQL, finds."""
    fitted = _fitted.get(sql)
    if fitted is None:
        prepared = await connection.prepare(sql)
        fitted = _fitted[sql] = widened(sql, [one.name for one in prepared.get_parameters()])
    return [tuple(row) for row in await connection.fetch(fitted, *values(args))]


async def _run(connection: Any, tx: Tx[T], dialect: Callable[[str], str]) -> T:
    """Drive one transaction's generator to its end."""
    try:
        sql, args = next(tx)
        while True:
            sql, args = tx.send(await rows_of(connection, dialect(sql), args))
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
