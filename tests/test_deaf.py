"""A connection that seems to stand and over which nothing comes is told apart from a quiet one, and made anew."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import aiohttp
import pytest

from gateway.adapter import State
from gateway.channel import Channel
from gateway.client import Client
from gateway.clock import Clock
from gateway.connection import Connection
from gateway.gate import ChannelGate
from tests import paper
from tests.kit import corridor

pytestmark = pytest.mark.feature("CH-23")


class Hours(Clock):
    """A clock by which whoever sleeps sleeps on until the test lets time go by. It is `set` on or back."""

    asked_every = 3600.0

    def __init__(self) -> None:
        super().__init__()
        self.at, self.set = 1_000.0, 0.0
        self._naps: list[tuple[float, asyncio.Event]] = []

    def now(self) -> int:
        return round((self.at + self.set) * 1000)

    def tick(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        over = asyncio.Event()
        self._naps.append((self.at + seconds, over))
        await over.wait()

    async def goes_by(self, seconds: float) -> None:
        until = self.at + seconds
        while self.at < until:
            self.at = min([until, *(at for at, over in self._naps if not over.is_set() and at > self.at)])
            for at, over in self._naps:
                if at <= self.at:
                    over.set()
            for _ in range(20):
                await asyncio.sleep(0)


class Line(paper.Adapter):
    """Hears of itself every so often, as long as it is not deaf; `tells` is the state that it tells of itself."""

    every: ClassVar[float] = 50

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.opened, self.ended, self.deaf = 0, 0, False
        self.tells: State = "up"

    @property
    def hears_every(self) -> float:
        return self.every

    async def open(self) -> None:
        self.opened += 1

    async def run(self) -> None:
        try:
            while True:
                await self.gate.pause(50)
                if self.tells != "up":
                    self.gate.health(self.tells, "it knows")
                elif not self.deaf:
                    self.gate.heard()
        finally:
            self.ended += 1


class Mute(Line):
    every = 0


class Seldom(Line):
    every = 330


@asynccontextmanager
async def connected(folder: Path, kind: type[Line] = Line) -> AsyncIterator[tuple[Line, Hours]]:
    async with corridor(folder) as kit, aiohttp.ClientSession() as http:
        client, clock = Client(), Hours()
        gate = ChannelGate(kit.corridor, kit.router, http, client, "")
        adapter = kind("p", kit.here.settings.options, gate)
        gate.channel = Channel("p", kit.here.settings, adapter, clock)
        here, kit.corridor.clock = kit.corridor.clock, clock
        task = asyncio.create_task(Connection(gate.channel, gate, clock).run())
        try:
            await clock.goes_by(1)
            yield adapter, clock
        finally:
            kit.corridor.clock = here
            task.cancel()
            await asyncio.wait([task])
            await client.close()


def state(adapter: Line) -> str:
    return adapter.gate.channel.state  # type: ignore[attr-defined, no-any-return]


async def test_what_is_heard_of_is_left_alone(tmp_path: Path) -> None:
    async with connected(tmp_path) as (adapter, clock):
        await clock.goes_by(4 * 3600)
        assert (adapter.opened, state(adapter)) == (1, "up")


async def test_after_two_minutes_of_silence_it_is_deaf_and_made_anew(tmp_path: Path) -> None:
    async with connected(tmp_path) as (adapter, clock):
        await clock.goes_by(100)
        adapter.deaf = True
        await clock.goes_by(115)
        assert (adapter.opened, state(adapter)) == (1, "up")
        await clock.goes_by(5.5)
        assert (adapter.ended, state(adapter)) == (1, "deaf")
        await clock.goes_by(3)
        assert (adapter.opened, state(adapter)) == (2, "up")
        adapter.deaf = False
        await clock.goes_by(3600)
        assert (adapter.opened, state(adapter)) == (2, "up")


async def test_a_connection_that_stays_deaf_is_made_anew_every_few_minutes(tmp_path: Path) -> None:
    async with connected(tmp_path) as (adapter, clock):
        adapter.deaf = True
        await clock.goes_by(3600)
        assert 10 < adapter.opened < 40


@pytest.mark.parametrize("told", ["retrying", "conflict"])
async def test_what_tells_its_trouble_itself_is_not_deaf(told: State, tmp_path: Path) -> None:
    async with connected(tmp_path) as (adapter, clock):
        adapter.tells = told
        await clock.goes_by(3600)
        assert (adapter.opened, state(adapter)) == (1, told)


@pytest.mark.parametrize(("kind", "seconds", "opened"), [(Mute, 86_400, 1), (Seldom, 330, 1), (Seldom, 340, 2)])
async def test_a_platform_that_may_keep_silent_longer_has_longer(
    kind: type[Line], seconds: int, opened: int, tmp_path: Path
) -> None:
    async with connected(tmp_path, kind) as (adapter, clock):
        adapter.deaf = True
        await clock.goes_by(seconds - 2)
        assert adapter.opened == opened


@pytest.mark.parametrize("seconds", [-86_400, 86_400])
async def test_a_clock_that_is_set_makes_nobody_deaf_and_hides_no_deafness(seconds: float, tmp_path: Path) -> None:
    async with connected(tmp_path) as (adapter, clock):
        await clock.goes_by(110)
        clock.set = seconds
        await clock.goes_by(3600)
        assert (adapter.opened, state(adapter)) == (1, "up")
        adapter.deaf = True
        clock.set = 0
        await clock.goes_by(180)
        assert adapter.ended == 1
