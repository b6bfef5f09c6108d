"""Whether the process lives, has started, and may be given work."""

import asyncio
from collections.abc import Callable

from aiohttp import web

from gateway.db import Database, Tx
from gateway.disk import Disk
from gateway.errors import Problem, StorageDown, StorageFull
from gateway.ingress import problems
from gateway.shared import Aid

PATHS = ("/healthz", "/startupz", "/readyz")
PATIENCE = 2.0  # seconds that the store may take to answer


class Intake:
    """Whether events are taken in: not before everything has started, and not while draining."""

    def __init__(self) -> None:
        self.started = False
        self.open = False

    def check(self) -> None:
        """Raises `Problem` while nothing is taken in."""
        if not self.open:
            said = "is stopping" if self.started else "has not started yet"
            raise Problem(503, "not_ready", f"the gateway {said}; try again soon", retry_after=5)


class Probes:
    """Answers /healthz, /startupz and /readyz. `spooled` is how many events wait for the store in a journal, if any.

    Without its Redis a process is ready all the same, and says so.
    """

    def __init__(
        self, db: Database, intake: Intake, disk: Disk, spooled: Callable[[], int | None], redis: Aid | None = None
    ) -> None:
        self._db, self._intake, self._disk, self._spooled, self._redis = db, intake, disk, spooled, redis

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method not in ("GET", "HEAD"):
            raise problems.WrongMethod("GET", "HEAD")
        if request.path == "/startupz" and not self._intake.started:
            raise Problem(503, "not_started", "the gateway has not started yet", retry_after=1)
        if request.path == "/readyz":
            self._intake.check()
            try:
                if self._disk.is_full:
                    raise StorageFull("there is hardly any room left on the disk")
                await self._reach_storage()
            except StorageDown:
                if (rows := self._spooled()) is None:
                    raise
                # Whoever sends us nothing now would make the journal useless.
                return problems.json({"status": "ok", "storage": "away", "journal": rows})
            if self._redis is not None:
                return problems.json({"status": "ok", "redis": "up" if self._redis.up else "away"})
        return problems.json({"status": "ok"})

    async def _reach_storage(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                await self._db.read(_look)
        except TimeoutError:
            raise StorageDown("the store does not answer") from None


def _look() -> Tx[None]:
    yield "SELECT 1", ()
