"""Several processes' ends of one bell over a Redis, in this process, on one PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.clock import Clock
from gateway.shared.postgres import Postgres
from gateway.shared.redis import Redis
from gateway.shared.redis_line import ANSWERS, Line
from gateway.shared.seal import Seal
from tests.patience import PATIENCE
from tests.postgres import server

SEAL = Seal("ab" * 32)


class Swift(Clock):
    """Pauses are short."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.005))


@asynccontextmanager
async def ends(
    folder: Path, urls: Sequence[str], clocks: Sequence[Clock] = (), prefix: str = "", answers: float = ANSWERS
) -> AsyncIterator[list[Redis]]:
    """One process for each address of a Redis: it is the same one, or one that has been said to be.

    Where a test counts what goes by Redis, a busy machine's `answers` may take longer.
    """
    database, made = server().database(folder), []
    for number, url in enumerate(urls):
        clock = clocks[number] if clocks else Swift()
        me, line = f"process-{number}", Line(url, Swift(), answers, prefix)
        made.append(Redis(line, Postgres(database, me, clock), me, prefix, clock, SEAL))
    for one in made:
        await one.open()
    try:
        yield made
    finally:
        for one in made:
            await one.close()


async def until(so: object) -> None:
    async with asyncio.timeout(PATIENCE):
        while not so():  # type: ignore[operator]
            await asyncio.sleep(0.005)
