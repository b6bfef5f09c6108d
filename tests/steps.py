"""Steps that tests of the corridor take together: looking at the whole, going away, letting time go by."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from gateway.bot import Piece, Say
from gateway.db import Rows, Tx
from gateway.message import Outbound, Turn
from tests.kit import Kit
from tests.store import AUDIT, CLEAN


async def whole(kit: Kit) -> None:
    """Everything is done, and the store is as it should be."""
    await kit.quiet()
    assert await broken(kit, {**AUDIT, **CLEAN}) == []
    await kit.until(lambda: kit.corridor.desk.taken == 0)


async def broken(kit: Kit, rules: Mapping[str, str] = AUDIT) -> list[str]:
    """The rules of the store that do not hold at this moment."""
    return [rule for rule, sql in rules.items() if await kit.rows(sql)]


def plain(sql: str, *args: Any) -> Tx[Rows]:
    return (yield sql, args)


def later(kit: Kit, seconds: float) -> None:
    """Time goes by, and the bots' work is looked for."""
    kit.clock.ahead += seconds
    for name in kit.corridor.bots:
        kit.router.ring_bot(name)


def away(kit: Kit, draining: bool = True) -> None:
    """While it is away a process takes what comes, and leaves it."""
    kit.corridor.desk.draining = draining
    if not draining:
        for name in kit.corridor.bots:
            kit.router.ring_bot(name)


class Held:
    """A bot that thinks until it is told to go on."""

    def __init__(self) -> None:
        self.go = asyncio.Event()

    async def __call__(self, turn: Turn) -> AsyncIterator[Piece]:
        await self.go.wait()
        yield Say(Outbound(text=f"attempt {turn.attempt}"))
