"""The pace of an account that several processes share, in Redis: a bucket they all draw from, and how far each chat is.

Nobody waits for Redis when something is to be sent. Each process has a few parts in its hand, drawn ahead of need, and
what is in all hands and in the bucket is never more than the bucket holds. A bucket that is new, and that of a process
which has been without Redis, is empty: what was sent just before is not known.
"""

import asyncio
import hashlib
import math
from collections.abc import Callable, Iterator
from functools import partial

from gateway.clock import Clock
from gateway.shared.redis_line import Command, Line
from gateway.units import Rate

ASKED = 0.05  # seconds in which an answer will have come
HANDS = 8  # of a bucket, how many such parts of it are drawn ahead of need
SHOWN = 20.0  # seconds after which a hand is shown again; one that nobody has seen for 60 s is let go
FARTHEST = 120.0  # seconds that a chat may be said to have to wait
UNUSED = 2.0  # seconds after which what is in the hand beyond what is kept ahead goes back

# The time is ours, that of the store's server: the clock of Redis may be another one after a failover.
_DRAW = """
local key, me, now, rate, burst = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local hand, want, spent = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
if redis.call('TYPE', key).ok ~= 'hash' then redis.call('DEL', key) end
local tokens, at, held = nil, nil, 0
local all = redis.call('HGETALL', key)
for i = 1, #all, 2 do
  local who = string.match(all[i], '^hand:(.*)$')
  if all[i] == 'tokens' then tokens = tonumber(all[i + 1])
  elseif all[i] == 'at' then at = tonumber(all[i + 1])
  elseif who and who ~= me then
    local has, seen = string.match(all[i + 1], '^(%d+) (%d+)$')
    if has and math.abs(now - tonumber(seen)) < 60000 then held = held + tonumber(has)
    else redis.call('HDEL', key, all[i]) end
  end
end
if not (tokens and at and tokens >= 0 and tokens <= burst and at >= 0) or ARGV[8] == '1' then tokens, at = 0, now end
if at > now + 1000 then at = now end
if now > at then tokens, at = tokens + (now - at) * rate, now end
tokens = math.max(tokens - spent, math.min(tokens, burst / 2))
tokens = math.max(0, math.min(tokens, burst - held - hand))
local drawn = math.min(want - hand, math.floor(tokens))
tokens = tokens - drawn
redis.call('HSET', key, 'tokens', string.format('%.6f', tokens), 'at', string.format('%d', at),
  'hand:' .. me, string.format('%d %d', math.max(0, hand + drawn), now))
redis.call('PEXPIRE', key, math.floor(math.max(60000, 2 * burst / rate)))
return {drawn, math.ceil(math.max(0, 1 - tokens) / rate), math.floor(tokens)}
"""

_LEVEL = """
local level = tonumber(ARGV[1])
local before = redis.call('TYPE', KEYS[1]).ok == 'string' and tonumber(redis.call('GET', KEYS[1])) or 0
if before >= level then return string.format('%d', math.min(before, 9007199254740991)) end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]
"""


class RedisTap:
    """One process's hand at the buckets of one account."""

    hear: Callable[[str, float], None]
    ring: Callable[[], None]

    def __init__(self, line: Line, clock: Clock, me: str, key: str, rate: Rate | None) -> None:
        self._line, self._clock, self._me, self._key, self._rate = line, clock, me, key, rate
        interval = rate.seconds / rate.count if rate else 0.0
        self._burst = (rate.burst or max(1.0, 1.0 / interval)) if rate else 0.0
        self._ahead = int(self._burst / HANDS)
        self._hand = self._missed = self._spent = 0
        self._asking, self._new = False, True
        self._left = 0  # parts, in the bucket, when we have last drawn
        self._next = 0.0  # when there will be one more in the bucket
        self.lost_at = clock.tick()
        self._shown = self._used = 0.0
        self._chats: dict[str, float] = {}  # that are to be told or asked about
        self._around: asyncio.TimerHandle | None = None

    @property
    def up(self) -> bool:
        return self._line.up

    def take(self, part: float = 1.0) -> float:
        if self._rate is None:
            return 0.0
        if self._left < (1 - part) * self._burst:
            return ASKED
        if self._hand > 0:
            self._hand -= 1
            self._used = self._clock.tick()
            if self._hand < self._ahead:
                self._draw()
            return 0.0
        self._missed += 1
        self._draw()
        return max(ASKED, self._next - self._clock.tick())

    def give_back(self) -> None:
        self._hand += 1

    def spend(self) -> None:
        self._spent += 1
        self._draw()

    def ask(self, chat: str) -> None:
        self.tell("", 0.0)
        self.tell(chat, 0.0)

    def tell(self, chat: str, until: float) -> None:
        if self._line.up:
            self._chats[chat] = max(until, self._chats.get(chat, 0.0))
            self._line.want(self._commands)

    def turned(self, up: bool) -> None:
        """Redis came or went. What is in our hand is not ours any more."""
        self._hand = self._missed = self._spent = 0
        self._asking, self._new = False, True
        self._chats.clear()
        if up:
            self._draw()
        else:
            self.lost_at = self._clock.tick()

    def settle(self) -> None:
        """Put back what we have no use for, draw what is missing, and show what we keep."""
        now = self._clock.tick()
        idle = self._hand > self._ahead and now - self._used > UNUSED
        lacking = self._hand < self._ahead and now >= self._next
        if idle or lacking or (self._hand and now - self._shown > SHOWN):
            self._draw()

    def leave(self) -> None:
        """This process sends no more: what is in its hand goes back."""
        if self._around is not None:
            self._around.cancel()
        self._ahead = self._missed = 0
        self._asking = False
        if self._hand:
            self._draw()

    def _draw(self) -> None:
        if self._rate is not None and self._line.up and not self._asking:
            self._asking = True
            self._line.want(self._commands)

    def _commands(self) -> Iterator[Command]:
        if self._asking and self._rate is not None:
            yield self._drawing(self._rate)
        chats, self._chats = self._chats, {}
        offset = self._clock.now() / 1000 - self._clock.tick()
        for chat, until in chats.items():
            level = math.ceil((until + offset) * 1000) if until else 0
            life = max(1, level - self._clock.now())
            words = ("EVAL", _LEVEL, 1, self._named(chat), level, life)
            yield Command(words, partial(self._heard, chat, offset))

    def _drawing(self, rate: Rate) -> Command:
        missed, self._missed = self._missed, 0
        spent, self._spent = self._spent, 0
        want = min(int(self._burst), self._ahead + missed)
        facts = self._me, self._clock.now(), repr(rate.count / rate.seconds / 1000), repr(self._burst)
        words = ("EVAL", _DRAW, 1, self._key, *facts, max(0, self._hand), want, spent, int(self._new))
        return Command(words, partial(self._drawn, missed), needed=True)

    def _drawn(self, missed: int, answer: object) -> None:
        self._asking = False
        match answer:
            case [int(drawn), int(wait), int(left)] if drawn <= self._burst and wait >= 0:
                now = self._clock.tick()
                self._new, self._shown, self._used = False, now, now
                self._hand += drawn
                self._left = left
                self._next = now + min(wait / 1000, FARTHEST)
                if 0 < missed <= drawn:
                    # Who was told to wait a moment has done so by then; where many wait they are looked at anyway.
                    self._around = asyncio.get_running_loop().call_later(2 * ASKED, self.ring)

    def _heard(self, chat: str, offset: float, answer: object) -> None:
        """How far a chat is, as all tell; what cannot be is not believed."""
        if isinstance(answer, bytes) and answer.isdigit() and len(answer) < 17:
            until = int(answer) / 1000 - offset
            if until <= self._clock.tick() + FARTHEST:
                self.hear(chat, until)

    def _named(self, chat: str) -> str:
        """A chat's id may be a person's number: it is nobody's business there."""
        return f"{self._key}:{hashlib.blake2b(chat.encode('utf-8', 'surrogatepass'), digest_size=16).hexdigest()}"
