"""The contents of files: each once, named by its SHA-256, so that no name of a stranger ever becomes a path."""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from threading import Lock
from typing import BinaryIO
from uuid import uuid4


class Draft:
    """A file being written, not in its place yet.

    Threads write it, and who began it may be interrupted while they do: then whoever has it last lets go of it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._hash = hashlib.sha256()
        self._busy, self._over = Lock(), False
        self.head = b""
        self.size = 0

    def write(self, data: bytes) -> None:
        with self._used() as file:
            if len(self.head) < 4096:
                self.head += data[: 4096 - len(self.head)]
            self._hash.update(data)
            self.size += len(data)
            file.write(data)

    def keep(self, root: Path) -> str:
        """Put the content in its place, on disk before it is named. Returns its SHA-256."""
        with self._used() as file:
            sha = self._hash.hexdigest()
            target = place(root, sha)
            file.flush()
            os.fsync(file.fileno())
            file.close()
            target.parent.mkdir(exist_ok=True)
            os.replace(self._path, target)
            for folder in (target.parent, root):
                _flush(folder)
            return sha

    def drop(self) -> None:
        """Leave nothing of a draft that was not kept."""
        self._over = True
        if self._busy.acquire(blocking=False):  # else the thread that has it does this when it is done
            try:
                if self._file is not None:
                    with suppress(OSError):  # the disk is full, maybe; what was to be written is not wanted any more
                        self._file.close()
                    self._path.unlink(missing_ok=True)
            finally:
                self._busy.release()

    @contextmanager
    def _used(self) -> Iterator[BinaryIO]:
        try:
            with self._busy:
                if self._over:
                    raise ValueError("the draft has been dropped")
                if self._file is None:
                    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
                    self._file = os.fdopen(os.open(self._path, flags, 0o600), "wb")
                yield self._file
        finally:
            if self._over:
                self.drop()


def draft(root: Path, name: str) -> Draft:
    """Begin a file; `name` is ours."""
    incoming = root / "incoming"
    incoming.mkdir(parents=True, exist_ok=True)
    return Draft(incoming / name)


def place(root: Path, sha: str) -> Path:
    return root / sha[:2] / sha


def piece(path: Path, begin: int, size: int) -> bytes:
    """So many bytes of a content from somewhere on; it is not held open meanwhile."""
    with path.open("rb") as content:
        content.seek(begin)
        return content.read(size)


def clear(root: Path, age: float = 0.0) -> None:
    """Remove drafts that a process left when it was killed: those that nobody has written at for so many seconds."""
    incoming = root / "incoming"
    if not incoming.is_dir():
        return
    with TemporaryFile(dir=incoming) as fresh:  # the folder may be another machine's, with a clock of its own
        now = os.fstat(fresh.fileno()).st_mtime
    for path in incoming.glob("*"):
        with suppress(FileNotFoundError):
            if now - path.stat().st_mtime >= age:
                path.unlink()


def identity(root: Path) -> str:
    """What tells this folder from any other, by whatever path it is reached."""
    root.mkdir(parents=True, exist_ok=True)
    mark, mine = root / ".identity", root / f".identity.{uuid4().hex}"
    if not mark.exists():
        mine.write_text(uuid4().hex)
        with suppress(FileExistsError):
            os.link(mine, mark)  # whole from the beginning, and the first one's
        mine.unlink()
    return mark.read_text().strip()


def alone(root: Path) -> BinaryIO:
    """Waits until no other process adds or removes contents; none does until what this returns is closed."""
    root.mkdir(parents=True, exist_ok=True)
    lock = (root / ".lock").open("ab")
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def remove(root: Path, contents: list[str]) -> None:
    for sha in contents:
        place(root, sha).unlink(missing_ok=True)


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
