"""How fast people may speak: a level for each conversation, and in company one for each who speaks there.

Levels are times up to when the pace is used up (generic cell rate algorithm). They stand in the lane's row, so that
they hold whichever process takes a message in, and after a restart, and cost a message no statement of their own.
"""

import hashlib
from typing import NamedTuple

import orjson

MOST = 0.75  # of a conversation's pace for one of several speakers: a flood leaves something to everybody else
SPEAKERS = 100  # of whom a conversation knows the level; who has spoken most is always among them


class Pace(NamedTuple):
    """At most `burst` at once and one every `interval` ms."""

    interval: float
    burst: float


class Level(NamedTuple):
    """How much of its pace a conversation has used, in ms since 1970; as JSON, how much each of its speakers has."""

    lane: int = 0
    speakers: str | None = None

    def after(self, pace: Pace, speaker: str, now: int) -> "Level | None":
        """The level when one more has been said, in company by a `speaker`; None when that is too much."""
        window = pace.interval * pace.burst
        lane = max(_of_today(self.lane, now + window), now) + pace.interval
        if lane - now > window:
            return None
        if not speaker:
            return Level(int(lane), self.speakers)
        known: dict[str, int] = orjson.loads(self.speakers or "{}")
        used = {who: level for who, level in known.items() if level > now}
        own = max(_of_today(used.get(who := _short(speaker), 0), now + window), now) + min(pace.interval / MOST, window)
        if own - now > window:
            return None
        used[who] = int(own)
        return Level(int(lane), orjson.dumps(_busiest(used)).decode())


def _of_today(level: int, highest: float) -> int:
    """A level, or none where it is so high that it is of a clock that has gone back since, or of another pace."""
    return level if level <= highest else 0


def _short(speaker: str) -> str:
    """Ids may be long, and hold what no JSON can."""
    return hashlib.blake2b(speaker.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _busiest(used: dict[str, int]) -> dict[str, int]:
    if len(used) <= SPEAKERS:
        return used
    return dict(sorted(used.items(), key=lambda one: one[1])[-SPEAKERS:])
