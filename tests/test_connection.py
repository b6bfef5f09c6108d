"""A channel's connection is made again after a failure: later and later, not too often, and its return is told."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import structlog

from gateway.adapter import State
from gateway.channel import Channel
from gateway.client import Client
from gateway.clock import Clock
from gateway.connection import Connection
from gateway.errors import Refused, Retry
from gateway.gate import ChannelGate
from gateway.reloading import Origin
from tests import paper
from tests.kit import corridor
from tests.operators import desk


class Asleep(Clock):
    """A clock that goes on only while somebody sleeps."""

    def __init__(self) -> None:
        super().__init__()
        self.at, self.naps, self.states = 0.0, list[float](), list[State]()
        self.channel: Channel

    def tick(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.states.append(self.channel.state)
        self.at += seconds
        await asyncio.sleep(0)


class Moody(paper.Adapter):
    """Opens as often as it is asked to, and fails as its plan says; then it runs until it is cancelled."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.plan: list[BaseException | None] = []
        self.tries: list[float] = []
        self.clock = Asleep()
        self.running = asyncio.Event()

    async def open(self) -> None:
        self.tries.append(self.clock.at)
        if self.plan and (trouble := self.plan.pop(0)) is not None:
            raise trouble

    async def run(self) -> None:
        if self.plan and (trouble := self.plan.pop(0)) is not None:
            raise trouble
        self.running.set()
        await asyncio.Event().wait()


@asynccontextmanager
async def connected(folder: Path, plan: list[BaseException | None]) -> AsyncIterator[Moody]:
    """A channel that is opened with such a plan."""
    async with corridor(folder) as kit, aiohttp.ClientSession() as http:
        client = Client()
        gate = ChannelGate(kit.corridor, kit.router, http, client, "")
        adapter = Moody("p", kit.here.settings.options, gate)
        adapter.plan = plan
        gate.channel = adapter.clock.channel = Channel("p", kit.here.settings, adapter, adapter.clock)
        task = asyncio.create_task(Connection(gate.channel, gate, adapter.clock).run())
        try:
            yield adapter
        finally:
            task.cancel()
            await asyncio.wait([task])
            await client.close()


def away() -> BaseException:
    return Retry("not there")


@pytest.mark.feature("CH-22")
@pytest.mark.parametrize("trouble", [away, lambda: ValueError("a fault of ours")])
async def test_it_is_tried_again_later_and_later(tmp_path: Path, trouble: Callable[[], BaseException]) -> None:
    async with connected(tmp_path, [trouble() for _ in range(8)]) as adapter:
        await asyncio.wait_for(adapter.running.wait(), 20)
        waits = adapter.clock.naps
        assert len(waits) == 8
        for number, wait in enumerate(waits):
            ceiling = min(60, 2 ** (number + 1))
            assert ceiling / 2 <= wait <= ceiling
        assert (adapter.clock.states, adapter.clock.channel.state) == (["retrying"] * 8, "up")


@pytest.mark.feature("CH-22")
async def test_not_all_wait_equally_long(tmp_path: Path) -> None:
    async with connected(tmp_path, [away() for _ in range(60)]) as adapter:
        await asyncio.wait_for(adapter.running.wait(), 20)
        longest = [wait for wait in adapter.clock.naps[5:] if wait > 30]
        assert len(set(longest)) > 30
        assert max(longest) <= 600


@pytest.mark.feature("CH-22")
async def test_it_is_tried_twenty_times_in_ten_minutes_at_most(tmp_path: Path) -> None:
    async with connected(tmp_path, [away() for _ in range(100)]) as adapter:
        await asyncio.wait_for(adapter.running.wait(), 20)
        tries = adapter.tries
        assert len(tries) == 101
        assert all(later - earlier >= 600 for earlier, later in zip(tries, tries[20:], strict=False))


@pytest.mark.feature("CH-22")
async def test_its_return_is_told_with_the_length_of_the_gap(tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as log:
        async with connected(tmp_path, [None, away(), away(), away()]) as adapter:
            await asyncio.wait_for(adapter.running.wait(), 20)
            gap = round(adapter.clock.at, 1)
        told = [line for line in log if line["event"] == "channel.recovered"]
    assert [(line["channel"], line["gap"], line["failures"]) for line in told] == [("p", gap, 3)]
    assert gap >= 1 + 2 + 4


@pytest.mark.feature("CH-22")
async def test_refused_credentials_are_tried_again_every_fifteen_minutes(tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as log:
        async with connected(tmp_path, [Refused("auth", "wrong token"), Refused("auth", "wrong token")]) as adapter:
            await asyncio.wait_for(adapter.running.wait(), 20)
            assert (adapter.clock.states, adapter.clock.channel.state) == (["auth", "auth"], "up")
            assert adapter.tries == [0, 900, 1800]
        assert [line["gap"] for line in log if line["event"] == "channel.recovered"] == [1800]


@pytest.mark.feature("CH-22")
async def test_refused_credentials_are_tried_again_at_a_reload_and_what_waits_goes_out(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        other = here.corridor.channels["q"]
        here.here.health("auth", "the token was refused")
        await here.say("hello")
        await here.stored("SELECT state FROM outbox", ("ready",))
        daemon = here.gateway.daemon
        found = await daemon.follow(Origin(lambda: daemon.settings)).reload()
        await here.quiet()
        assert found.outcome == "unchanged"
        assert here.here.state == "up"
        assert here.paper.texts() == ["hello"]
        assert here.corridor.channels["q"] is other  # nothing was wrong with it
