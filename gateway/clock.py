"""Time and new ids, as something that is passed in: tests bring their own."""

import asyncio
import os
import time

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
