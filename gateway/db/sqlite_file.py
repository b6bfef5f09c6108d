"""The file of a SQLite store: one process has it, its settings hold, its schema is ours, what was left is settled."""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import apsw

from gateway.db import migrations
from gateway.errors import StorageDown
from gateway.failpoint import failpoint

BUSY = 1500  # ms; some platforms wait three seconds for our answer, then the event is lost
PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": 2,  # FULL: with NORMAL a power loss takes back commits that were acknowledged
    "foreign_keys": 1,
    "secure_delete": 1,
    "trusted_schema": 0,
    "cell_size_check": 1,
    "journal_size_limit": 64 * 1024 * 1024,
    "cache_size": -16_000,  # KiB
    "wal_autocheckpoint": 4000,
    "busy_timeout": BUSY,
}
PATIENCE = 10_000  # ms; while we start nobody waits for us, and somebody may be reading the file
LARGEST_CHECKED = 1 << 30  # bytes; a longer check after an unclean stop would keep the users waiting


class Held(NamedTuple):
    """A file that is ours: where it really is, its lock as a descriptor, and the one connection that writes."""

    path: Path
    lock: int
    writer: apsw.Connection


def hold(path: Path) -> Held:
    """Open or create the file, alone, its schema up to date. Raises `StorageDown` with what to do."""
    path = path.resolve()  # by whatever name it is called, it has one lock
    lock = _lock(path)
    writer: apsw.Connection | None = None
    try:
        writer = connect(path)
        writer.set_busy_timeout(PATIENCE)
        migrate(writer, path)
        _settle_boot(writer, path)
        writer.set_busy_timeout(BUSY)
    except BaseException as error:
        if writer is not None:
            writer.close()
        os.close(lock)
        if isinstance(error, apsw.Error):
            raise StorageDown(f"{path}: {error}") from None
        raise
    return Held(path, lock, writer)


def _lock(path: Path) -> int:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        # What people say is nobody else's to read; the files of the log take over the mode of this one.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StorageDown(f"{path}: {error.strerror}; choose another storage.url or mend the permissions") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise StorageDown(f"{path}: another gateway is running on this store") from None
    return lock


def connect(path: Path, *, read_only: bool = False) -> apsw.Connection:
    """A connection whose settings have been read back."""
    connection = apsw.Connection(str(path), statementcachesize=256)
    connection.set_busy_timeout(PATIENCE)
    # A new file passes through a rollback journal on its way to the log. Were its removal not on disk, a power loss
    # could bring it back, and with it the empty file.
    connection.execute("PRAGMA synchronous = EXTRA")
    for name, wanted in PRAGMAS.items():
        connection.execute(f"PRAGMA {name} = {wanted}").fetchall()
        found = connection.pragma(name)
        if found != wanted:
            raise StorageDown(f"{path}: PRAGMA {name} is {found}, not {wanted}; is this a local disk?")
    if read_only:
        connection.execute("PRAGMA query_only = 1")
    return connection


def migrate(connection: apsw.Connection, path: Path, upto: int | None = None) -> None:
    """Bring the schema of a file up to date, or to an earlier step. Raises `StorageDown` when it is a newer one."""
    connection.execute("CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT")
    steps = migrations()
    current = connection.pragma("user_version")
    if current > steps[-1][0]:
        raise StorageDown(
            f"{path}: its schema is version {current}, this program knows up to {steps[-1][0]}; "
            "run the newer program, or restore the backup made before the upgrade"
        )
    for number, sql in steps:
        if current < number <= (upto or number):
            with _whole(connection):
                connection.execute(_strict(sql))
                failpoint("migration.step")
                connection.execute(f"PRAGMA user_version = {number}")


@contextmanager
def _whole(connection: apsw.Connection) -> Iterator[None]:
    """A transaction that waits for its turn at the beginning: who has read and then wants to write is refused at once.
    (The library's own waits with the interpreter in its hands.)
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite has done it by itself where it says that it cannot go on
            connection.execute("ROLLBACK")
        raise


def _strict(sql: str) -> str:
    """Other databases are strict by nature, and keep the rows of a table apart from its keys."""
    sql = re.sub(r"^\);", ") STRICT;", sql, flags=re.MULTILINE)
    return sql.replace(")/*WITHOUT ROWID*/;", ") STRICT, WITHOUT ROWID;")


def _settle_boot(connection: apsw.Connection, path: Path) -> None:
    """Take over from the process that was here before: its leases are void, its sends in flight are in doubt."""
    with _whole(connection):
        unclean = connection.execute("SELECT 1 FROM meta WHERE name = 'open'").fetchall()
        connection.execute("INSERT INTO meta VALUES ('open', '1') ON CONFLICT DO NOTHING")
        # What the partial indexes are made of is said again, so that they are used: an outbox is long.
        connection.execute(
            """UPDATE outbox SET state = 'unknown', unknowns = unknowns + 1
                 WHERE state IN ('ready', 'sending', 'unknown') AND state = 'sending'"""
        )
        for box in ("in", "out"):
            connection.execute(
                f"""UPDATE lane SET {box}_holder = NULL, {box}_due_at = 0
                      WHERE {box}_due_at IS NOT NULL AND {box}_holder IS NOT NULL"""
            )
    if unclean and path.stat().st_size <= LARGEST_CHECKED:
        result = connection.pragma("quick_check")
        if result != "ok":
            raise StorageDown(f"{path}: damaged ({result}); restore a backup")
