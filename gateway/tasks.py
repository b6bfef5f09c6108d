"""Background tasks that cannot vanish: each is held, named, awaited at the end, and its failure is logged."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

log = structlog.get_logger()


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
        for task in set(self._running):
            task.cancel()
        await self.wait()
