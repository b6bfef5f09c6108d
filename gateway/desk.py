"""The turns this process may run at once: places in all, and its share of the seats at each bot."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from gateway.breaker import Breaker
from gateway.clock import Clock

TINY = 1e-6  # of a seat: a third of three is one


def whole(bot: str) -> float:
    """There are no other processes."""
    return 1.0


class Seats:
    """One bot's share: how many of its turns run, its circuit, and whether older work of it waits.

    `most` is its cap in all processes together, `share` the part of that which is ours at the moment. `cover` is the
    share of a bot that answers while this one does not.
    """

    def __init__(self, clock: Clock, most: int, share: Callable[[], float]) -> None:
        self.most, self._share = most, share
        self.taken, self.backlog = 0, False
        self.breaker = Breaker(clock)
        self.cover: Seats | None = None

    @property
    def cap(self) -> int:
        """How many of its turns may run here: one at least, or among many processes nobody would ask it."""
        return max(1, int(self.most * self._share() + TINY))

    @property
    def shut(self) -> bool:
        """Whether nobody is to be answered but for a probe: the circuit is open, and nobody stands in who could."""
        return self.breaker.open and (self.cover is None or self.cover.shut)

    def wait(self) -> float:
        """Seconds until somebody may pass, at this bot or one that stands in; 0: now."""
        own = self.breaker.wait()
        return own if self.cover is None else min(own, self.cover.wait())


class Desk:
    """Counts places. A place is taken before the claim and given back when the lane is let go.

    `share` says which part of what a bot may be asked at once is ours.
    """

    def __init__(
        self, clock: Clock, places: int, freed: Callable[[str], None], share: Callable[[str], float] = whole
    ) -> None:
        self._clock, self.places, self._freed, self._share = clock, places, freed, share
        self.taken = 0
        self.draining = False
        self._bots: dict[str, Seats] = {}

    def seats(self, bot: str) -> Seats:
        return self._bots[bot]

    def add(self, bot: str, most: int, cover: str = "") -> None:
        """A bot begins to serve, or its cap changes, or who stands in for it."""
        for name in filter(None, (bot, cover)):
            if name not in self._bots:
                self._bots[name] = Seats(self._clock, most, partial(self._share, name))
        seats = self._bots[bot]
        seats.most, seats.cover = most, self._bots[cover] if cover else None

    def free(self, bot: str) -> int:
        """How many turns of this bot may be claimed now."""
        seats = self._bots[bot]
        if self.draining or (seats.shut and seats.wait() > 0):
            return 0
        free = min(self.places - self.taken, seats.cap - seats.taken)
        return min(free, 1 - min(seats.taken, 1)) if seats.shut else max(free, 0)

    def idle(self, bot: str) -> bool:
        """Whether a message may be taken as it comes: there is a place for it, and nothing older waits for that."""
        crowded = self.taken + 1 >= self.places and any(seats.backlog for seats in self._bots.values())
        return self.free(bot) > 0 and not self._bots[bot].backlog and not crowded

    def sit(self, bot: str, count: int = 1) -> None:
        self.taken += count
        # Who was served last is told last of the next free place.
        seats = self._bots[bot] = self._bots.pop(bot)
        seats.taken += count

    @contextmanager
    def lent(self, bot: str) -> Iterator[None]:
        """Meanwhile a turn of another bot is asked of this one, and takes one of its places."""
        seats = self._bots[bot]
        seats.taken += 1
        try:
            yield
        finally:
            seats.taken -= 1
            if seats.backlog:
                self._freed(bot)

    def rise(self, bot: str, count: int = 1) -> None:
        """Give places back; every bot for which older work waits may want them."""
        self.taken -= count
        self._bots[bot].taken -= count
        if count:
            for name, seats in self._bots.items():
                if seats.backlog:
                    self._freed(name)
