"""The bell between processes that have a Redis: it has others look at once, and carries every piece of an answer.

Who listens to what is known from the store's own bell, which also rings where Redis does not, so that nothing has to be
found out when Redis comes and goes. What somebody relies on having heard goes by that bell alone. A letter goes to one
process, on a channel of its own: watching costs Redis nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial

import msgspec
import orjson
import structlog

from gateway.clock import Clock
from gateway.shared import LOOK
from gateway.shared.postgres import Postgres
from gateway.shared.redis_line import Command, Line
from gateway.shared.redis_tap import RedisTap
from gateway.shared.seal import Seal
from gateway.tasks import Tasks
from gateway.units import Rate

PING = 5.0  # seconds after which we write to ourselves, to see that we still hear
SILENCE = 2.5 * PING  # of our own letters, after which another connection is made
SETTLED = 1.0  # seconds between two looks at what we hold of buckets
AGAIN = 1.0  # seconds until another connection is tried

log = structlog.get_logger()

QUICK = ("lane/", "bot/", "channel/", "turns", "drafts")  # topics of which all is found by looking, too

Hear = Callable[[str], None]
Pair = tuple[str, str]
_letter = msgspec.json.Decoder(tuple[str, list[Pair]])


class Redis:
    """One process's end of the bell. `beneath` is the store's own."""

    alone = False

    def __init__(self, line: Line, beneath: Postgres, me: str, prefix: str, clock: Clock, seal: Seal) -> None:
        self._line, self._beneath, self._me, self._clock = line, beneath, me, clock
        self._prefix, self._seal = prefix, seal
        self._tasks = Tasks()
        self._stale = False  # whether what we hear by leads elsewhere by now, as it may after a failover
        self._hearers: dict[str, Hear] = {}
        self._said: dict[Pair, None] = {}
        self._taps: dict[str, RedisTap] = {}
        line.changed.append(self._turned)

    @property
    def streams(self) -> bool:
        return self._line.up

    @property
    def hears(self) -> bool:
        return self._beneath.hears

    def publish(self, topic: str, text: str = LOOK) -> None:
        if not self._line.up or not topic.startswith(QUICK):
            self._beneath.publish(topic, text)
        elif self._beneath.followed(topic):
            self._said[topic, text] = None
            self._line.want(self._letters)

    def followed(self, topic: str) -> bool:
        return self._beneath.followed(topic)

    def share(self, topic: str) -> float:
        return self._beneath.share(topic)

    def subscribe(self, topic: str, hear: Hear) -> Callable[[], None]:
        self._hearers[topic] = hear
        leave = self._beneath.subscribe(topic, hear)

        def end() -> None:
            if self._hearers.get(topic) is hear:
                del self._hearers[topic]
            leave()

        return end

    def tap(self, channel: str, account: str, rate: Rate | None, hear: Callable[[str, float], None]) -> RedisTap:
        def ring() -> None:
            if (found := self._hearers.get(f"channel/{channel}")) is not None:
                found(LOOK)

        tap = self._taps[channel] = RedisTap(self._line, self._clock, self._me, f"{self._prefix}rate:{account}", rate)
        tap.hear, tap.ring = hear, ring
        tap.turned(self._line.up)
        return tap

    async def open(self) -> None:
        await self._beneath.open()
        await self._line.open()
        self._tasks.start(self._listen(), "bell")
        self._tasks.start(self._keep(), "bell")

    async def close(self) -> None:
        await self._tasks.cancel()
        for tap in self._taps.values():
            tap.leave()
        await self._line.close()
        await self._beneath.close()

    def _turned(self, up: bool) -> None:
        """Redis came or went: what has not been said by then is looked for, and whoever was not heard is."""
        said, self._said = self._said, {}
        self._fall_back(said)
        for tap in self._taps.values():
            tap.turned(up)
        if up:
            self._rouse()

    def _rouse(self) -> None:
        for topic, hear in list(self._hearers.items()):
            if topic.startswith(QUICK):
                hear(LOOK)

    def _letters(self) -> Iterator[Command]:
        """What is to be told, in one letter to each process."""
        said, self._said = self._said, {}
        post: dict[str, list[Pair]] = {}
        for pair in said:
            for process in self._beneath.followers(pair[0]):
                post.setdefault(process, []).append(pair)
        for process, pairs in post.items():
            yield self._letter(process, pairs, partial(self._told, pairs))

    def _letter(self, process: str, pairs: Sequence[Pair], answer: Callable[[object], None] | None = None) -> Command:
        """A letter to a process: its seal, a blank, who writes what."""
        box, text = self._box(process), orjson.dumps((self._me, pairs))
        return Command(("PUBLISH", box, self._seal.of(box.encode(), text) + b" " + text), answer)

    def _told(self, pairs: Iterable[Pair], heard: object) -> None:
        """Redis says how many heard a letter."""
        if not isinstance(heard, int) or heard < 1:
            self._fall_back(pairs)

    def _fall_back(self, pairs: Iterable[Pair]) -> None:
        for topic in dict.fromkeys(topic for topic, _ in pairs):
            self._beneath.publish(topic)

    def _box(self, process: str) -> str:
        return f"{self._prefix}bell:{process}"

    async def _listen(self) -> None:
        """Hold a connection that hears, and look for another one when it is lost."""
        while True:
            try:
                await self._serve()
            except Exception as error:  # its client may raise anything for what is no Redis
                log.debug("bell.lost", error=str(error) or type(error).__name__)
            await self._clock.sleep(AGAIN)

    async def _serve(self) -> None:
        pubsub = self._line.pubsub()
        self._stale = False
        try:
            await pubsub.subscribe(self._box(self._me))
            self._rouse()
            heard = self._clock.tick()
            while self._clock.tick() - heard < SILENCE and not self._stale:
                message = await pubsub.get_message(timeout=AGAIN)
                if message is not None:
                    heard = self._clock.tick()
                    self._heard(message["data"])
        finally:
            with suppress(Exception):  # which would be heard instead of what ended this
                await pubsub.aclose()

    def _heard(self, data: object) -> None:
        """Somebody wrote to us, perhaps we ourselves. What is no letter of ours is nothing to us."""
        seal, _, text = data.partition(b" ") if isinstance(data, bytes) else (b"", b"", b"")
        if not self._seal.fits(seal, self._box(self._me).encode(), text):
            return
        try:
            sender, said = _letter.decode(text)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return
        if sender == self._me:
            return
        for topic, news in said:
            if topic.startswith(QUICK) and (hear := self._hearers.get(topic)) is not None:
                hear(news)

    async def _keep(self) -> None:
        """Write to ourselves now and then, and see to it that no bucket is held for nothing."""
        written = -PING
        while True:
            if self._clock.tick() - written >= PING:
                written = self._clock.tick()
                self._line.want(self._ping)
            for tap in self._taps.values():
                tap.settle()
            await self._clock.sleep(SETTLED)

    def _ping(self) -> Iterator[Command]:
        yield self._letter(self._me, (), self._pinged)

    def _pinged(self, heard: object) -> None:
        """Nobody has heard it, not even we."""
        if heard == 0:
            self._stale = True
