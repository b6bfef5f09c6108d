"""Processes of the gateway that begin where its modules are imported already: a start costs a tenth of what it would.

They are forked by a process that does nothing else, and are as real as others: each has its own memory, its own signals
and its own death.
"""

import asyncio
import importlib
import multiprocessing
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from gateway import failpoint

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(
    ["gateway.cli.app", "gateway.cli.running", "gateway.daemon", "gateway.db.postgres", "adapters.web", "tests.nursery"]
)


class Child:
    """One that was started. Its streams are files; it goes, if it is there still, with the process of the tests."""

    def __init__(self, process: "multiprocessing.context.ForkServerProcess") -> None:
        self._process = process
        self.pid = process.pid or 0

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    async def wait(self) -> int:
        """How it has ended, once it has."""
        while (code := self.returncode) is None:
            await asyncio.sleep(0.01)
        return code

    def join(self, seconds: float) -> int:
        """The same, without a loop. Raises `TimeoutError`, and ends it, when that takes too long."""
        self._process.join(seconds)
        if self._process.exitcode is None:
            self._process.kill()
            raise TimeoutError(f"it did not end within {seconds:g} s")
        return self._process.exitcode


def start(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], streams: tuple[Path | str, Path, Path]
) -> Child:
    """Start `gateway` with arguments in a folder. What it says is added to the files for its two outputs."""
    told = (list(arguments), str(folder), dict(environment), *map(str, streams))
    process = _forks.Process(target=_live, args=told, daemon=True)
    process.start()
    return Child(process)


def _live(arguments: list[str], folder: str, environment: dict[str, str], typed: str, out: str, err: str) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    importlib.reload(failpoint)
    for number, (path, flags) in enumerate(
        ((typed, os.O_RDONLY), *((path, os.O_WRONLY | os.O_CREAT | os.O_APPEND) for path in (out, err)))
    ):
        stream = os.open(path, flags, 0o644)
        os.dup2(stream, number)
        os.close(stream)
    sys.argv = ["gateway", *arguments]
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - ours until we die
    from gateway.cli import main

    main()
