"""SQLite: one writer thread with group commit, a few readers, one process for each file."""

import asyncio
import fcntl
import os
import re
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple, ParamSpec, TypeVar

import apsw

from gateway.db import Rows, Tx, migrations
from gateway.errors import StorageDown
from gateway.failpoint import failpoint

T = TypeVar("T")
P = ParamSpec("P")

PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": 2,  # FULL: with NORMAL a power loss takes back commits that were acknowledged
    "foreign_keys": 1,
    "secure_delete": 1,
    "trusted_schema": 0,
    "cell_size_check": 1,
    "journal_size_limit": 64 * 1024 * 1024,
    "wal_autocheckpoint": 4000,
    "busy_timeout": 5000,
}
READERS = 2
LARGEST_CHECKED = 1 << 30  # bytes; a longer check after an unclean stop would keep the users waiting

_numbered = re.compile(r"\$(\d+)")
_storage_errors = (
    apsw.FullError,
    apsw.IOError,
    apsw.BusyError,
    apsw.ReadOnlyError,
    apsw.CantOpenError,
    apsw.NoMemError,
)


@lru_cache(maxsize=1024)
def _dialect(sql: str) -> str:
    return _numbered.sub(r"?\1", sql)


class _Job(NamedTuple):
    start: Callable[[], Tx[Any]]
    done: "asyncio.Future[Any]"


_Outcome = tuple[bool, Any]


def _run(connection: apsw.Connection, tx: Tx[T]) -> T:
    """Drive one transaction's generator to its end."""
    try:
        sql, args = next(tx)
        while True:
            rows: Rows = connection.execute(_dialect(sql), args).fetchall()
            sql, args = tx.send(rows)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


def _nothing() -> Tx[None]:
    yield "SELECT 1", ()


def _connect(path: Path, *, read_only: bool = False) -> apsw.Connection:
    connection = apsw.Connection(str(path), statementcachesize=256)
    for name, wanted in PRAGMAS.items():
        connection.execute(f"PRAGMA {name} = {wanted}").fetchall()
        found = connection.pragma(name)
        if found != wanted:
            raise StorageDown(f"{path}: PRAGMA {name} is {found}, not {wanted}; is this a local disk?")
    if read_only:
        connection.execute("PRAGMA query_only = 1")
    return connection


def _migrate(connection: apsw.Connection, path: Path) -> None:
    steps = migrations()
    current = connection.pragma("user_version")
    if current > steps[-1][0]:
        raise StorageDown(
            f"{path}: its schema is version {current}, this program knows up to {steps[-1][0]}; "
            "run the newer program, or restore the backup made before the upgrade"
        )
    for number, sql in steps:
        if number > current:
            with connection:
                connection.execute(_strict(sql))
                connection.execute(f"PRAGMA user_version = {number}")


def _strict(sql: str) -> str:
    return re.sub(r"^\);", ") STRICT;", sql, flags=re.MULTILINE)


def _settle_boot(connection: apsw.Connection, path: Path) -> None:
    """Take over from the process that was here before: its leases are void, its sends in flight are in doubt."""
    with connection:
        unclean = connection.execute("SELECT 1 FROM meta WHERE name = 'open'").fetchall()
        connection.execute("INSERT INTO meta VALUES ('open', '1') ON CONFLICT DO NOTHING")
        connection.execute("UPDATE outbox SET state = 'unknown', unknowns = unknowns + 1 WHERE state = 'sending'")
        connection.execute("UPDATE lane SET in_holder = NULL, in_due_at = 0 WHERE in_holder IS NOT NULL")
        connection.execute("UPDATE lane SET out_holder = NULL, out_due_at = 0 WHERE out_holder IS NOT NULL")
    if unclean and path.stat().st_size <= LARGEST_CHECKED:
        result = connection.pragma("quick_check")
        if result != "ok":
            raise StorageDown(f"{path}: damaged ({result}); restore a backup")


class Sqlite:
    """A store in one file. `write` gathers what comes in while the last commit is being flushed."""

    def __init__(self, path: Path, lock: int, writer: apsw.Connection) -> None:
        self.path = path
        self._lock, self._writer = lock, writer
        self._loop = asyncio.get_running_loop()
        self._pending: list[_Job] = []
        self._busy = self._closed = False
        self._batches: SimpleQueue[list[_Job] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="sqlite writer", daemon=True)
        self._thread.start()
        self._local = threading.local()
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="sqlite reader")

    @classmethod
    async def open(cls, path: Path) -> "Sqlite":
        """Open or create the file. Raises `StorageDown` with what to do when it cannot be used."""
        return cls(path, *await asyncio.to_thread(cls._prepare, path))

    @staticmethod
    def _prepare(path: Path) -> tuple[int, apsw.Connection]:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StorageDown(f"{path}: {error.strerror}; choose another storage.url or mend the permissions") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            raise StorageDown(f"{path}: another gateway is running on this store") from None
        try:
            connection = _connect(path)
            connection.execute("CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT")
            _migrate(connection, path)
            _settle_boot(connection, path)
        except apsw.Error as error:
            os.close(lock)
            raise StorageDown(f"{path}: {error}") from None
        except BaseException:
            os.close(lock)
            raise
        return lock, connection

    async def write(self, tx: Callable[P, Tx[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a transaction; it is on disk when this returns."""
        if self._closed:
            raise StorageDown("the store is closed")
        done = self._loop.create_future()
        self._pending.append(_Job(lambda: tx(*args, **kwargs), done))
        if not self._busy:
            # Whatever else this turn of the loop wants to write joins the same commit.
            self._busy = True
            self._loop.call_soon(self._dispatch)
        return await done  # type: ignore[no-any-return]

    async def read(self, tx: Callable[P, Tx[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a transaction on a connection that cannot write."""
        return await self._loop.run_in_executor(self._readers, self._read, lambda: tx(*args, **kwargs))

    async def close(self) -> None:
        """Finish what was asked, fold the log into the file, let go of the lock."""
        if self._closed:
            return
        while self._busy:
            await self.write(_nothing)
        self._closed = True
        self._batches.put(None)
        await asyncio.to_thread(self._thread.join)
        self._readers.shutdown()
        await asyncio.to_thread(self._finish)

    def _finish(self) -> None:
        self._writer.execute("DELETE FROM meta WHERE name = 'open'")
        self._writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        self._writer.close()
        os.close(self._lock)

    def _dispatch(self) -> None:
        batch, self._pending = self._pending, []
        self._batches.put(batch)

    def _settle(self, batch: list[_Job], outcomes: list[_Outcome]) -> None:
        if self._pending:
            self._dispatch()
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
                yield False, StorageDown(str(error))
            except BaseException as error:
                self._roll_back()
                yield False, error

    def _roll_back(self) -> None:
        if self._writer.in_transaction:
            self._writer.execute("ROLLBACK")

    def _read(self, start: Callable[[], Tx[T]]) -> T:
        connection: apsw.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = _connect(self.path, read_only=True)
        try:
            connection.execute("BEGIN")
            return _run(connection, start())
        except _storage_errors as error:
            raise StorageDown(str(error)) from None
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
