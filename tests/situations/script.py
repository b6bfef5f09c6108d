"""The script: every situation by its name, with the rows of the ledger that it proves."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from tests.situations.road import Road

Play = Callable[[Road], Awaitable[None]]

LATEST = "SELECT state, attempts, unknowns FROM outbox ORDER BY id DESC LIMIT 1"
"""How the part that was queued last is doing."""


class Situation(NamedTuple):
    """`alone`: it is given a road of its own, since it stops the gateway or the whole channel."""

    play: Play
    rows: tuple[str, ...]
    alone: bool


SITUATIONS: dict[str, Situation] = {}


def situation(*rows: str, alone: bool = False) -> Callable[[Play], Play]:
    """A function that plays one situation on any road; its name is the situation's."""

    def register(play: Play) -> Play:
        name = play.__name__
        assert name not in SITUATIONS, name
        SITUATIONS[name] = Situation(play, rows, alone)
        return play

    return register


async def count(road: Road, table: str) -> int:
    """How many rows there are in a table of the store."""
    ((found,),) = await road.rows(f"SELECT COUNT(*) FROM {table}")
    return int(found)
