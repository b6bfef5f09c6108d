"""The last configuration that worked, kept beside the store: for a start with files that cannot be used."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from config import Copy, read
from config.source import Disk, Unreadable
from gateway.settings.loading import settings
from gateway.settings.process import StorageSettings
from gateway.settings.whole import Settings

NAME = "last-good.json"
# Files that cannot be used may still say where the store is.
_DATABASE = re.compile(r"""sqlite:///([^\s"',}#?]+)""")
_FOLDERS = re.compile(r"""\b(?:local|files):\s*["']?([^\s"',}#]+)""")


class Kept(NamedTuple):
    """What was read from `file` (an absolute path) at a time in ms, and worked."""

    file: str
    at: int
    copy: Copy

    def settings(self, environment: Mapping[str, str]) -> Settings:
        """The settings once more. Raises `ConfigErrors`, for instance when a variable of the environment is gone."""
        return settings(read(self.file, environment, self.copy))


def keep(file: Path, settings: Settings, now: int) -> None:
    """Keep what was read, for nobody's eyes but ours. Raises `OSError`."""
    kept = Kept(os.path.abspath(file), now, settings.copy)
    path = settings.storage.home / NAME
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_suffix(".new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(handle, "wb") as out:
        out.write(msgspec.json.encode(kept))
        out.flush()
        os.fsync(handle)
    beside.replace(path)


def find(file: Path) -> Kept | None:
    """What was last kept of a file, wherever its store may be."""
    for home in _homes(file):
        try:
            kept = msgspec.json.decode((home / NAME).read_bytes(), type=Kept)
        except (OSError, msgspec.DecodeError):
            continue
        if kept.file == os.path.abspath(file):
            return kept
    return None


def _homes(file: Path) -> Iterator[Path]:
    try:
        text = Disk().text(file)
    except Unreadable:
        text = ""
    for found in _DATABASE.findall(text):
        yield Path(found).parent
    yield from map(Path, _FOLDERS.findall(text))
    yield StorageSettings().home
