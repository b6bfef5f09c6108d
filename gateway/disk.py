"""The room that is left where we write: operators hear of it before there is none."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import structlog

from gateway.metrics import Metrics

LOW = 500 << 20  # bytes free, below which operators are to do something
FULL = 16 << 20  # below which we had better get no new work

log = structlog.get_logger()


class Space(NamedTuple):
    """A folder, and how many bytes are free where it is."""

    folder: str
    free: int
    low: bool


class Disk:
    """Watches folders that may be on several disks. `low` and `full` in bytes."""

    def __init__(self, folders: Sequence[Path] = (), low: int = LOW, full: int = FULL) -> None:
        self._folders, self.low, self.full = tuple(dict.fromkeys(folders)), low, full
        self._told: set[str] = set()

    def spaces(self) -> list[Space]:
        """How much is free now. What is not there or cannot be asked is left out."""
        found = []
        for folder in self._folders:
            try:
                told = os.statvfs(folder)
            except OSError:
                continue
            free = told.f_bavail * told.f_frsize
            found.append(Space(str(folder), free, free < self.low))
        return found

    @property
    def is_full(self) -> bool:
        return any(space.free < self.full for space in self.spaces())

    def watch(self, metrics: Metrics) -> None:
        """Tell what is free; say it when a disk becomes low, and when it is so no more."""
        for space in self.spaces():
            metrics.disk_free.labels(space.folder).set(space.free)
            if space.low and space.folder not in self._told:
                self._told.add(space.folder)
                log.error("disk.low", folder=space.folder, free_mb=space.free >> 20, remedy="make room")
            elif not space.low and space.folder in self._told:
                self._told.discard(space.folder)
                log.info("disk.well", folder=space.folder, free_mb=space.free >> 20)
