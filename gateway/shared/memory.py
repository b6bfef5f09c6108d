"""A process that has its store for itself: there is nobody to tell."""

from collections.abc import Callable

from gateway.shared import LOOK
from gateway.units import Rate


class Alone:
    """One process. What is to be heard within it is told directly, and does not come this way."""

    alone = hears = True
    streams = False

    def publish(self, topic: str, text: str = LOOK) -> None:
        pass

    def followed(self, topic: str) -> bool:
        return False

    def subscribe(self, topic: str, hear: Callable[[str], None]) -> Callable[[], None]:
        return _nothing

    def share(self, topic: str) -> float:
        return 1.0

    def tap(self, channel: str, account: str, rate: Rate | None, hear: Callable[[str, float], None]) -> None:
        return None

    async def open(self) -> None:
        pass

    async def close(self) -> None:
        pass


def _nothing() -> None:
    pass
