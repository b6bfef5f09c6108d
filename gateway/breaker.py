"""A circuit for each bot: after failures in a row nobody is sent into the fire, but for one probe now and then."""

from gateway.clock import Clock

OPENS_AFTER = 5  # failures in a row
PROBE_EVERY = 30.0  # seconds


class Breaker:
    """Closed: all may pass. Open: one in `PROBE_EVERY` seconds, and its success closes the circuit."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures = 0
        self._probe_at = 0.0

    @property
    def open(self) -> bool:
        return self._failures >= OPENS_AFTER

    def wait(self) -> float:
        """Seconds until somebody may pass; 0: now."""
        return max(0.0, self._probe_at - self._clock.tick()) if self.open else 0.0

    def passing(self) -> None:
        """Somebody passes; while the circuit is open this is the probe."""
        if self.open:
            self._probe_at = self._clock.tick() + PROBE_EVERY

    def failed(self) -> None:
        self._failures += 1
        if self._failures == OPENS_AFTER:
            self._probe_at = self._clock.tick() + PROBE_EVERY

    def succeeded(self) -> None:
        self._failures = 0
