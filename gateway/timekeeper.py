"""The clock that we go by may jump: somebody sets it, or the machine learns late what time it is.

What waits goes along. A jump back puts nothing off: what was to be tried again in a minute would be in a day and a
minute. By one forward nothing has become old: what was to be said within six hours still is.
"""

from contextlib import suppress

import structlog

from gateway.clock import JUMP
from gateway.corridor import Corridor
from gateway.db import Tx
from gateway.errors import StorageDown

log = structlog.get_logger()

_TO_BE_SENT = "state IN ('ready', 'sending', 'unknown')"


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
            await self._c.db.write(bring_back, self._c.clock.now())
            self._ahead -= 1

    async def _jump(self, seconds: float) -> None:
        clock, by = self._c.clock, round(seconds * 1000)
        if by > 0:
            await self._c.db.write(take_along, clock.now(), by)
        before = clock.now()
        clock.follow(seconds)
        log.warning("clock.jumped", seconds=round(seconds, 1))
        if by > 0:
            await self._c.insist(take_along, before, by)  # what was written meanwhile
        else:
            self._ahead = 2  # once more at the next look: what is being written goes by the time of before


def newest() -> Tx[int]:
    """When something was last taken in (ms)."""
    rows = yield "SELECT received_at FROM inbox WHERE id = (SELECT MAX(id) FROM inbox)", ()
    return rows[0][0] if rows else 0


def take_along(upto: int, by: int) -> Tx[None]:
    """What waits since some time up to this one is as old after a jump as it was before; once, whoever does it."""
    yield (
        f"""UPDATE outbox SET created_at = created_at + $2, expires_at = expires_at + $2
              WHERE {_TO_BE_SENT} AND created_at <= $1""",
        (upto, by),
    )
    yield "UPDATE inbox SET received_at = received_at + $2 WHERE state = 'waiting' AND received_at <= $1", (upto, by)


def bring_back(now: int) -> Tx[None]:
    """Nothing waits since a time that is to come; nor until one, as far as we know: it is tried at once."""
    for box in ("in", "out"):
        yield f"UPDATE lane SET {box}_due_at = $1 WHERE {box}_holder IS NULL AND {box}_due_at > $1", (now,)
    yield "UPDATE inbox SET not_before = $1 WHERE state = 'waiting' AND not_before > $1", (now,)
    yield "UPDATE inbox SET received_at = $1 WHERE state = 'waiting' AND received_at > $1", (now,)
    yield f"UPDATE outbox SET not_before = $1 WHERE {_TO_BE_SENT} AND not_before > $1", (now,)
    yield (
        f"""UPDATE outbox SET created_at = $1, expires_at = expires_at - created_at + $1
              WHERE {_TO_BE_SENT} AND created_at > $1""",
        (now,),
    )
