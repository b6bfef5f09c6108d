"""The contents of files: each once, named by its SHA-256, so that no name of a stranger ever becomes a path."""

import hashlib
import os
from pathlib import Path
from typing import BinaryIO


class Draft:
    """A file being written, not in its place yet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        self._file: BinaryIO = os.fdopen(descriptor, "wb")
        self._hash = hashlib.sha256()
        self.head = b""
        self.size = 0

    def write(self, data: bytes) -> None:
        if len(self.head) < 4096:
            self.head += data[: 4096 - len(self.head)]
        self._hash.update(data)
        self.size += len(data)
        self._file.write(data)

    def keep(self, root: Path) -> str:
        """Put the content in its place, on disk before it is named. Returns its SHA-256."""
        sha = self._hash.hexdigest()
        target = place(root, sha)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        target.parent.mkdir(exist_ok=True)
        os.replace(self._path, target)
        for folder in (target.parent, root):
            _flush(folder)
        return sha

    def drop(self) -> None:
        """Leave nothing of a draft that was not kept."""
        self._file.close()
        self._path.unlink(missing_ok=True)


def draft(root: Path, name: str) -> Draft:
    """Begin a file; `name` is ours."""
    incoming = root / "incoming"
    incoming.mkdir(parents=True, exist_ok=True)
    return Draft(incoming / name)


def place(root: Path, sha: str) -> Path:
    return root / sha[:2] / sha


def clear(root: Path) -> None:
    """Remove drafts that a process left when it was killed."""
    for path in (root / "incoming").glob("*"):
        path.unlink(missing_ok=True)


def remove(root: Path, contents: list[str]) -> None:
    for sha in contents:
        place(root, sha).unlink(missing_ok=True)


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
