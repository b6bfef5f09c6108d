"""SQLite: one writer thread with group commit, and a few readers."""

import asyncio
import os
import re
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple, ParamSpec, TypeVar

import apsw
import structlog

from gateway.clock import Clock
from gateway.db import Rows, Tx
from gateway.db.sqlite_file import Held, connect, hold
from gateway.errors import StorageDown, StorageFull, StorageSlow
from gateway.failpoint import failpoint

T = TypeVar("T")
P = ParamSpec("P")

READERS = 2
GATHER = 0.0006  # seconds for each member of the last commit: the more there are, the more it pays to wait ...
LONGEST_GATHER = 0.012  # ... but nobody is to notice
SLOW = 5.0  # seconds of one commit, from which on nothing more is asked of the disk until that one is done
MOMENT = 0.5  # seconds
log = structlog.get_logger()

_parameter = re.compile(r"\$(\d+)")
_COUNT, _NUMBER = " RETURNING 1", ") RETURNING id"
_storage_errors = (
    apsw.BusyError,
    apsw.CantOpenError,
    apsw.CorruptError,
    apsw.FullError,
    apsw.IOError,
    apsw.LockedError,
    apsw.NoMemError,
    apsw.NotADBError,
    apsw.PermissionsError,
    apsw.ProtocolError,
    apsw.ReadOnlyError,
)


class _Statement(NamedTuple):
    """SQL as SQLite runs it. What a statement changed is known without asking for rows, which costs as much again."""

    sql: str
    counted: bool = False
    numbered: bool = False


@lru_cache(maxsize=1024)
def _statement(sql: str) -> _Statement:
    sql = _parameter.sub(r"?\1", sql)
    if sql.endswith(_COUNT):
        return _Statement(sql.removesuffix(_COUNT), counted=True)
    if sql.startswith("INSERT") and sql.endswith(_NUMBER):
        return _Statement(sql.removesuffix(_NUMBER) + ")", numbered=True)
    return _Statement(sql)


def _rows(connection: apsw.Connection, sql: str, args: tuple[Any, ...]) -> Rows:
    statement = _statement(sql)
    cursor = connection.execute(statement.sql, args)
    if statement.counted:
        return [(1,)] * connection.changes()
    if statement.numbered:
        return [(connection.last_insert_rowid(),)]
    return cursor.fetchall()


def _meaning(error: apsw.Error) -> StorageDown:
    """An error of the library's as its caller should see it."""
    if isinstance(error, apsw.FullError):
        return StorageFull(str(error))
    return (StorageSlow if isinstance(error, apsw.BusyError | apsw.LockedError) else StorageDown)(str(error))


class _Job(NamedTuple):
    start: Callable[[], Tx[Any]]
    done: "asyncio.Future[Any]"


_Outcome = tuple[bool, Any]


def _run(connection: apsw.Connection, tx: Tx[T]) -> T:
    """Drive one transaction's generator to its end."""
    try:
        sql, args = next(tx)
        while True:
            sql, args = tx.send(_rows(connection, sql, args))
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


def _nothing() -> Tx[None]:
    yield "SELECT 1", ()


class Sqlite:
    """A store in one file. `write` gathers what comes in while the last commit is being flushed."""

    def __init__(self, held: Held) -> None:
        self.path, self._lock, self._writer = held
        self.clock = Clock()
        self._loop = asyncio.get_running_loop()
        self._pending: list[_Job] = []
        self._busy = self._closed = False
        self._slow = False
        self._patience: asyncio.TimerHandle | None = None  # with the commit that runs
        self._crowd = 0  # members of the last commit
        self._batches: SimpleQueue[list[_Job] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="sqlite writer", daemon=True)
        self._thread.start()
        self._local = threading.local()
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="sqlite reader")

    @classmethod
    async def open(cls, path: Path) -> "Sqlite":
        """Open or create the file. Raises `StorageDown` with what to do when it cannot be used."""
        return cls(await asyncio.to_thread(hold, path))

    def write(self, tx: Callable[P, Tx[T]], *args: P.args, **kwargs: P.kwargs) -> "asyncio.Future[T]":
        """Run a transaction; it is on disk when what this returns is done."""
        if self._closed:
            raise StorageDown("the store is closed")
        if self._slow:
            raise StorageSlow(f"a commit has taken longer than {SLOW:g} s")
        return self._ask(lambda: tx(*args, **kwargs))

    def _ask(self, start: Callable[[], Tx[Any]]) -> "asyncio.Future[Any]":
        done = self._loop.create_future()
        self._pending.append(_Job(start, done))
        if not self._busy:
            self._busy = True
            self._gather()
        return done

    def _gather(self) -> None:
        """Let others join the commit: those of this turn of the loop, and in a crowd those of a few milliseconds.

        A commit costs as much as ten members.
        """
        if self._crowd > 1:
            self._loop.call_later(min(self._crowd * GATHER, LONGEST_GATHER), self._dispatch)
        else:
            self._loop.call_soon(self._dispatch)

    async def read(self, tx: Callable[P, Tx[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a transaction on a connection that cannot write."""
        if self._closed:
            raise StorageDown("the store is closed")
        return await self._loop.run_in_executor(self._readers, self._read, lambda: tx(*args, **kwargs))

    async def close(self) -> None:
        """Finish what was asked, take nothing more, fold the log into the file, let go of the lock."""
        if self._closed:
            return
        last = self._ask(_nothing)
        self._closed = True
        await asyncio.wait([last])
        self._batches.put(None)
        await asyncio.to_thread(self._thread.join)
        self._readers.shutdown()
        await asyncio.to_thread(self._finish)

    def _finish(self) -> None:
        try:
            self._writer.execute("DELETE FROM meta WHERE name = 'open'")
            self._writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        except apsw.Error as error:
            # Nothing is lost: whoever opens the file next finds the log beside it.
            log.error("storage.down", error=str(error))
        finally:
            self._writer.close()
            os.close(self._lock)

    def _dispatch(self) -> None:
        batch, self._pending = self._pending, []
        self._patience = self._loop.call_later(SLOW, self._doubt)
        self._batches.put(batch)

    def _doubt(self) -> None:
        """Perhaps it was this process that stood still: then what the disk has done is heard in a moment."""
        self._patience = self._loop.call_later(MOMENT, self._despair)

    def _despair(self) -> None:
        self._slow = True

    def _settle(self, batch: list[_Job], outcomes: list[_Outcome]) -> None:
        if self._patience is not None:
            self._patience.cancel()
        self._patience = None
        self._slow, self._crowd = False, len(batch)
        if self._pending:
            self._gather()
        else:
            self._busy = False
        for (_, done), (well, value) in zip(batch, outcomes, strict=True):
            if done.cancelled():
                continue
            if well:
                done.set_result(value)
            else:
                done.set_exception(value)
                done.exception()  # the caller may be gone; a write that failed alone is no unhandled error

    def _work(self) -> None:
        while (batch := self._batches.get()) is not None:
            outcomes = self._together(batch) or list(self._one_by_one(batch))
            self._loop.call_soon_threadsafe(self._settle, batch, outcomes)

    def _together(self, batch: list[_Job]) -> list[_Outcome] | None:
        """All members in one commit, or nothing at all."""
        connection = self._writer
        try:
            connection.execute("BEGIN IMMEDIATE")
        except apsw.Error as error:
            # Nobody can write now, and asking for each member again would make all of them wait.
            return [(False, _meaning(error)) for _ in batch]
        try:
            outcomes = [(True, _run(connection, start())) for start, _ in batch]
            failpoint("commit.before")
            connection.execute("COMMIT")
            failpoint("commit.after")
        except BaseException:
            self._roll_back()
            return None
        return outcomes

    def _one_by_one(self, batch: list[_Job]) -> Iterable[_Outcome]:
        """One member that fails must not fail its neighbours."""
        for start, _ in batch:
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                value = _run(self._writer, start())
                self._writer.execute("COMMIT")
                yield True, value
            except _storage_errors as error:
                self._roll_back()
                yield False, _meaning(error)
            except BaseException as error:
                self._roll_back()
                yield False, error

    def _roll_back(self) -> None:
        with suppress(apsw.Error):  # SQLite has done it by itself where it says that it cannot
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")

    def _read(self, start: Callable[[], Tx[T]]) -> T:
        try:
            connection: apsw.Connection | None = getattr(self._local, "connection", None)
            if connection is None:
                connection = self._local.connection = connect(self.path, read_only=True)
            try:
                connection.execute("BEGIN")
                return _run(connection, start())
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
        except _storage_errors as error:
            raise _meaning(error) from None
