"""A disk that may lose power: every write and sync of SQLite is recorded, and a cut leaves what a disk might leave."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import apsw

SECTOR = 512


class Op(NamedTuple):
    """What SQLite asked of the disk. `kind`: write, truncate, sync, delete, delete_synced."""

    kind: str
    file: str
    at: int = 0
    data: bytes = b""


class _File(apsw.VFSFile):
    def __init__(self, disk: "Disk", name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        super().__init__("unix", name, flags)
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self._ops, self._name = disk.ops, Path(path or "").name

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._ops.append(Op("write", self._name, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, size: int) -> None:  # noqa: N802
        self._ops.append(Op("truncate", self._name, size))
        super().xTruncate(size)

    def xSync(self, flags: int) -> None:  # noqa: N802
        super().xSync(flags)
        self._ops.append(Op("sync", self._name))


class Disk(apsw.VFS):
    """Stands in for the operating system's files while it is the default; `ops` is the record."""

    def __init__(self) -> None:
        self.ops: list[Op] = []
        super().__init__("recorded", "unix", makedefault=True)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> _File:  # noqa: N802
        return _File(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        super().xDelete(filename, syncdir)
        self.ops.append(Op("delete_synced" if syncdir else "delete", Path(filename).name))


@contextmanager
def recorded() -> Iterator[Disk]:
    """Every SQLite file opened meanwhile is on the recorded disk."""
    disk = Disk()
    try:
        yield disk
    finally:
        disk.unregister()


class Platter:
    """What is on a disk for sure, and what is still on its way; it can be asked what a cut might leave at any time."""

    def __init__(self) -> None:
        self._sure: dict[str, bytearray] = {}
        self._pending: list[Op] = []

    def apply(self, op: Op) -> None:
        if op.kind == "sync":
            for waiting in self._pending:
                if waiting.file == op.file:
                    _do(self._sure, waiting)
            self._pending = [waiting for waiting in self._pending if waiting.file != op.file]
        elif op.kind == "delete_synced":
            self._pending = [waiting for waiting in self._pending if waiting.file != op.file]
            self._sure.pop(op.file, None)
        else:
            self._pending.append(op)

    def cut(self, chance: random.Random) -> dict[str, bytes]:
        """The files after a loss of power: of what was not synced any part may be there, to the sector."""
        files = {name: bytearray(content) for name, content in self._sure.items()}
        odds = chance.choice((0.0, 0.1, 0.5, 0.9, 1.0))
        for op in self._pending:
            if op.kind == "write":
                for start, piece in _sectors(op):
                    if chance.random() < odds:
                        _do(files, Op("write", op.file, start, piece))
            elif chance.random() < odds:
                _do(files, op)
        return {name: bytes(content) for name, content in files.items()}


def _sectors(op: Op) -> Iterator[tuple[int, bytes]]:
    at, end = op.at, op.at + len(op.data)
    while at < end:
        upto = min(end, (at // SECTOR + 1) * SECTOR)
        yield at, op.data[at - op.at : upto - op.at]
        at = upto


def _do(files: dict[str, bytearray], op: Op) -> None:
    if op.kind == "delete":
        files.pop(op.file, None)
        return
    content = files.setdefault(op.file, bytearray())
    if op.kind == "truncate":
        del content[op.at :]
        return
    content.extend(bytes(max(0, op.at + len(op.data) - len(content))))
    content[op.at : op.at + len(op.data)] = op.data
