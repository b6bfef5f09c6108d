"""A bell that wakes a worker: rung when something may be due, and by itself every now and then.

The ring only makes it quick. Looking again regularly is what makes it right.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

POLL = 1.0  # seconds, give or take a fifth

log = structlog.get_logger()


class Bell:
    """Calls `look` whenever it rings, and at least once in `POLL` seconds."""

    def __init__(self, look: Callable[[], Awaitable[None]]) -> None:
        self._look = look
        self._rung = asyncio.Event()
        self._stopped = False
        self._timer: asyncio.TimerHandle | None = None

    def ring(self) -> None:
        self._rung.set()

    def ring_in(self, seconds: float) -> None:
        """Ring once more after a while; the earliest wish counts."""
        loop = asyncio.get_running_loop()
        at = loop.time() + seconds
        if (
            self._timer is None
            or self._timer.cancelled()
            or at < self._timer.when()
            or self._timer.when() < loop.time()
        ):
            if self._timer is not None:
                self._timer.cancel()
            self._timer = loop.call_at(at, self.ring)

    def stop(self) -> None:
        """End `run` once it has looked; a look that is cut off may have taken what nobody works on then."""
        self._stopped = True
        self.ring()

    async def run(self) -> None:
        """Look, until stopped or cancelled; a look that fails is no reason never to look again."""
        while not self._stopped:
            self._rung.clear()
            try:
                await self._look()
            except Exception as error:
                log.error("task.failed", task="bell", exc_info=error)
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL * random.uniform(0.8, 1.2)):
                    await self._rung.wait()
