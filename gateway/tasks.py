"""Background tasks that cannot vanish: each is held, named, awaited at the end, and its failure is logged."""

import asyncio
from collections.abc import Collection, Coroutine
from typing import Any

import structlog

log = structlog.get_logger()

STUBBORN = 3.0  # seconds after which a task that was told to end is told once more


async def ended(tasks: Collection[asyncio.Task[Any]], stubborn: float = STUBBORN) -> None:
    """End tasks, and wait for them.

    On Python 3.11 `asyncio.wait_for`, which libraries use, loses a cancellation that comes just as there is what it
    waited for, and a task group one that comes just as one of its tasks fails: such a task would go on for ever.
    What runs inside a task group is told once, by the group.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=stubborn)
        for task in left:
            log.warning("task.stubborn", task=task.get_name())


class Tasks:
    """A set of running tasks. A bare task may be garbage-collected while it runs, and swallows its exception."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._running)

    def start(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("task.failed", task=task.get_name(), exc_info=error)

    async def wait(self, seconds: float | None = None) -> bool:
        """Wait until all have ended, at most so long. False when some are still running."""
        if self._running:
            await asyncio.wait(set(self._running), timeout=seconds)
        return not self._running

    async def cancel(self) -> None:
        """End what still runs, and wait for it."""
        await ended(self._running)
