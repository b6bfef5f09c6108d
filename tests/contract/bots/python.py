"""Functions of an operator's."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, ClassVar

from gateway.bot import Delta, Progress
from gateway.message import Turn
from tests.contract import backend

_next: list[str] = []


async def answer(turn: Turn) -> AsyncIterator[Any]:
    """Answers in pieces; goes wrong when told to."""
    fault = _next.pop() if _next else ""
    yield Progress("hm")
    await asyncio.sleep(0)
    if fault == "raises":
        raise ValueError("no such thing")
    if fault == "exits":
        raise SystemExit(3)
    if fault == "cancels itself":
        raise asyncio.CancelledError
    if fault == "gives nonsense":
        yield object()
    yield Delta("You said: ")
    await asyncio.sleep(0)
    if fault == "breaks off":
        raise RuntimeError("torn")
    yield Delta(turn.message.text)


class Backend(backend.Backend):
    faults: ClassVar[tuple[str, ...]] = ("raises", "exits", "cancels itself", "gives nonsense", "breaks off")

    async def start(self) -> None:
        _next.clear()

    def options(self) -> dict[str, Any]:
        return {"call": f"{__name__}:answer"}

    def fail(self, fault: str) -> None:
        _next.append(fault)
