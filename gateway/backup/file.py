"""The file of a backup: a SQLite database with our tables, which any client can read, whatever it was made of.

Beside our tables it holds `backup`, what is known of it, and `content`, the files of storage.files in pieces. It is
written under another name and takes its own when it is whole: half a backup never looks like one.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import apsw
import msgspec

from gateway.errors import BackupError

MARK = 0x67776261  # what SQLite calls the id of the application
PIECE = 1 << 20  # bytes of a file's content in one row
ROWS, BYTES = 500, 4 << 20  # of one batch at most
VALUES = 10_000  # of one batch at most: databases count the parameters of a statement
_OURS = ("meta", "backup", "content", "tenure", "writer")  # what is no row to be counted and carried over
_BESIDE = """CREATE TABLE backup (facts TEXT NOT NULL) STRICT;
    CREATE TABLE content (sha256 TEXT NOT NULL, piece INTEGER NOT NULL, data BLOB NOT NULL,
      PRIMARY KEY (sha256, piece)) STRICT, WITHOUT ROWID"""

Row = tuple[Any, ...]


class Facts(msgspec.Struct, frozen=True):
    """What is known of a backup. `made_at` in ms, `rows` by table; `served`: a gateway was running on the store."""

    id: str
    made_at: int
    version: str
    schema: int
    served: bool
    rows: Mapping[str, int]
    files: int = 0
    missing: int = 0
    with_files: bool = True


class Table(NamedTuple):
    """A table of ours. `key` is what its rows are read in the order of; `numbered`: the database gives them numbers."""

    name: str
    columns: Sequence[str]
    key: str
    numbered: bool


class BackupFile:
    """A backup that is being made, or that is there to be read."""

    def __init__(self, path: Path, file: apsw.Connection) -> None:
        self._path, self.file = path, file

    @classmethod
    def create(cls, path: Path) -> "BackupFile":
        """Begin one, readable to its owner alone. Raises `BackupError` when there is a file of that name already."""
        if path.exists():
            raise BackupError(f"{path} is there already; nothing is overwritten")
        part = _part(path)
        try:
            part.unlink(missing_ok=True)
            os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise BackupError(f"{part}: {error.strerror}") from None
        return cls(path, apsw.Connection(str(part)))

    @classmethod
    def open(cls, path: Path) -> "BackupFile":
        """Read one. Raises `BackupError` when it is none."""
        try:
            file = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
            if file.pragma("application_id") == MARK:
                return cls(path, file)
            file.close()
        except apsw.Error as error:
            raise BackupError(f"{path}: {error}") from None
        raise BackupError(f"{path} is no backup of a gateway")

    def furnish(self) -> None:
        """Make room for what a backup holds beside our tables."""
        self.file.execute(_BESIDE)

    def finish(self, facts: Facts) -> None:
        """It is whole: note what is known of it, and give it its name. Raises `BackupError` when it is not readable."""
        self.file.execute("INSERT INTO backup VALUES (?)", (msgspec.json.encode(facts).decode(),))
        self.file.pragma("application_id", MARK)
        if (found := self.file.pragma("integrity_check")) != "ok":
            raise BackupError(f"{_part(self._path)} is damaged: {found}")
        self.file.pragma("journal_mode", "delete")
        self.file.close()
        _flush(_part(self._path))
        _name(_part(self._path), self._path)
        _flush(self._path.parent)

    def drop(self) -> None:
        """Leave nothing of a backup that did not become whole."""
        self.file.close()
        for end in ("", "-wal", "-shm", "-journal"):
            Path(f"{_part(self._path)}{end}").unlink(missing_ok=True)

    def close(self) -> None:
        self.file.close()

    @property
    def facts(self) -> Facts:
        rows: list[Row] = self.file.execute("SELECT facts FROM backup").fetchall()
        return msgspec.json.decode(rows[0][0], type=Facts)

    @property
    def schema(self) -> int:
        version: int = self.file.pragma("user_version")
        return version

    def tables(self) -> list[Table]:
        """Our tables in the order in which they were made, so that what is pointed to comes first."""
        return tables(self.file)

    def rows(self, table: Table, after: int = 0) -> Iterator[list[Row]]:
        """The rows of a table in batches, beginning after so many of them."""
        columns = ", ".join(f'"{column}"' for column in table.columns)
        sql = f"SELECT {columns} FROM {table.name} ORDER BY {table.key} LIMIT -1 OFFSET ?"
        most = min(ROWS, VALUES // len(table.columns))
        batch: list[Row] = []
        size = 0
        for row in self.file.execute(sql, (after,)):
            batch.append(row)
            size += sum(len(cell) for cell in row if isinstance(cell, str | bytes))
            if len(batch) == most or size >= BYTES:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def kept(self) -> list[tuple[str, str]]:
        """The small things that the store keeps by name."""
        rows: list[Row] = self.file.execute("SELECT name, value FROM meta ORDER BY name").fetchall()
        return [(name, value) for name, value in rows]

    def contents(self) -> list[str]:
        """The contents of files that it holds, by their SHA-256."""
        return [sha for (sha,) in self.file.execute("SELECT DISTINCT sha256 FROM content ORDER BY sha256")]

    def named(self) -> list[str]:
        """The contents that its rows name, whether it holds them or not."""
        return [sha for (sha,) in self.file.execute("SELECT DISTINCT sha256 FROM file WHERE created_at > 0 ORDER BY 1")]

    def pieces(self, sha: str) -> Iterator[bytes]:
        for (data,) in self.file.execute("SELECT data FROM content WHERE sha256 = ? ORDER BY piece", (sha,)):
            yield data

    def add(self, sha: str, pieces: Iterator[bytes]) -> None:
        """Hold the content of a file."""
        with self.file:
            self.file.executemany(
                "INSERT INTO content VALUES (?, ?, ?)", ((sha, number, data) for number, data in enumerate(pieces))
            )


def tables(file: apsw.Connection) -> list[Table]:
    """The tables of a store, in a file of it."""
    found: list[Row] = file.execute(
        """SELECT m.name, t.wr FROM sqlite_master m JOIN pragma_table_list(m.name) t ON t.schema = 'main'
             WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' ORDER BY m.rowid"""
    ).fetchall()
    return [_table(file, name, apart=bool(apart)) for name, apart in found if name not in _OURS]


def _table(file: apsw.Connection, name: str, *, apart: bool) -> Table:
    info: list[Row] = file.execute("SELECT name, type, pk FROM pragma_table_info(?)", (name,)).fetchall()
    keys = sorted((place, column) for column, _, place in info if place)
    numbered = [column for column, type, place in info if place and type == "INTEGER"] == [keys[0][1]] and not apart
    key = ", ".join(f'"{column}"' for _, column in keys) if apart else "rowid"
    return Table(name, [column for column, _, _ in info], key, numbered and len(keys) == 1)


def _part(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


def _name(part: Path, path: Path) -> None:
    """Unlike a renaming, a link never takes the place of another file; disks of the network may have none."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise BackupError(f"{path} is there already; nothing is overwritten") from None
    except OSError:
        if path.exists():
            raise BackupError(f"{path} is there already; nothing is overwritten") from None
        part.rename(path)
    else:
        part.unlink()


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
