"""One person is erased by one gateway at a time, and counted once, whoever else wants to do it."""

import asyncio
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest

from gateway import erasing
from gateway.erasure import Erasure
from gateway.tenure import hold
from tests.groups import hear
from tests.kit import Kit
from tests.postgres import server
from tests.several import Several, several
from tests.steps import whole
from tests.test_erasing import IS, NEEDLES, town, traces

pytestmark = pytest.mark.feature("SEC-08", "STO-05")

YAML = """
bots: {b: {kind: echo}}
channels: {p: {platform: tests.paper, bot: b, sheet: "SHEET", limits: {send: off, messages: off}}}
"""
COUNTS = {"messages": 6, "inbox": 4, "outbox": 4, "sessions": 1, "participants": 1}
"""What `talk` leaves behind, alone (two messages, their answers) and in company (two, whose answers name them)."""


async def talk(here: Several) -> str:
    for kit in here:
        await kit.say("xyzzy", user="ada")
        await kit.quiet()
        await hear(kit, "xyzzy too", "ada")
        await kit.quiet()
    ((participant,),) = await here[0].rows("SELECT id FROM participant WHERE person = 'ada'")
    return str(participant)


class Stuck:
    """A gateway whose erasing stands still after its first step."""

    def __init__(self, kit: Kit) -> None:
        self.reached, self.go_on, self.stopped = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.steps = 0
        erasure = kit.router.erasure
        real = erasure._step

        async def step(work: Awaitable[Any]) -> Any:
            done = await real(work)
            self.steps += 1
            self.reached.set()
            try:
                await self.go_on.wait()
            except asyncio.CancelledError:
                self.stopped.set()
                raise
            return done

        erasure._step = step  # type: ignore[method-assign]


async def test_whoever_keeps_house_leaves_alone_what_another_erases(tmp_path: Path) -> None:
    async with several(tmp_path, YAML) as here:
        ada = await talk(here)
        slow, idle = (Stuck(kit) for kit in here)
        one, other = (kit.router.erasure for kit in here)
        job = asyncio.ensure_future(one.erase(ada))
        await slow.reached.wait()
        assert await other.resume() == 0
        asking = asyncio.ensure_future(other.erase(ada))  # somebody asks for it there
        slow.go_on.set()
        assert await job == await asking == COUNTS
        assert idle.steps == 0
        assert await here[0].rows("SELECT 1 FROM tenure WHERE name LIKE 'erasing/%'") == []


async def test_what_a_dead_one_began_another_finishes_in_time(tmp_path: Path) -> None:
    async with several(tmp_path, YAML) as here:
        ada, c = await talk(here), here[0].corridor
        who = await c.db.write(erasing.begin, ada, c.clock.now())
        assert who is not None
        held = f"erasing/{erasing.tombstone(who).hex()}", "the dead one", c.clock.now()
        await c.db.write(hold, *held, c.clock.now() + 60_000)
        assert await here[1].router.erasure.resume() == 0
        await c.db.write(hold, *held, c.clock.now() - 1)
        assert await here[1].router.erasure.resume() == 1
        assert await here[0].rows("SELECT COUNT(*) FROM participant") == [(0,)]


async def test_who_is_not_the_one_any_more_stops_until_it_is_again(tmp_path: Path) -> None:
    async with several(tmp_path, YAML) as here:
        ada, slow = await talk(here), Stuck(here[0])
        job = asyncio.ensure_future(here[0].router.erasure.erase(ada))
        await slow.reached.wait()
        server().ask("UPDATE tenure SET holder = 'other', until = until + 600000 WHERE name LIKE 'erasing/%'", tmp_path)
        await slow.stopped.wait()
        slow.go_on.set()
        await asyncio.sleep(0)
        assert (slow.steps, job.done()) == (1, False)
        server().ask("DELETE FROM tenure WHERE name LIKE 'erasing/%'", tmp_path)
        assert await job == COUNTS


@pytest.mark.store
async def test_two_at_once_count_what_one_counts(tmp_path: Path) -> None:
    """Who wakes late does once more what another one has done."""
    counts = []
    for name, times in (("one", 1), ("two", 2)):
        (tmp_path / name).mkdir()
        async with town(tmp_path / name) as (kit, ada):
            await hear(kit, "xyzzy waits", IS)
            who = await kit.corridor.db.write(erasing.begin, ada, kit.clock.now())
            assert who is not None
            jobs = [Erasure(kit.corridor, lambda lane: kit.router.turns.interrupt(lane, "superseded"))] * times
            await asyncio.gather(*(job._erase(ada, who) for job in jobs))
            counts += await kit.rows("SELECT counts FROM erased")
            assert {table: rows for table, rows in (await traces(kit, NEEDLES)).items() if rows} == {}
            await whole(kit)
    assert counts[0] == counts[1]
