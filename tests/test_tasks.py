"""Background tasks: what is told to end has ended, and what failed has been told."""

import asyncio

import pytest

from gateway.tasks import Tasks, ended

pytestmark = pytest.mark.feature("STO-06")


async def stubborn(times: int, told: list[int]) -> None:
    """Loses a cancellation some times, as `asyncio.wait_for` of Python 3.11 may."""
    for number in range(times + 1):
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            told.append(number)
    raise asyncio.CancelledError


@pytest.mark.parametrize("times", [0, 1, 3])
async def test_a_task_that_lost_its_cancellation_is_told_again(times: int, capsys: pytest.CaptureFixture[str]) -> None:
    told: list[int] = []
    tasks = [asyncio.create_task(stubborn(times, told)), asyncio.create_task(asyncio.sleep(3600))]
    await asyncio.sleep(0)
    await ended(tasks, stubborn=0.01)
    assert told == list(range(times + 1))
    assert all(task.cancelled() for task in tasks)
    assert capsys.readouterr().out.count("task.stubborn") == times


async def test_what_has_ended_or_was_never_there_needs_no_waiting() -> None:
    over = asyncio.create_task(asyncio.sleep(0))
    await over
    await ended([])
    await ended([over])
    assert not over.cancelled()


async def test_none_is_left_of_a_set_and_what_failed_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    async def fail() -> None:
        raise ValueError("so it goes")

    tasks = Tasks()
    tasks.start(fail(), "failing")
    tasks.start(asyncio.sleep(3600), "sleeping")
    await asyncio.sleep(0)
    await tasks.cancel()
    assert not len(tasks)
    assert "so it goes" in capsys.readouterr().out
