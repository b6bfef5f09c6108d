"""The clock that we go by may jump: somebody sets it, or the machine learns late what time it is.

What waits goes along. A jump back puts nothing off: what was to be tried again in a minute would be in a day and a
minute, and who died would hold what they held for a day. By one forward nothing has become old: what was to be said
within six hours still is. When something came to be is never rewritten: that is what other rows know it by.
"""

import asyncio
from contextlib import suppress

import structlog

from gateway.clock import JUMP
from gateway.corridor import Corridor
from gateway.db import Tx
from gateway.errors import StorageDown

log = structlog.get_logger()

_TO_BE_SENT = "state IN ('ready', 'sending', 'unknown')"
LONGEST = 300_000  # ms; nobody has anything for longer without renewing it


class Timekeeper:
    """Has our clock follow the one it goes by."""

    def __init__(self, corridor: Corridor) -> None:
        self._c = corridor
        self._ahead = 0  # how often to look yet for what is ahead of the time

    async def run(self) -> None:
        """Look again and again how far it has strayed, until cancelled."""
        with suppress(StorageDown):
            # It may have gone back while nobody ran.
            self._ahead = int(await self._c.db.read(newest) > self._c.clock.now() + JUMP * 1000)
        while True:
            try:
                await self.look()
            except StorageDown as error:
                log.error("storage.down", error=str(error))
            except Exception as error:
                log.error("task.failed", task="timekeeper", exc_info=error)
            await self._c.clock.sleep(self._c.clock.asked_every)

    async def look(self) -> None:
        """Go where it has gone, and take along what waits. Raises `StorageDown`."""
        strayed = await self._c.clock.strayed()
        if abs(strayed) > JUMP:
            await self._jump(strayed)
        else:
            self._c.clock.follow(strayed)
        if self._ahead:
            await self._c.db.write(bring_back, self._c.clock.now(), self._c.lease_end())
            self._ahead -= 1

    async def _jump(self, seconds: float) -> None:
        clock, by = self._c.clock, round(seconds * 1000)
        if by > 0:
            # Before anybody goes by the time of after; with a store that is away nobody does.
            with suppress(StorageDown, TimeoutError):
                async with asyncio.timeout(clock.asked_every):
                    await self._c.db.write(spare, clock.now(), by)
        before = clock.now()
        clock.follow(seconds)
        log.warning("clock.jumped", seconds=round(seconds, 1))
        if by > 0:
            self._c.tasks.start(self._c.insist(spare, before, by), "spared")  # what was written meanwhile
        else:
            self._ahead = 2  # once more at the next look: what is being written goes by the time of before


def newest() -> Tx[int]:
    """When something was last taken in, or was to be sent (ms)."""
    rows = yield "SELECT received_at FROM inbox WHERE id = (SELECT MAX(id) FROM inbox)", ()
    rows = [*rows, *(yield "SELECT created_at FROM outbox WHERE id = (SELECT MAX(id) FROM outbox)", ())]
    return max((at for (at,) in rows), default=0)


def spare(upto: int, by: int) -> Tx[None]:
    """What a jump forward would have been too late for is to be sent for as long as it still was. Once, whoever does
    it: by then it is none of those any more.
    """
    yield (
        f"""UPDATE outbox SET expires_at = expires_at + $2
              WHERE {_TO_BE_SENT} AND created_at <= $1 AND expires_at > $1 AND expires_at <= $1 + $2""",
        (upto, by),
    )


def bring_back(now: int, lease_end: int) -> Tx[None]:
    """Nothing waits until a time that is to come, as far as we know: it is tried at once. Nobody holds anything for
    longer than they may.
    """
    for box in ("in", "out"):
        yield f"UPDATE lane SET {box}_due_at = $1 WHERE {box}_holder IS NULL AND {box}_due_at > $1", (now,)
        yield f"UPDATE lane SET {box}_due_at = $1 WHERE {box}_holder IS NOT NULL AND {box}_due_at > $1", (lease_end,)
    yield "UPDATE tenure SET until = $1 WHERE until > $2", (lease_end, now + LONGEST)
    yield "UPDATE inbox SET not_before = $1 WHERE state = 'waiting' AND not_before > $1", (now,)
    yield f"UPDATE outbox SET not_before = $1 WHERE {_TO_BE_SENT} AND not_before > $1", (now,)
