"""What platforms report of parts: it climbs, is shown to operators, told to who watches, and a late failure is loud."""

from pathlib import Path
from typing import Any

import pytest
import structlog

from gateway.live import Event
from tests.operators import Desk, desk

pytestmark = pytest.mark.feature("OUT-07")


async def sent(here: Desk) -> tuple[str, int, str]:
    """An answer that was sent: its part, lane and session."""
    await here.say("hello")
    await here.quiet()
    ((part, lane, session),) = await here.rows("SELECT CAST(id AS TEXT), lane, session FROM outbox")
    return part, lane, session


async def shown(here: Desk, state: str = "sent") -> Any:
    return (await here.get(f"outbox?state={state}"))["outbox"][0]["status"]


async def test_the_status_climbs_and_operators_see_it(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        here.here.health("auth")
        await here.say("hello")
        await here.stored("SELECT state FROM outbox", ("ready",))
        assert await shown(here, "ready") == "queued"
        here.here.health("up")
        here.router.ring_channel("p")
        await here.quiet()
        ((part,),) = await here.rows("SELECT CAST(id AS TEXT) FROM outbox")
        assert await shown(here) == "sent"
        for told, status in (("sent", "sent"), ("read", "read"), ("delivered", "read"), ("sent", "read")):
            await here.here.adapter.gate.settle(part, told)  # type: ignore[arg-type]
            assert await shown(here) == status
            assert (await here.get(f"dead/outbox/{part}"))["status"] == status


async def test_those_who_watch_are_told_of_every_step_once(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        part, lane, session = await sent(here)
        with here.corridor.live.watch(lane) as watcher:
            for told in ("sent", "sent", "delivered", "sent", "read"):
                await here.here.adapter.gate.settle(part, told)
            await here.here.adapter.gate.settle("999", "read")
            await here.here.adapter.gate.settle("no part", "read")
            found = [await watcher.get() for _ in range(3)]
            assert len(watcher) == 0
        steps = ("sent", "delivered", "read")
        assert found == [Event("status", {"part": part, "status": step}, 0, session) for step in steps]


async def test_a_failure_after_it_was_sent_is_loud(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        part, _, session = await sent(here)
        with structlog.testing.capture_logs() as log:
            for _ in range(2):
                await here.here.adapter.gate.settle(part, "failed")
        failures = [line for line in log if line["event"] == "send.failed"]
        assert [(line["log_level"], line["part"], line["session"]) for line in failures] == [("error", part, session)]
        assert await shown(here) == "failed"
        assert 'reason="reported"' in here.corridor.metrics.text().decode()
