"""What else goes on meanwhile: failures of the platform, the bot, the store and Redis, and edits of the configuration,
each of it again and again.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import apsw
import asyncpg  # type: ignore[import-untyped]

from tests import postgres
from tests.crash.edits import Edits
from tests.far.backend import Call, Reply, fails
from tests.far.redis import Valkey
from tests.far.telegram import TelegramServer
from tests.far.telegram.faults import How
from tests.full import shut
from tests.process import Gateway

EVERY = 0.03  # seconds between two troubles, on average
SENDING: tuple[int | How, ...] = (429, 500, 502, "reset", "html", "accept_then_reset", "accept_then_cut")
FETCHING: tuple[int | How, ...] = (429, 502, "reset", "html")
ANSWERING = 0.1  # how many of the bot's answers fail
HELD = 2.0  # seconds that a store is held at most: longer than we wait for it
CUT = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND random() < 0.5"""


class Troubles:
    """Those of one life. `met` counts what has really happened, by name."""

    def __init__(
        self,
        chance: random.Random,
        folder: Path,
        platform: TelegramServer,
        gateways: list[Gateway],
        redis: Valkey | None,
        config: str,
        *,
        polling: bool,
    ) -> None:
        self._chance, self._folder, self._platform, self._gateways = chance, folder, platform, gateways
        self._redis = redis
        self.met: Counter[str] = Counter()
        self.edits = Edits(chance, gateways, config, self.met)
        self._kinds: list[Callable[[], Awaitable[None]]] = [self._at_the_platform] * 12
        self._kinds += [self._fetching] * 2 if polling else []
        self._kinds += [self._at_the_store, self.edits.once]
        self._kinds += [self._flushed, self._flushed, self._stopped] if redis else []

    async def go_on(self) -> None:
        """Until `rest` is called: one that has begun comes to its end."""
        self._going = True
        while self._going:
            await asyncio.sleep(self._chance.random() * 2 * EVERY)
            await self._chance.choice(self._kinds)()

    def rest(self) -> None:
        self._going = False

    def end(self) -> None:
        """Nothing goes wrong any more."""
        for fault in self._platform.script.unused:
            self.met[_named(fault.method, fault.how)] -= 1
        self._platform.script.clear()
        self.edits.end()

    def at_the_bot(self, call: Call) -> Reply | None:
        """What a bot says instead of its answer, now and then; not twice to the same message."""
        if call.document["turn"]["attempt"] > 1 or self._chance.random() >= ANSWERING:
            return None
        self.met["the bot fails"] += 1
        return self._chance.choice((fails(503), fails(502), Reply([b'{"te'], end="cut"), Reply(end="reset")))

    async def _at_the_platform(self) -> None:
        self._fail("sendMessage", self._chance.choice(SENDING))

    async def _fetching(self) -> None:
        self._fail("getUpdates", self._chance.choice(FETCHING))

    def _fail(self, method: str, how: int | How) -> None:
        """One at a time: a platform that only fails would be an outage."""
        if not any(fault.method == method for fault in self._platform.script.unused):
            self._platform.fail(method, how, retry_after=1 if how == 429 else 0)
            self.met[_named(method, how)] += 1

    async def _at_the_store(self) -> None:
        if postgres.CHOSEN:
            # One that has just been started ends where it has no store, and is started again by whoever minds it.
            if all([gateway.runs and await gateway.is_ready() for gateway in self._gateways]):
                with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                    await asyncio.to_thread(postgres.server().ask, CUT, self._folder)
                    self.met["connections to the store are cut"] += 1
        elif (self._folder / "gateway.db").exists():
            await asyncio.to_thread(self._hold, self._chance.random() ** 4 * HELD)

    def _hold(self, seconds: float) -> None:
        with suppress(apsw.BusyError), shut(self._folder):
            self.met["the store is held"] += 1
            time.sleep(seconds)

    async def _flushed(self) -> None:
        assert self._redis is not None
        await self._redis.ask("FLUSHALL")
        self.met["Redis is flushed"] += 1

    async def _stopped(self) -> None:
        assert self._redis is not None
        if self._chance.random() < 0.5:
            await asyncio.to_thread(self._redis.kill)
            await asyncio.sleep(self._chance.random() * 0.5)
            await self._redis.start()
            self.met["Redis is killed"] += 1
        else:
            self._redis.pause()
            await asyncio.sleep(self._chance.random() * 0.3)
            self._redis.resume()
            self.met["Redis stands still"] += 1


def _named(method: str, how: int | How) -> str:
    what = "accepts and does not say so" if str(how).startswith("accept") else f"says {how}"
    return f"the platform {what if isinstance(how, int) or what.startswith('acc') else 'breaks off'} ({method})"
