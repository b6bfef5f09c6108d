"""A disk of its own, so small that it can be filled to its last byte. It takes root."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

PIECE = 65536  # bytes


class SmallDisk:
    """What is in `folder` is on it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._ballast = folder, folder / "ballast"

    def fill(self) -> None:
        """Leave no room at all, not even where somebody frees a little meanwhile."""
        with suppress(OSError), self._ballast.open("ab", buffering=0) as ballast:
            for size in (PIECE, 1):
                with suppress(OSError):
                    while ballast.write(bytes(size)):
                        pass

    def clear(self) -> None:
        self._ballast.unlink()


@contextmanager
def small_disk(megabytes: int) -> Iterator[SmallDisk]:
    """One that is there for a test. Where it is not allowed the test is skipped."""
    if os.geteuid():
        pytest.skip("a disk that can be filled takes root")
    folder = tempfile.mkdtemp(prefix="gw-disk-")
    try:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "gw-disk", folder]
        try:
            subprocess.run(mount, check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"a disk cannot be mounted here: {getattr(error, 'stderr', '') or error}")
        try:
            yield SmallDisk(Path(folder))
        finally:
            subprocess.run(["umount", folder], check=True, capture_output=True)
    finally:
        os.rmdir(folder)
