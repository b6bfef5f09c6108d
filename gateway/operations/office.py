"""What every operation works with."""

from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.channel import Channel
from gateway.corridor import Corridor
from gateway.reloading import Reloading
from gateway.router import Router
from gateway.settings import Settings


@dataclass(frozen=True)
class Office:
    """The store and, where a daemon runs, its channels and turns. `running` is False when nobody serves them."""

    corridor: Corridor
    router: Router
    settings: Settings
    running: bool = True
    reloading: Reloading | None = None

    def now(self) -> int:
        return self.corridor.clock.now()

    def channel(self, name: str) -> Channel | None:
        """A channel that runs here."""
        return self.corridor.channels.get(name)


def moment(at: int | None) -> str | None:
    """A time in ms as operators read it: ISO 8601 in UTC. None for never."""
    if not at:
        return None
    try:
        return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return None
