"""Time and new ids, as something that is passed in: tests bring their own."""

import asyncio
import os
import time
import uuid


class Clock:
    """The machine's clock. `now` is wall time in ms; `tick` is monotonic seconds for measuring."""

    def now(self) -> int:
        return time.time_ns() // 1_000_000

    def tick(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def new_id(self) -> str:
        """A UUIDv7-like id: sortable by time, unguessable in its last 74 bits."""
        random = int.from_bytes(os.urandom(10), "big")
        value = (
            (self.now() << 80) | (0x7 << 76) | ((random >> 64) & 0xFFF) << 64 | (0b10 << 62) | (random & (1 << 62) - 1)
        )
        return str(uuid.UUID(int=value))
