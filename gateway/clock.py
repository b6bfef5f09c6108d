"""Time and new ids, as something that is passed in: tests bring their own."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from gateway.errors import StorageDown

ASKED_EVERY = 5.0  # seconds between two questions for a server's time
POOL = 5120  # bytes asked of the operating system at once: a call for each id would cost more than the id
LOW, VARIANT = (1 << 62) - 1, 0b10 << 62


class Clock:
    """The machine's clock. `now` is wall time in ms; `tick` is monotonic seconds for measuring."""

    def __init__(self) -> None:
        self._random, self._taken = b"", 0

    def now(self) -> int:
        return time.time_ns() // 1_000_000

    def tick(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def new_id(self) -> str:
        """A UUID of version 7: sortable by time, 74 random bits from the operating system."""
        if self._taken + 10 > len(self._random):
            self._random, self._taken = os.urandom(POOL), 0
        noise = int.from_bytes(self._random[self._taken : self._taken + 10], "big")
        self._taken += 10
        text = f"{self.now():012x}7{noise >> 64 & 0xFFF:03x}{noise & LOW | VARIANT:016x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class ServerClock(Clock):
    """The time of a server that several processes work on, carried on by our own monotonic clock in between.

    A lease is a promise between processes. Were each to go by the clock of its machine, one that is ahead would take
    what others still hold, one that is behind would keep what it has lost, and a step of either would do so at once.
    """

    def __init__(self, asks: Callable[[], Awaitable[int]]) -> None:
        """`asks` tells the server's time, in ms."""
        super().__init__()
        self._asks, self._zero = asks, time.time() - time.monotonic()

    def now(self) -> int:
        return int((self._zero + self.tick()) * 1000)

    async def ask(self) -> None:
        """Go by what the server says. It said so after we asked and before we heard: within that we stay as we are."""
        asked = self.tick()
        said = (await self._asks()) / 1000
        self._zero = min(max(self._zero, said - self.tick()), said - asked)

    async def follow(self) -> None:
        """Ask again and again: clocks drift, and the server may be another one than before."""
        while True:
            await self.sleep(ASKED_EVERY)
            with suppress(StorageDown):
                await self.ask()
