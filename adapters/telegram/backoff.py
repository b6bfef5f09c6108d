"""How long to wait after the n-th failure in a row."""

import random


class Backoff:
    """Doubles from `floor` to `ceiling` seconds, with jitter, until `reset`."""

    def __init__(self, floor: float, ceiling: float) -> None:
        self._floor, self._ceiling = floor, ceiling
        self._next = floor

    def reset(self) -> None:
        self._next = self._floor

    def after(self, wish: float | None = None) -> float:
        """Seconds to wait now; `wish` is the platform's own and wins when it is longer."""
        wait = max(self._floor, self._next * random.uniform(0.8, 1))
        self._next = min(self._ceiling, self._next * 2)
        return max(wait, wish or 0)
