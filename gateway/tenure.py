"""What one of several processes may do at a time, under a name in the store: hear an account, keep house.

Like a lane's lease it has to be renewed; unlike there, nobody writes under it, so that it has no fence: who wakes late
asks its own clock whether it can still be the one, before it does anything that two must not do at once.
"""

from collections.abc import Callable
from math import inf

import structlog

from gateway.corridor import Corridor
from gateway.db import Tx
from gateway.errors import StorageDown

POLL = 1.0  # seconds between two looks whether it is free

log = structlog.get_logger()


def hold(name: str, holder: str, now: int, until: int) -> Tx[bool]:
    """Take or renew what is free, ours, or has run out. False: somebody else has it."""
    rows = yield (
        """INSERT INTO tenure (name, holder, until) VALUES ($1, $2, $4) ON CONFLICT (name)
             DO UPDATE SET holder = excluded.holder, until = excluded.until
             WHERE tenure.holder = excluded.holder OR tenure.until <= $3 RETURNING 1""",
        (name, holder, now, until),
    )
    return bool(rows)


def is_free(name: str, holder: str, now: int) -> Tx[bool]:
    rows = yield "SELECT 1 FROM tenure WHERE name = $1 AND holder <> $2 AND until > $3", (name, holder, now)
    return not rows


def leave(name: str, holder: str) -> Tx[None]:
    yield "DELETE FROM tenure WHERE name = $1 AND holder = $2", (name, holder)


class Tenure:
    """One name, as this process sees it. `holder` is who is to have it: this process, unless something else is said."""

    def __init__(self, corridor: Corridor, name: str, holder: str = "") -> None:
        self._c, self._name, self._holder = corridor, name, holder or corridor.me
        self._since = -inf

    async def gain(self, waits: Callable[[], None]) -> None:
        """Return when it is ours; `waits` is called when another process has it."""
        told = False
        while True:
            try:
                if await self.take():
                    return
                if not told:
                    waits()
                    told = True
            except StorageDown as error:
                log.error("storage.down", error=str(error))
            await self._c.clock.sleep(POLL)

    async def take(self) -> bool:
        """Take it if it is free. Raises `StorageDown`."""
        free = await self._c.db.read(is_free, self._name, self._holder, self._c.clock.now())
        return free and await self._hold()

    @property
    def _sure(self) -> bool:
        return self._c.sure(self._since)

    async def assured(self) -> None:
        """Return when it is ours for certain: at once, unless it could not be renewed for long."""
        while not self._sure:
            await self._c.clock.sleep(POLL)

    async def keep(self) -> None:
        """Renew it until it is lost, or may be."""
        while self._sure:
            await self._c.clock.sleep(self._c.lease / 3)
            try:
                if not await self._hold():
                    return
            except StorageDown as error:
                log.error("storage.down", error=str(error))

    async def leave(self) -> None:
        """Whoever waits need not wait for its end."""
        try:
            await self._c.db.write(leave, self._name, self._holder)
        except StorageDown as error:
            log.error("storage.down", error=str(error))

    async def _hold(self) -> bool:
        since = self._c.clock.tick()
        held = await self._c.db.write(hold, self._name, self._holder, self._c.clock.now(), self._c.lease_end())
        if held:
            self._since = since
        return held
