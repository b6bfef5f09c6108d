"""What a reading of the operator's files depended on: while all of it looks the same, another one ends the same."""

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path as FilePath

_Look = tuple[int, ...]  # of a file from outside; empty where there is none


@dataclass(frozen=True)
class Trail:
    """How everything looked when it was read: files by name, those that are missing too, and what patterns found in
    folders. Two are equal when nothing has changed.
    """

    files: dict[str, _Look] = field(default_factory=dict)
    patterns: dict[tuple[str, FilePath], Sequence[str]] = field(default_factory=dict)

    def reads(self, path: FilePath) -> None:
        """A file is about to be read: whoever changes it in this instant changes it afterwards."""
        self.files.setdefault(str(path), _look(str(path)))

    def now(self) -> "Trail":
        """How the same looks now."""
        files = {name: _look(name) for name in self.files}
        return Trail(files, {asked: found(*asked) for asked in self.patterns})


def found(pattern: str, folder: FilePath) -> Sequence[str]:
    """The names that a pattern finds in a folder now."""
    return sorted(glob.glob(pattern, root_dir=folder))


def _look(name: str) -> _Look:
    try:
        state = os.stat(name)
    except (OSError, ValueError):
        return ()
    # Who may read a file shows in the time of its last change of state alone.
    return state.st_dev, state.st_ino, state.st_mtime_ns, state.st_ctime_ns, state.st_size
