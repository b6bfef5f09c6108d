"""A whole gateway in this process, reached as the world reaches it: by HTTP on a free port of the loopback."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp

from gateway.bot import Delta, Piece, Progress, Say
from gateway.clock import Clock
from gateway.daemon import Daemon
from gateway.db import Rows, Tx
from gateway.message import Outbound, Turn
from gateway.settings import load
from tests.kit import Ticking

YAML = """
server: {listen: "127.0.0.1:0"}
admin: {listen: "127.0.0.1:0"}
storage: {url: sqlite:///gateway.db, files: files}
bots:
  echo: {kind: python, call: tests.doors:echo}
  scripted: {kind: python, call: tests.doors:scripted}
channels:
  site: {platform: web, bot: echo, default: true, limits: {messages: off}}
  talk: {platform: web, bot: scripted, limits: {messages: off}, origins: ["https://example.org"]}
  partners: {platform: api, bot: echo, limits: {messages: off}}
"""

Script = Callable[[Turn], AsyncIterator[Piece]]
_script: list[Script] = []
"""What `scripted` does, set by the test that runs."""


async def echo(turn: Turn) -> str:
    return f"echo: {turn.message.text}"


async def scripted(turn: Turn) -> AsyncIterator[Piece]:
    async for piece in _script[-1](turn):
        yield piece


class Held:
    """A bot that writes when the test says so."""

    def __init__(self) -> None:
        self.pieces: asyncio.Queue[str | None] = asyncio.Queue()
        self.turns: list[Turn] = []
        _script.append(self._answer)

    async def _answer(self, turn: Turn) -> AsyncIterator[Piece]:
        self.turns.append(turn)
        while (piece := await self.pieces.get()) is not None:
            yield Progress(piece[1:]) if piece.startswith("~") else Delta(piece)

    def write(self, *pieces: str) -> None:
        for piece in pieces:
            self.pieces.put_nowait(piece)

    def finish(self) -> None:
        self.pieces.put_nowait(None)
