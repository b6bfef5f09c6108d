"""Many waits on one timer: nearly all are over before they ring, and a timer of the loop for each would cost more than
the wait itself.
"""

import asyncio
from collections.abc import Callable
from math import inf


class Alarm:
    """One wait. `due` is a time of the loop's clock."""

    __slots__ = ("due", "ring")

    def __init__(self, due: float, ring: Callable[[], None]) -> None:
        self.due = due
        self.ring: Callable[[], None] | None = ring

    def rings(self) -> None:
        if self.ring is not None:
            self.ring()


class Alarms:
    """Those of one loop that are set. The timer stands at the earliest of them, or earlier."""

    def __init__(self) -> None:
        self._set: set[Alarm] = set()
        self._next, self._timer = inf, None  # type: tuple[float, asyncio.TimerHandle | None]

    def __len__(self) -> int:
        return len(self._set)

    def set(self, seconds: float, ring: Callable[[], None]) -> Alarm:
        """Have `ring` called in so many seconds, once, unless it is cancelled before."""
        loop = asyncio.get_running_loop()
        alarm = Alarm(loop.time() + seconds, ring)
        self._set.add(alarm)
        if alarm.due < self._next:
            self._arm(loop, alarm.due)
        return alarm

    def cancel(self, alarm: Alarm) -> None:
        """It does not ring, even if it is due by now. One that has rung is cancelled already."""
        alarm.ring = None
        self._set.discard(alarm)

    def _arm(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._next, self._timer = due, loop.call_at(due, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        # A loop that counts whole milliseconds rings a little early.
        now = max(loop.time(), self._next)
        self._next, self._timer = inf, None
        for alarm in sorted((alarm for alarm in self._set if alarm.due <= now), key=lambda alarm: alarm.due):
            self._set.discard(alarm)
            loop.call_soon(alarm.rings)
        if self._set:
            self._arm(loop, min(alarm.due for alarm in self._set))
