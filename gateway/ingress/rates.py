"""How often somebody may ask: one number for each of the most recent askers."""

from collections import OrderedDict

from gateway.clock import Clock

ASKERS = 20_000


class Rates:
    """At most `count` at once, and in `seconds` on the long run (generic cell rate algorithm)."""

    def __init__(self, clock: Clock, count: int, seconds: float, askers: int = ASKERS) -> None:
        self._clock, self._interval, self._burst, self._askers = clock, seconds / count, seconds, askers
        self._levels: OrderedDict[str | bytes, float] = OrderedDict()

    def take(self, asker: str | bytes) -> float:
        """Count one more. 0 when it may pass; else the seconds after which the next may, and nothing is counted."""
        now = self._clock.tick()
        after = max(self._levels.get(asker, 0.0), now) + self._interval
        if after - now > self._burst + self._interval / 1000:
            return after - now - self._burst
        self._levels[asker] = after
        self._levels.move_to_end(asker)
        if len(self._levels) > self._askers:
            self._levels.popitem(last=False)
        return 0.0

    def wait(self, asker: str | bytes) -> float:
        """What `take` would return now. Nothing is counted."""
        after = max(self._levels.get(asker, 0.0), now := self._clock.tick()) + self._interval
        return after - now - self._burst if after - now > self._burst + self._interval / 1000 else 0.0

    def __len__(self) -> int:
        return len(self._levels)
