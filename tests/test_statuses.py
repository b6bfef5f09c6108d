"""What platforms report of parts: it climbs, is shown to operators, told to who watches, and a late failure is loud."""

from pathlib import Path
from typing import Any

import pytest
import structlog

from gateway.live import Event
from gateway.message import Part
from tests.operators import Desk, desk

pytestmark = [pytest.mark.feature("OUT-07"), pytest.mark.store]


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
        assert await shown(here, "dead") == "failed"
        counted = 'gateway_dead_letters_total{box="outbox",channel="p",reason="reported"} 1.0'
        assert counted in here.corridor.metrics.text().decode(), "the alert of deploy/prometheus goes by this"


@pytest.mark.feature("INB-08")
async def test_what_failed_after_it_was_sent_is_a_dead_letter_and_may_be_sent_again(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        part, _, _ = await sent(here)
        await here.here.adapter.gate.settle(part, "failed")
        (letter,) = (await here.get("dead?reason=reported"))["dead"]
        assert (letter["box"], letter["part"], letter["status"]) == ("outbox", part, "failed")
        assert (await here.ask("POST", f"dead/outbox/{part}/requeue")).status == 200
        await here.quiet()
        assert here.paper.texts() == ["hello", "hello"]
        await here.here.adapter.gate.settle(part, "delivered")
        assert await shown(here) == "delivered"
        assert (await here.get("dead"))["dead"] == []


async def test_a_failure_that_is_told_before_we_hear_that_it_was_sent(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:

        async def fails(part: Part) -> None:
            await here.here.adapter.gate.settle(part.id, "failed")

        here.paper.before = fails
        await here.say("hello")
        await here.quiet()
        assert await here.rows("SELECT state, reason, status FROM outbox") == [("dead", "reported", "failed")]
