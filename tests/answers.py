"""Answers of several parts, a platform that fails on one of them, and time that goes by."""

from collections.abc import AsyncIterator, Callable
from typing import Any

from gateway.bot import Piece, Say
from gateway.db import Rows
from gateway.message import Outbound, Part, Turn
from tests.kit import Kit

YAML = """
bots: {b: {kind: echo}}
channels: {p: {platform: tests.paper, bot: b, limits: {send: off, messages: off}, delivery: {DELIVERY}}}
"""


def policy(**keys: object) -> str:
    return YAML.replace("DELIVERY", ", ".join(f"{name}: {value}" for name, value in keys.items()))


async def three(turn: Turn) -> AsyncIterator[Piece]:
    """An answer of three parts."""
    for number in (1, 2, 3):
        yield Say(Outbound(text=f"{turn.message.text} {number}"))


def when(number: int, error: Callable[[], BaseException], times: int = 1) -> Callable[[Part], Any]:
    """The platform fails on parts that end with this number, so often."""
    left = times

    async def fails(part: Part) -> None:
        nonlocal left
        if part.text.endswith(f" {number}") and left:
            left -= 1
            raise error()

    return fails


def wait(kit: Kit, seconds: float) -> None:
    """Time goes by, and what is to be sent is looked for."""
    kit.clock.ahead += seconds
    for name in kit.corridor.channels:
        kit.router.ring_channel(name)


async def parts(kit: Kit, columns: str = "state, attempts", where: str = "TRUE") -> Rows:
    return await kit.rows(f"SELECT {columns} FROM outbox WHERE {where} ORDER BY lane, seq")
