"""The command line as people and scripts use it: a process, its output, its exit code."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from gateway.message import Turn
from tests import nursery
from tests.patience import PATIENCE


class Ran(NamedTuple):
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def _inherited() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "GATEWAY_CONFIG"}


def anew(*args: str, folder: Path, **environment: str) -> Ran:
    """Run `gateway` in an interpreter of its own, with nothing in its memory yet."""
    done = subprocess.run(
        [sys.executable, "-m", "gateway.cli", *args],
        cwd=folder,
        env=_inherited() | environment,
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def gateway(*args: str, folder: Path, typed: str | None = None, **environment: str) -> Ran:
    """Run `gateway` with arguments in a folder; `typed` is its standard input."""
    with tempfile.TemporaryDirectory() as streams:
        given, out, err = (Path(streams) / name for name in ("in", "out", "err"))
        given.write_text(typed or "", "utf-8")
        code = nursery.start(args, folder, _inherited() | environment, (given, out, err)).join(PATIENCE)
        return Ran(code, out.read_text("utf-8"), err.read_text("utf-8"))


async def waits(turn: Turn) -> str:
    """A bot for a gateway in a process of its own: it answers once the file `$GATE` is there."""
    while not Path(os.environ["GATE"]).exists():
        await asyncio.sleep(0.01)
    return f"done: {turn.message.text}"
