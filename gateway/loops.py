"""A guard against two bots that answer each other for ever: who talks too much with us is ignored for a while."""

from collections import OrderedDict, deque
from typing import NamedTuple

import structlog

from gateway.clock import Clock
from gateway.message import Inbound

SPAN = 60.0  # seconds in which messages are counted
SILENCE = 600.0  # seconds for which a bot is ignored
TALKS = 10_000

log = structlog.get_logger()


class Pair(NamedTuple):
    """Us and another bot, in one chat."""

    channel: str
    account: str
    chat: str
    other: str


def pair(inbound: Inbound) -> Pair:
    """Us and whoever said this."""
    who = inbound.sender.id if inbound.sender else inbound.address.user
    return Pair(inbound.channel, inbound.account, inbound.address.chat, who)


class _Talk:
    def __init__(self) -> None:
        self.times: deque[float] = deque()
        self.ignored_until = 0.0


class Loops:
    """Counts what we and other bots say to each other."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._talks: OrderedDict[Pair, _Talk] = OrderedDict()

    def caught(self, pair: Pair, limit: int) -> bool:
        """Another bot speaks: whether it must be ignored, this message included."""
        talk, now = self._count(pair), self._clock.tick()
        if now < talk.ignored_until:
            return True
        if len(talk.times) <= limit:
            return False
        talk.times.clear()
        talk.ignored_until = now + SILENCE
        log.warning("loop.stopped", channel=pair.channel, chat=pair.chat, other=pair.other, seconds=SILENCE)
        return True

    def answered(self, pair: Pair) -> None:
        """We speak to another bot."""
        self._count(pair)

    def _count(self, pair: Pair) -> _Talk:
        now = self._clock.tick()
        talk = self._talks.setdefault(pair, _Talk())
        self._talks.move_to_end(pair)
        if len(self._talks) > TALKS:
            self._talks.popitem(last=False)
        while talk.times and talk.times[0] <= now - SPAN:
            talk.times.popleft()
        if now >= talk.ignored_until:
            talk.times.append(now)
        return talk
