"""Time and new ids, as something that is passed in: tests bring their own."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from math import inf

JUMP = 1.0  # seconds; what is less is no jump, and followed at once
POOL = 5120  # bytes asked of the operating system at once: a call for each id would cost more than the id
LOW, VARIANT = (1 << 62) - 1, 0b10 << 62
_PASSED: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Clock:
    """The machine's clock, and an even one: where that jumps, `now` goes on until it is told to `follow`.

    `now` is wall time in ms; `tick` is seconds for measuring that pass evenly, also while the machine sleeps: a lease
    goes on meanwhile.
    """

    asked_every = 1.0  # seconds between two questions for how far it has strayed

    def __init__(self) -> None:
        self._zero = time.time() - _passed()
        self._random, self._taken = b"", 0
        self._leaps: list[tuple[int, int]] = []  # jumps forward that it has followed: when it did (ms), and how far
        self.leapt_at = -inf  # by `tick`, when the last one was

    def now(self) -> int:
        return int((self._zero + _passed()) * 1000)

    def tick(self) -> float:
        return _passed()

    def age(self, at: int) -> int:
        """How many ms ago something was; what the time has jumped forward by since has not passed."""
        return max(0, self.now() - at - sum(by for upto, by in self._leaps if at <= upto))

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def strayed(self) -> float:
        """By how many seconds what we go by is ahead of us."""
        return time.time() - _passed() - self._zero

    def follow(self, seconds: float) -> None:
        """Go on from so much later, or earlier."""
        if seconds > JUMP:
            self._leaps.append((self.now(), round(seconds * 1000)))
            self.leapt_at = self.tick()
        elif seconds < -JUMP:
            self._leaps.clear()
        self._zero += seconds

    def new_id(self) -> str:
        """A UUID of version 7: sortable by time, 74 random bits from the operating system."""
        if self._taken + 10 > len(self._random):
            self._random, self._taken = os.urandom(POOL), 0
        noise = int.from_bytes(self._random[self._taken : self._taken + 10], "big")
        self._taken += 10
        text = f"{self.now():012x}7{noise >> 64 & 0xFFF:03x}{noise & LOW | VARIANT:016x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class ServerClock(Clock):
    """The time of a server that several processes work on, carried on by our own clock in between.

    A lease is a promise between processes. Were each to go by the clock of its machine, one that is ahead would take
    what others still hold, one that is behind would keep what it has lost, and a step of either would do so at once.
    """

    asked_every = 5.0

    def __init__(self, asks: Callable[[], Awaitable[int]]) -> None:
        """`asks` tells the server's time, in ms."""
        super().__init__()
        self._asks = asks

    async def begin(self) -> None:
        """Go by it from now on; until now our machine's time was as good as any."""
        self._zero += await self.strayed()

    async def strayed(self) -> float:
        """It said so after we asked and before we heard: within that we stay as we are."""
        asked = _passed()
        said = (await self._asks()) / 1000
        return min(max(self._zero, said - _passed()), said - asked) - self._zero


def _passed() -> float:
    """Seconds that have passed on this machine since some time: also while it slept, and however its clock is set."""
    return time.clock_gettime(_PASSED)
