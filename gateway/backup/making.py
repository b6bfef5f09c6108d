"""Making a backup: the store at one moment, and the files that it names, while a gateway goes on working with it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import apsw

from gateway.backup.file import PIECE, BackupFile, Facts, Row, tables
from gateway.clock import Clock
from gateway.db import sqlite_copy
from gateway.db.sqlite_file import migrate
from gateway.errors import BackupError, StorageDown
from gateway.files import folder
from gateway.settings.process import StorageSettings

Progress = Callable[[str, int, int], None]
"""Told how far something has come: what it is, how much of it is done, and how much there is."""


async def make(
    storage: StorageSettings, path: Path, clock: Clock, progress: Progress, *, files: bool = True, root: Path = Path()
) -> Facts:
    """Write a backup of a store. Nothing is left of one that does not become whole.

    Without `files` their contents are only named. Raises `BackupError` and `StorageDown`.
    """
    made_at = clock.now()
    backup = BackupFile.create(path)
    try:
        served, rows = await _store(storage, backup, progress, root)
        backup.file.execute("DELETE FROM meta WHERE name NOT LIKE 'kept:%'")
        backup.furnish()
        _compare(rows, counted(backup.file))
        held, missing = _contents(backup, root / storage.files, progress) if files else (0, 0)
        facts = Facts(
            clock.new_id(), made_at, version("chat-gateway"), backup.schema, served, rows, held, missing, files
        )
        backup.finish(facts)
    except BaseException as error:
        backup.drop()
        if isinstance(error, apsw.Error | OSError):
            raise BackupError(f"{path}: {error}") from None
        raise
    return facts


def counted(file: apsw.Connection) -> dict[str, int]:
    """How many rows each table holds."""
    found = {}
    for table in tables(file):
        rows: list[Row] = file.execute(f"SELECT count(*) FROM {table.name}").fetchall()
        found[table.name] = rows[0][0]
    return found


def _compare(wanted: Mapping[str, int], found: Mapping[str, int]) -> None:
    if wanted != found:
        raise BackupError(f"the copy does not hold what the store held: {dict(found)} rows, not {dict(wanted)}")


async def _store(
    storage: StorageSettings, backup: BackupFile, progress: Progress, root: Path
) -> tuple[bool, Mapping[str, int]]:
    """Copy the store. Returns whether a gateway was running on it, and how many rows its tables held."""
    if storage.database is None:
        return await _from_server(storage.url, backup, progress)
    path = root / storage.database
    if not path.exists():
        raise StorageDown(f"there is no store at {path.absolute()}")
    served = sqlite_copy.served(path.resolve())
    rows = sqlite_copy.copy(path, backup.file, counted, lambda done, whole: progress("store", done, whole))
    if not rows:
        raise StorageDown(f"{path}: there is no schema in it yet")
    return served, rows


async def _from_server(url: str, backup: BackupFile, progress: Progress) -> tuple[bool, Mapping[str, int]]:
    from gateway.db import postgres_copy  # its driver is for those who have a server

    served, file = await postgres_copy.served(url), backup.file
    file.pragma("synchronous", "off")  # it is flushed when it is whole
    async with postgres_copy.moment(url) as store:
        if not (schema := await store.schema()):
            raise StorageDown("there is no schema in the database yet")
        migrate(file, Path(str(file.filename)), schema)
        ours = tables(file)
        rows = {table.name: await store.count(table.name) for table in ours}
        done = 0
        with file:
            for table in ours:
                marks = ", ".join("?" * len(table.columns))
                async for batch in store.rows(table.name, table.columns):
                    file.executemany(f"INSERT INTO {table.name} VALUES ({marks})", batch)
                    done += len(batch)
                    progress("store", done, sum(rows.values()))
            async for batch in store.rows("meta", ("name", "value"), "name LIKE 'kept:%'"):
                file.executemany("INSERT INTO meta VALUES (?, ?)", batch)
    return served, rows


def _contents(backup: BackupFile, root: Path, progress: Progress) -> tuple[int, int]:
    """Copy the contents of all files that the rows name. Returns how many there were, and how many were gone."""
    named = backup.named()
    held = 0
    for number, sha in enumerate(named):
        with suppress(FileNotFoundError):  # erased since that moment
            backup.add(sha, _pieces(folder.place(root, sha)))
            held += 1
        progress("files", number + 1, len(named))
    return held, len(named) - held


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as content:
        while data := content.read(PIECE):
            yield data
