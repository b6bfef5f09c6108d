"""Leases in our name that nobody works under, since their task failed: no use to anyone."""

from collections.abc import Set

from gateway.clock import Clock
from gateway.lanes import Lease


class Orphans:
    """Finds them among the leases that the store knows and we do not.

    A commit may be seen in the store before whoever asked for it hears that it is done. If its lease were let go then,
    two would send the same: a lease is an orphan only when it has looked like one for so many seconds.
    """

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock, self._seconds = clock, seconds
        self._since: dict[Lease, float] = {}

    def among(self, unknown: Set[Lease]) -> list[Lease]:
        """Those that have been unknown to us for long enough."""
        now = self._clock.tick()
        self._since = {lease: self._since.get(lease, now) for lease in unknown}
        return [lease for lease, since in self._since.items() if now - since >= self._seconds]
