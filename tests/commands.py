"""The command line as people and scripts use it: a process, its output, its exit code."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from gateway.message import Turn
from tests.patience import PATIENCE


class Ran(NamedTuple):
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def gateway(*args: str, folder: Path, typed: str | None = None, **environment: str) -> Ran:
    """Run `gateway` with arguments in a folder; `typed` is its standard input."""
    inherited = {name: value for name, value in os.environ.items() if name != "GATEWAY_CONFIG"}
    done = subprocess.run(
        [sys.executable, "-m", "gateway.cli", *args],
        cwd=folder,
        env={**inherited, "PYTHONPATH": str(Path(__file__).parent.parent), **environment},
        input=typed if typed is not None else "",
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


async def waits(turn: Turn) -> str:
    """A bot for a gateway in a process of its own: it answers once the file `$GATE` is there."""
    while not Path(os.environ["GATE"]).exists():
        await asyncio.sleep(0.01)
    return f"done: {turn.message.text}"
