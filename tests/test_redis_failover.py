"""A Redis that answers and takes nothing down: a primary that has become a replica, one that is full, or forbids it."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.shared.redis_line import PROBE, TRIAL, Line
from gateway.units import Rate
from tests.far.redis import Valkey, leading, speaking, valkey
from tests.patience import PATIENCE
from tests.ports import free_port
from tests.redis_ends import Swift, ends, until
from tests.test_redis_meter import passes, processes

Do = Callable[[Valkey], Awaitable[object]]


class Counting(Swift):
    looks = 0

    async def sleep(self, seconds: float) -> None:
        self.looks += seconds == PROBE
        await super().sleep(seconds)


@asynccontextmanager
async def saving() -> AsyncIterator[Valkey]:
    """One that writes to its disk, in a folder of its own."""
    async with valkey("--enable-protected-configs", "yes") as server:
        (Path(server.folder.name) / "kept").mkdir()
        await server.ask("CONFIG", "SET", "dir", f"{server.folder.name}/kept")
        yield server


async def _cannot_save(server: Valkey) -> None:
    await server.ask("CONFIG", "SET", "save", "3600 1")
    shutil.rmtree(Path(server.folder.name) / "kept")
    await server.ask("BGSAVE")


SUBSCRIBED = ["bell:process-0", 1, "bell:process-1", 1]
UNFIT: dict[str, tuple[str, Do, Do]] = {
    "replica": (
        "read only replica",
        lambda server: server.ask("REPLICAOF", "127.0.0.1", free_port()),
        lambda server: server.ask("REPLICAOF", "NO", "ONE"),
    ),
    "full": (
        "maxmemory",
        lambda server: server.ask("CONFIG", "SET", "maxmemory", 1),
        lambda server: server.ask("CONFIG", "SET", "maxmemory", 0),
    ),
    "disk": ("MISCONF", _cannot_save, lambda server: server.ask("CONFIG", "SET", "save", "")),
    "rights": (
        "no permissions",
        lambda server: server.ask("ACL", "SETUSER", "default", "-eval"),
        lambda server: server.ask("ACL", "SETUSER", "default", "+eval"),
    ),
}


@pytest.mark.feature("STO-03")
@pytest.mark.parametrize("kind", UNFIT)
async def test_what_takes_nothing_down_is_away_until_it_does(kind: str) -> None:
    word, spoil, mend = UNFIT[kind]
    async with saving() as server:
        clock = Counting()
        one = Line(server.url, clock, PATIENCE)  # a busy machine is no Redis that is away
        await one.open()
        await until(lambda: one.up)
        with capture_logs() as logs:
            await spoil(server)
            await until(lambda: not one.up)
            assert await server.ask("INFO")
            before = clock.looks
            await until(lambda: clock.looks > before + 5)
            assert len(logs) == 1  # and not at each look
            assert word in logs[0]["error"]
        await mend(server)
        await until(lambda: one.up)
        await one.close()


@pytest.mark.feature("STO-03")
async def test_what_comes_and_goes_is_believed_later_each_time() -> None:
    _, spoil, mend = UNFIT["full"]
    async with valkey() as server:
        clock, waited = Counting(), []
        one = Line(server.url, clock, PATIENCE)
        await one.open()
        await until(lambda: one.up)
        for _ in range(3):
            await spoil(server)
            await until(lambda: not one.up)
            await mend(server)
            before = clock.looks
            await until(lambda: one.up)
            waited.append(clock.looks - before)
        assert waited[0] >= TRIAL - 1
        assert waited[2] > waited[1] > waited[0]
        await until(lambda: one._doubt == TRIAL)  # who has been well for long is believed as before
        await one.close()


ONE_RIGHT: tuple[str, Do, Do] = (
    "no permissions",
    lambda server: server.ask("ACL", "SETUSER", "default", "-hset"),
    lambda server: server.ask("ACL", "SETUSER", "default", "+hset"),
)


@pytest.mark.feature("STO-03", "OUT-04")
@pytest.mark.parametrize("kind", [*UNFIT, "one right"])
async def test_the_pace_is_kept_without_it(tmp_path: Path, kind: str) -> None:
    _, spoil, mend = UNFIT.get(kind, ONE_RIGHT)
    async with saving() as server, processes(tmp_path, server, 2, Rate(30, 1)) as both:
        await spoil(server)
        for one in both:
            one.send(1)
        await until(lambda: not any(one.end.streams for one in both))
        await passes(10, *both)
        for one in both:
            assert 10 <= one.send(40) <= 15  # its share of a second
        await mend(server)
        await until(lambda: all(one.end.streams for one in both))
        went = 0
        for _ in range(60):
            went += both[0].send(40)
            await passes(0.1, *both)
        assert went > 6 * 15  # more than its share: all of it, since the other one is silent


@pytest.mark.feature("STO-03")
async def test_after_a_failover_all_are_led_to_the_one_that_is(tmp_path: Path) -> None:
    """No connection breaks, and the one that was goes on as a replica."""
    async with valkey() as old, valkey() as new:
        await new.ask("REPLICAOF", "127.0.0.1", old.port)
        primary = old
        async with speaking(leading(lambda: primary)) as url, ends(tmp_path, [url] * 2, answers=PATIENCE) as (one, two):
            heard: list[str] = []
            two.subscribe("bot/b", heard.append)
            await until(lambda: one.followed("bot/b") and one.streams and two.streams)
            await new.ask("REPLICAOF", "NO", "ONE")
            primary = new
            await old.ask("REPLICAOF", "127.0.0.1", new.port)
            one.publish("bot/b", "meanwhile")
            await until(lambda: heard)
            async with asyncio.timeout(PATIENCE):
                while await new.ask("PUBSUB", "NUMSUB", "bell:process-0", "bell:process-1") != SUBSCRIBED:
                    await asyncio.sleep(0.01)
            one.publish("bot/b", "afterwards")
            await until(lambda: "afterwards" in heard)
            await until(lambda: one.streams and two.streams)
