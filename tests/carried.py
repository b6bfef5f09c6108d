"""Stores of both kinds, backups between them, and what stands in each."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import apsw

from gateway.backup.file import BackupFile, Facts, Row
from gateway.backup.making import make
from gateway.backup.restoring import Restored, Wanted, restore
from gateway.clock import Clock
from gateway.db import Rows, Tx
from gateway.db.opening import open_database
from gateway.settings.process import StorageSettings
from tests import postgres

KINDS = ("sqlite", "postgres")
MOVED = Wanted(moved=True)


def settings(folder: Path, kind: str = "") -> StorageSettings:
    """A store in a folder: of the kind that is tested, unless another one is named."""
    folder.mkdir(exist_ok=True)
    on_server = kind == "postgres" if kind else postgres.CHOSEN
    return StorageSettings(url=postgres.server().database(folder) if on_server else postgres.FILE, files="files")


def silent(what: str, done: int, whole: int) -> None:
    assert 0 <= done <= whole


def made(folder: Path, file: Path, kind: str = "", *, files: bool = True) -> Facts:
    """A backup of the store in a folder, made as by another process."""
    return asyncio.run(make(settings(folder, kind), file, Clock(), silent, files=files, root=folder))


def put(folder: Path, file: Path, wanted: Wanted = MOVED, kind: str = "", progress: Any = silent) -> Restored:
    """A backup goes into the store in a folder."""
    return asyncio.run(restore(settings(folder, kind), file, Clock(), progress, wanted, folder))


async def backup(folder: Path, file: Path, **more: Any) -> Facts:
    return await asyncio.to_thread(made, folder, file, **more)


async def restored(folder: Path, file: Path, wanted: Wanted = MOVED, **more: Any) -> Restored:
    return await asyncio.to_thread(put, folder, file, wanted, **more)


def held(file: Path) -> Mapping[str, set[Row]]:
    """All rows of a backup, by table."""
    backup = BackupFile.open(file)
    found = {table.name: {row for batch in backup.rows(table) for row in batch} for table in backup.tables()}
    backup.close()
    return found


def rows(file: Path, sql: str) -> Rows:
    """What a backup says to whoever asks it by SQL."""
    opened = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return opened.execute(sql).fetchall()
    finally:
        opened.close()


async def change(folder: Path, kind: str, *statements: str) -> None:
    """Write into the store in a folder."""
    db = await open_database(settings(folder, kind).url, folder, 2)

    def all_of_them() -> Tx[None]:
        for sql in statements:
            yield sql, ()

    await db.write(all_of_them)
    await db.close()
