"""What stands before anything moves: a corridor on an open store, and its router."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gateway import moving, recovery
from gateway.clock import Clock
from gateway.corridor import Corridor
from gateway.db import Database
from gateway.desk import Desk
from gateway.disk import Disk
from gateway.files.store import FileStore
from gateway.live import Live
from gateway.memory import Cache, Memory
from gateway.metrics import Metrics
from gateway.router import Router
from gateway.settings import Settings
from gateway.shared import Shared
from gateway.shared.memory import Alone
from gateway.shared.seal import Seal, sealing_key
from gateway.tasks import Tasks

if TYPE_CHECKING:
    from gateway.shared.redis_line import Line


class _Aid(NamedTuple):
    """A Redis, and the seal of all that goes there."""

    line: "Line"
    seal: Seal


async def lay(
    settings: Settings, db: Database, clock: Clock, tasks: Tasks, root: Path | None = None
) -> tuple[Corridor, Router]:
    """A corridor without channels or bots, in which nothing runs yet; paths are relative to `root`.

    Raises `StorageDown` for a store that is half restored.
    """
    router: Router
    me = clock.new_id()
    aid = await _aid(settings, db, clock)
    shared = _shared(settings, me, clock, aid)
    folder = (root or Path()) / settings.storage.files
    files = FileStore(db, clock, folder, settings.server.address, several=not shared.alone)
    corridor = Corridor(
        db=db,
        clock=clock,
        desk=Desk(
            clock,
            settings.server.workers,
            lambda bot: router.ring_bot(bot),  # noqa: PLW0108  (not made yet)
            lambda bot: shared.share(f"bot/{bot}"),
        ),
        memory=Memory(db, shared, _cache(settings, aid)),
        live=Live(shared),
        metrics=Metrics(),
        tasks=tasks,
        files=files,
        inbox=settings.inbox,
        me=me,
        lease=settings.server.lease,
        shared=shared,
        redis=aid and aid.line,
        verbatim=settings.log.text,
        disk=Disk([(root or Path()) / settings.storage.home, files.root]),
    )
    corridor.recovering = await db.read(recovery.until)
    if aid is not None:
        aid.line.changed.append(lambda up: corridor.metrics.redis_up.set(int(up)))
    corridor.aliases.update(await db.read(moving.aliases))
    router = Router(corridor)
    return corridor, router


async def _aid(settings: Settings, db: Database, clock: Clock) -> _Aid | None:
    """The Redis beside us, where there is to be one."""
    if settings.redis.url is None:
        return None
    from gateway.shared.redis_line import Line  # its client is for those who have a server

    line = Line(settings.redis.url, clock, prefix=settings.redis.prefix)
    return _Aid(line, Seal(await db.write(sealing_key, os.urandom(32).hex())))


def _shared(settings: Settings, me: str, clock: Clock, aid: _Aid | None) -> Shared:
    """What joins us to other processes on our store; a file has one."""
    if settings.storage.database is not None:
        if aid is None:
            return Alone()
        from gateway.shared.redis_line import Beside

        return Beside(aid.line)
    from gateway.shared.postgres import Postgres  # its driver is for those who have a server

    bell = Postgres(settings.storage.url, me, clock)
    if aid is None:
        return bell
    from gateway.shared.redis import Redis

    return Redis(aid.line, bell, me, settings.redis.prefix, clock, aid.seal)


def _cache(settings: Settings, aid: _Aid | None) -> Cache | None:
    if aid is None or not settings.redis.cache:
        return None
    from gateway.shared.redis_cache import RedisCache

    return RedisCache(aid.line, settings.redis.prefix, aid.seal)
