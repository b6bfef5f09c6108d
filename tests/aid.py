"""The Valkey that is beside the store with `GW_REDIS=valkey`: one for this process of the tests."""

import asyncio
import atexit
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from threading import Thread

from gateway.clock import Clock
from gateway.memory import Cache
from gateway.shared import Shared
from gateway.shared.memory import Alone
from gateway.shared.postgres import Postgres
from gateway.shared.redis import Redis
from gateway.shared.redis_cache import RedisCache
from gateway.shared.redis_line import Beside, Line
from gateway.shared.seal import Seal
from tests import postgres
from tests.far.redis import Valkey

CHOSEN = os.environ.get("GW_REDIS") == "valkey"
ANSWERS = 5.0  # seconds; a busy machine is no Redis that is away
SEAL = Seal("ab" * 32)


@cache
def server() -> Valkey:
    """The server, which runs until this process ends."""
    made = Valkey()
    starting = Thread(target=lambda: asyncio.run(made.start()))
    starting.start()
    starting.join()
    atexit.register(made.gone)
    return made


def prefix(folder: Path) -> str:
    """What the keys of the tests in a folder begin with."""
    return hashlib.blake2b(str(folder).encode(), digest_size=8).hexdigest() + ":"


def aided(yaml: str, folder: Path) -> str:
    """The settings of a gateway in a folder, with what is beside its store."""
    if not CHOSEN or "\nredis:" in yaml:
        return yaml
    return f"{yaml}\nredis: {{url: '{server().url}', prefix: '{prefix(folder)}'}}\n"


@asynccontextmanager
async def beside(folder: Path, me: str, clock: Clock) -> AsyncIterator[tuple[Shared, Cache | None]]:
    """What a process on the store of a folder shares with others."""
    if not CHOSEN:
        yield Alone(), None
        return
    line = Line(server().url, clock, ANSWERS, prefix(folder))
    shared: Shared
    if postgres.CHOSEN:
        bell = Postgres(postgres.server().database(folder), me, clock)
        shared = Redis(line, bell, me, prefix(folder), clock, SEAL)
    else:
        shared = Beside(line)
    await shared.open()
    try:
        yield shared, RedisCache(line, prefix(folder), SEAL)
    finally:
        await shared.close()
