"""A SQLite store as it is at one moment, copied page by page while a gateway goes on writing to it."""

import fcntl
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import apsw

from gateway.db.sqlite_file import connect
from gateway.errors import StorageDown

PAGES = 1_000  # in one step


def copy(
    path: Path,
    target: apsw.Connection,
    count: Callable[[apsw.Connection], Mapping[str, int]],
    step: Callable[[int, int], None],
) -> Mapping[str, int]:
    """Copy a store into an empty file. Returns what `count` found in it at that moment. Raises `StorageDown`."""
    try:
        source = connect(path, read_only=True)
        try:
            # A copy begins anew whenever somebody else writes, unless its reader stays at one moment.
            source.execute("BEGIN")
            counted = count(source)
            with target.backup("main", source, "main") as copying:
                while not copying.done:
                    copying.step(PAGES)
                    step(copying.page_count - copying.remaining, copying.page_count)
            return counted
        finally:
            source.close()
    except apsw.Error as error:
        raise StorageDown(f"{path}: {error}") from None


def served(path: Path) -> bool:
    """Whether a gateway is running on the store in a file."""
    try:
        lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StorageDown(f"{path}: {error.strerror}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(lock)
    return False
