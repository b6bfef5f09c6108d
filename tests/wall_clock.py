"""The wall clock of a process that is started, as libfaketime shows it: it jumps when we say so, and only it does."""

from glob import glob
from pathlib import Path

import pytest

PLACES = (
    "/usr/lib/*/faketime/libfaketime.so.1",
    "/usr/lib*/faketime/libfaketime.so.1",
    "/usr/local/lib/faketime/*.so.1",
)


def library() -> str:
    """Where libfaketime is; the test is skipped where it is missing."""
    for place in PLACES:
        for found in glob(place):
            return found
    pytest.skip("libfaketime is missing; on Debian: apt-get install libfaketime")


class WallClock:
    """A clock that may be wrong by any number of seconds; whoever is started with `environment` goes by it."""

    def __init__(self, file: Path) -> None:
        self._file, self.ahead = file, 0.0
        self.environment = {
            "LD_PRELOAD": library(),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        self.jump(0)

    def jump(self, seconds: float) -> None:
        """Now it is by so much later than it was a moment ago."""
        self.ahead += seconds
        beside = self._file.with_suffix(".new")  # it is read at any moment, and is never half there
        beside.write_text(f"{self.ahead:+f}\n")
        beside.replace(self._file)
