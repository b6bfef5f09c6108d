"""One folder of files for all processes on a store: that it is the same one is found out, not believed."""

import asyncio

import structlog

from gateway.corridor import Corridor
from gateway.errors import StorageDown
from gateway.files import folder
from gateway.tenure import POLL, Tenure

log = structlog.get_logger()


async def join(corridor: Corridor) -> asyncio.Task[None]:
    """See that those who are here keep their files where we do, now and by the task that is returned. Raises
    `StorageDown` when they do not.

    The folder holds the name, and every process on it renews that: while one lives, no other folder can have it.
    """
    root = corridor.files.root
    try:
        identity = await asyncio.to_thread(folder.identity, root)
    except OSError as error:
        raise StorageDown(f"{root}: {error.strerror}; choose another storage.files or mend the permissions") from None
    tenure = Tenure(corridor, "files", identity)
    until = corridor.clock.tick() + corridor.lease + 2 * POLL  # those who were killed before may have had another one
    while not await tenure.take():
        if corridor.clock.tick() > until:
            said = "the other gateways on this database keep their files in another folder; name theirs, a shared one"
            raise StorageDown(f"{root.absolute()}: {said}, as storage.files")
        await corridor.clock.sleep(POLL)
    return corridor.tasks.start(_stay(tenure), "files")


async def _stay(tenure: Tenure) -> None:
    while True:
        await tenure.keep()
        await tenure.gain(lambda: log.error("files.elsewhere"))
