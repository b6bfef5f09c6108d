"""Restoring: a backup goes into an empty store of either kind, in steps that are gone on with after a crash."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import apsw
import msgspec

from gateway import recovery
from gateway.backup import steps
from gateway.backup.file import BackupFile, Facts, Row, Table
from gateway.backup.making import Progress
from gateway.clock import Clock
from gateway.db import Database, migrations
from gateway.db.opening import open_database
from gateway.db.sqlite_file import migrate
from gateway.errors import BackupError
from gateway.files import folder
from gateway.files.store import FileStore
from gateway.settings.process import StorageSettings


class Wanted(NamedTuple):
    """How a store is to go on. `moved`: nothing has happened since the backup was made. Else what was said up to
    `until` (ms, 0 for now) may have been answered meanwhile. Who was `erased` (tombstones) is erased again.
    """

    moved: bool = False
    until: int = 0
    erased: frozenset[bytes] = frozenset()


class Restored(NamedTuple):
    """What there is now. `missing` are the contents of files that are nowhere; `erased` the people to be erased."""

    facts: Facts
    rows: Mapping[str, int]
    files: int
    missing: int
    until: int
    erased: int


class _Place(msgspec.Struct, frozen=True):
    """How far a restore has come, in the store itself."""

    backup: str
    moved: bool
    until: int
    table: str = ""
    rows: int = 0


async def restore(
    storage: StorageSettings, path: Path, clock: Clock, progress: Progress, wanted: Wanted, root: Path = Path()
) -> Restored:
    """Fill an empty store from a backup, or go on with that. Raises `BackupError` and `StorageDown`."""
    backup = BackupFile.open(path)
    try:
        if wanted.moved and backup.facts.served:
            raise BackupError("a gateway was running when this backup was made, and has gone on since: omit --moved")
        if storage.database is None:
            await _alone(storage.url)
        db = await open_database(storage.url, root, 2)
        try:
            with _current(backup, path, root / storage.home) as current:
                restoring = _Restoring(storage, root, db, current, clock, progress)
                return await restoring.run(wanted)
        finally:
            await db.close()
    except apsw.Error as error:
        raise BackupError(f"{path}: {error}") from None
    except OSError as error:
        raise BackupError(str(error)) from None
    finally:
        backup.close()


async def _alone(url: str) -> None:
    from gateway.db import postgres_copy  # its driver is for those who have a server

    if await postgres_copy.served(url):
        raise BackupError("another gateway is connected to this database: stop it first")


@contextmanager
def _current(backup: BackupFile, path: Path, home: Path) -> Iterator[BackupFile]:
    """The backup with the schema of this program: itself, or a copy that is brought up to date."""
    if backup.schema == migrations()[-1][0]:
        yield backup
        return
    with tempfile.TemporaryDirectory(prefix="restore-", dir=home if home.exists() else None) as beside:
        copy = BackupFile(path, apsw.Connection(str(Path(beside) / "copy.db")))
        with copy.file.backup("main", backup.file, "main") as copying:
            copying.step()
        try:
            migrate(copy.file, path)
            yield copy
        finally:
            copy.close()


class _Restoring:
    def __init__(
        self, storage: StorageSettings, root: Path, db: Database, backup: BackupFile, clock: Clock, progress: Progress
    ) -> None:
        self._storage, self._folder = storage, root / storage.files
        self._db, self._backup, self._facts = db, backup, backup.facts
        self._clock, self._progress = clock, progress

    async def run(self, wanted: Wanted) -> Restored:
        tables = self._backup.tables()
        place = await self._begin(tables, wanted)
        files, missing = await self._contents()
        rows = await self._rows(tables, place)
        await self._db.write(steps.remember, self._backup.kept())
        erased = await self._erased(wanted.erased)
        found = {table.name: await self._db.read(steps.count, table.name) for table in tables}
        if {**found, "erased": 0} != {**rows, "erased": 0}:  # of those there may be more by now
            raise BackupError(f"the store does not hold what the backup holds: {found} rows, not {rows}")
        until = 0 if place.moved else place.until
        if self._storage.database is None:
            from gateway.db import postgres_copy

            ahead = recovery.PARTS if until else 0
            await postgres_copy.number(self._storage.url, [table.name for table in tables if table.numbered], ahead)
        await self._db.write(steps.finish, until, self._clock.now())
        return Restored(self._facts, rows, files, missing, until, erased)

    async def _begin(self, tables: Sequence[Table], wanted: Wanted) -> _Place:
        """Where to go on. Raises `BackupError` when there is anything else in the store."""
        if before := await self._db.read(recovery.place):
            place = msgspec.json.decode(before, type=_Place)
            if (place.backup, place.moved) != (self._facts.id, wanted.moved):
                raise BackupError("another restore was begun here: go on with that one, or begin with an empty store")
            return place
        for table in tables:
            if await self._db.read(steps.holds_any, table.name):
                raise BackupError(f"the store is not empty: there is something in its table {table.name}")
        place = _Place(self._facts.id, wanted.moved, wanted.until or self._clock.now())
        await self._db.write(recovery.reached, msgspec.json.encode(place).decode())
        return place

    async def _contents(self) -> tuple[int, int]:
        """Put contents in their places, before rows name them. Returns how many there are, and how many are nowhere."""
        store, contents = FileStore(self._db, self._clock, self._folder), self._backup.contents()
        for number, sha in enumerate(contents):
            if not folder.place(self._folder, sha).exists():
                await self._content(store, sha)
            self._progress("files", number + 1, len(contents))
        missing = sum(not folder.place(self._folder, sha).exists() for sha in self._backup.named())
        return len(contents), missing

    async def _content(self, store: FileStore, sha: str) -> None:
        draft = await store.draft()
        try:
            for data in self._backup.pieces(sha):
                draft.write(data)
            if draft.keep(self._folder) != sha:
                raise BackupError(f"the file {sha} is not what it was when the backup was made")
        finally:
            draft.drop()

    async def _rows(self, tables: Sequence[Table], place: _Place) -> dict[str, int]:
        """Carry over what is not there yet. Returns how many rows each table has to hold."""
        done, reached = {}, not place.table
        for table in tables:
            reached = reached or table.name == place.table
            done[table.name] = 0 if reached else self._facts.rows.get(table.name, 0)
            if reached:
                done[table.name] = place.rows if table.name == place.table else 0
                await self._table(table, place, done)
        return done

    async def _table(self, table: Table, place: _Place, done: dict[str, int]) -> None:
        whole = sum(self._facts.rows.values())
        for batch in self._backup.rows(table, done[table.name]):
            done[table.name] += len(batch)
            reached = msgspec.structs.replace(place, table=table.name, rows=done[table.name])
            rows = self._changed(table, batch, moved=place.moved)
            await self._db.write(steps.put, table, rows, msgspec.json.encode(reached).decode())
            self._progress("store", sum(done.values()), whole)

    def _changed(self, table: Table, batch: Sequence[Row], *, moved: bool) -> Sequence[Row]:
        if table.name not in recovery.CHANGED:
            return batch
        change, now = recovery.moved if moved else recovery.recovered, self._clock.now()
        return [tuple(change(table.name, dict(zip(table.columns, row, strict=True)), now).values()) for row in batch]

    async def _erased(self, tombstones: frozenset[bytes]) -> int:
        """Who was erased after the backup was made is erased once more, as soon as a gateway runs."""
        again: set[bytes] = set()
        after = ""
        while tombstones:
            some, after = await self._db.write(steps.erase_again, tombstones, after, self._clock.now())
            again |= some
            if not after:
                break
        return len(again)


def tombstones(path: Path) -> frozenset[bytes]:
    """Who was erased, as a later backup or the file of a store knows it. Raises `BackupError`."""
    try:
        file = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            return frozenset(person for (person,) in file.execute("SELECT person FROM erased"))
        finally:
            file.close()
    except apsw.Error as error:
        raise BackupError(f"{path}: {error}") from None
