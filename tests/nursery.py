"""Processes of the gateway that begin where its modules are imported already: a start costs a tenth of what it would.

They are forked by a process that does nothing else. Each has its own memory, its own signals and its own death; but no
interpreter is started for it, so nothing that is read then (`PYTHON...`) can be given, and none is wound up at its end.
"""

import asyncio
import atexit
import importlib
import multiprocessing
import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from gateway import failpoint

PRELOADED = ["gateway.cli.app", "gateway.cli.running", "gateway.daemon", "gateway.db.postgres", "adapters.web"]

_ADD = os.O_WRONLY | os.O_APPEND
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload([*PRELOADED, __name__])


@atexit.register
def _bury() -> None:
    """Nobody stays behind, not even who stands still: we would wait for them."""
    for child in multiprocessing.active_children():
        child.kill()
        child.join(10)


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
            with suppress(ProcessLookupError):  # it has ended this moment
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
            self._process.join()
            raise TimeoutError(f"it did not end within {seconds:g} s")
        return self._process.exitcode


def start(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], streams: tuple[Path | str, Path, Path]
) -> Child:
    """Start `gateway` with arguments in a folder. What it says is added to the files for its two outputs."""
    anew = {name for name in {*environment, *os.environ} if name.startswith("PYTHON")}
    assert all(environment.get(name) == os.environ.get(name) for name in anew), f"too late for {anew}"
    for path in streams[1:]:
        path.touch()
    told = (list(arguments), str(folder), dict(environment), *map(str, streams))
    process = _forks.Process(target=_live, args=told, daemon=True)
    process.start()
    return Child(process)


def _live(arguments: list[str], folder: str, environment: dict[str, str], typed: str, out: str, err: str) -> None:
    for number, (path, flags) in enumerate(((typed, os.O_RDONLY), (out, _ADD), (err, _ADD))):
        stream = os.open(path, flags)
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    importlib.reload(failpoint)
    sys.argv = ["gateway", *arguments]
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - ours until we die
    from gateway.cli import main

    main()
