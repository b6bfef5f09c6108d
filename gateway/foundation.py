"""What stands before anything moves: a corridor on an open store, and its router."""

from pathlib import Path

from gateway import moving, recovery
from gateway.clock import Clock
from gateway.corridor import Corridor
from gateway.db import Database
from gateway.desk import Desk
from gateway.disk import Disk
from gateway.files.store import FileStore
from gateway.live import Live
from gateway.memory import Memory
from gateway.metrics import Metrics
from gateway.router import Router
from gateway.settings import Settings
from gateway.shared import Shared
from gateway.shared.memory import Alone
from gateway.tasks import Tasks


async def lay(
    settings: Settings, db: Database, clock: Clock, tasks: Tasks, root: Path | None = None
) -> tuple[Corridor, Router]:
    """A corridor without channels or bots, in which nothing runs yet; paths are relative to `root`.

    Raises `StorageDown` for a store that is half restored.
    """
    router: Router
    me = clock.new_id()
    shared = _shared(settings, me, clock)
    folder = (root or Path()) / settings.storage.files
    files = FileStore(db, clock, folder, settings.server.address, several=not shared.alone)
    corridor = Corridor(
        db=db,
        clock=clock,
        desk=Desk(clock, settings.server.workers, lambda bot: router.ring_bot(bot)),  # noqa: PLW0108  (not made yet)
        memory=Memory(db, shared),
        live=Live(shared),
        metrics=Metrics(),
        tasks=tasks,
        files=files,
        inbox=settings.inbox,
        me=me,
        lease=settings.server.lease,
        shared=shared,
        verbatim=settings.log.text,
        disk=Disk([(root or Path()) / settings.storage.home, files.root]),
    )
    corridor.recovering = await db.read(recovery.until)
    corridor.aliases.update(await db.read(moving.aliases))
    router = Router(corridor)
    return corridor, router


def _shared(settings: Settings, me: str, clock: Clock) -> Shared:
    """What joins us to other processes on our store; a file has one."""
    if settings.storage.database is not None:
        return Alone()
    from gateway.shared.postgres import Postgres  # its driver is for those who have a server

    return Postgres(settings.storage.url, me, clock)
