"""Waits that share one timer of the loop."""

import asyncio

import pytest

from gateway.alarms import Alarms
from tests.leap import leap

pytestmark = pytest.mark.feature("STO-10")


async def turned() -> None:
    """The loop has gone round, whatever was due."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_each_rings_once_when_it_is_due_and_in_order() -> None:
    alarms, rung = Alarms(), list[str]()
    for seconds in (1800, 600, 1200, 630):
        alarms.set(seconds, lambda seconds=seconds: rung.append(str(seconds)))  # type: ignore[misc]
    for passed, wanted in ((540, []), (120, ["600", "630"]), (720, ["1200"]), (0, []), (600, ["1800"]), (6000, [])):
        leap(passed)
        await turned()
        assert rung == wanted, passed
        rung.clear()
    assert len(alarms) == 0


async def test_what_is_cancelled_is_silent_and_keeps_nobody_waiting() -> None:
    alarms, rung = Alarms(), list[str]()
    early, _ = alarms.set(60, lambda: rung.append("early")), alarms.set(300, lambda: rung.append("late"))
    alarms.cancel(early)
    leap(120)
    await turned()
    assert rung == []
    alarms.set(60, lambda: rung.append("new"))
    leap(240)
    await turned()
    assert rung == ["new", "late"]
    alarms.cancel(early)  # once more changes nothing
    assert len(alarms) == 0


async def test_what_is_due_may_still_be_cancelled() -> None:
    alarms, rung = Alarms(), list[str]()
    one = alarms.set(1, lambda: alarms.cancel(other))
    other = alarms.set(1.5, lambda: rung.append("other"))
    leap(2)
    await turned()
    assert (rung, len(alarms), one.ring is None) == ([], 0, False)


async def test_one_that_fails_keeps_no_other_from_ringing() -> None:
    alarms, rung, heard = Alarms(), list[str](), list[str]()

    def fail() -> None:
        raise ValueError("broken")

    asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(repr(context["exception"])))
    alarms.set(1, fail)
    alarms.set(1, lambda: rung.append("well"))
    leap(2)
    await turned()
    assert (rung, heard) == (["well"], ["ValueError('broken')"])
