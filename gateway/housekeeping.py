"""Housekeeping: every minute or so, what has had its time is put away, in small steps beside the work."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial

import structlog

from gateway import retention, window
from gateway.corridor import Corridor
from gateway.db import Tx
from gateway.erasure import Erasure
from gateway.errors import StorageDown
from gateway.history import QUIET
from gateway.live import Event
from gateway.retention import BATCH, TABLES, Backlog, Place
from gateway.sweep import Sweep
from gateway.tenure import hold

EVERY = 60.0  # seconds
HELD = 2.5 * EVERY
TOKENS_EVERY = 5  # rounds
HEARD_EVERY = 60  # rounds
ANEW_EVERY = 1_440  # rounds, about a day: then every search begins at the beginning once more
DAY = 86_400_000  # ms
PROVEN = 3600.0  # seconds for which a jump forward must have stood before anything ends by it
TOGETHER = 100  # sessions that end in one commit
BREATH = 0.05  # seconds between two steps, so that a turn's commit never waits for more than one of them

log = structlog.get_logger()


class Housekeeping:
    """Keeps one store in order. Where a search has come to is remembered, so that nothing is searched twice."""

    def __init__(self, corridor: Corridor, erasure: Erasure) -> None:
        self._c, self._erasure = corridor, erasure
        self._rounds = 0
        self._sweep = Sweep(corridor)
        self._swept: int | None = None
        self._searched: dict[tuple[str, str], tuple[float, Place]] = {}
        self._late: dict[tuple[str, bool], set[str]] = {}  # found already, but used since by others than the user

    async def run(self) -> None:
        """One round after another, and beside them what is done once a day, until cancelled.

        Of several processes on a store one does it.
        """
        await asyncio.gather(self._again(self.attend), self._again(self.day))

    async def _again(self, act: Callable[[], Awaitable[None]]) -> None:
        while True:
            await self._c.clock.sleep(EVERY)
            await act()

    async def attend(self) -> None:
        """A round if it is ours to do; gauges are everybody's. That the store is away is no reason to end."""
        if self._is_proven and await self._is_ours():
            await self.round()
        else:
            await self._tried("measured", self._measured, self._c.clock.now())

    @property
    def _is_proven(self) -> bool:
        """Whether it is surely so late. A clock that was set wrong and is mended soon has ended nobody's session."""
        return self._c.clock.tick() >= self._c.clock.leapt_at + PROVEN

    async def _is_ours(self) -> bool:
        """Whether it is ours to do; whoever does it keeps it until they miss two rounds."""
        if self._c.shared.alone:
            return True
        now = self._c.clock.now()
        try:
            return await self._c.db.write(hold, "housekeeping", self._c.me, now, now + round(HELD * 1000))
        except StorageDown as error:
            log.error("storage.down", error=str(error))
            return False

    async def day(self) -> None:
        """What channels keep no longer goes: once a day, and after every start."""
        now = self._c.clock.now()
        is_due = self._swept is None or not 0 <= now - self._swept < DAY
        if is_due and self._is_proven and await self._is_ours():
            await self._tried("put away", self._put_away, now)

    async def round(self) -> None:
        """Everything that is due now. A step that fails holds up no other."""
        now = self._c.clock.now()
        if self._rounds % ANEW_EVERY == 0:
            self._searched.clear()
        done: dict[str, int] = {}
        for name, step in (
            ("dormant", self._rest),
            ("expired", self._expire),
            ("tokens", self._tokens),
            ("forgotten", self._forget),
            ("heard", self._heard),
            ("erased", self._erase),
        ):
            if count := await self._tried(name, step, now):
                done[name] = count
        if done:
            log.info("housekeeping.swept", **done)
        self._rounds += 1
        await self._tried("measured", self._measured, now)

    async def _measured(self, now: int) -> int:
        await measure(self._c)
        return 0

    async def _tried(self, name: str, step: Callable[[int], Awaitable[int]], now: int) -> int:
        try:
            return await step(now)
        except StorageDown as error:
            log.error("storage.down", error=str(error))
        except Exception as error:
            log.error("housekeeping.failed", step=name, exc_info=error)
        return 0

    async def _rest(self, now: int) -> int:
        """Sessions whose user has been silent for long become dormant; we keep no copy of them."""
        count = 0
        for channel in list(self._c.channels.values()):
            after = channel.settings.session.idle.after
            if after is None:
                continue
            upto = now - round(after * 1000)
            find = partial(retention.silent, channel.name, "active")
            async for found in self._search("rest", channel.name, after, find, upto - QUIET):
                for session in await self._c.db.write(retention.rest, found, upto):
                    self._c.memory.forget_session(session)
                    count += 1
        return count

    async def _expire(self, now: int) -> int:
        """Sessions that nobody used for long end for good."""
        count = 0
        for channel in list(self._c.channels.values()):
            policy = channel.settings.session.expire
            for anonymous, after in ((True, policy.anonymous), (False, policy.identified)):
                if after is None:
                    continue
                count += await self._expire_these(channel.name, anonymous, after, now)
        return count

    async def _expire_these(self, channel: str, anonymous: bool, after: float, now: int) -> int:
        """Who has been silent for long may have been written to later: those are tried again in every round."""
        upto, count = now - round(after * 1000), 0
        late = self._late.setdefault((channel, anonymous), set())
        async for found in self._silent(channel, anonymous, after, upto, tuple(late)):
            left: list[str] = []
            for start in range(0, len(found), TOGETHER):
                some = found[start : start + TOGETHER]
                gone = await asyncio.gather(*(self._expire_one(one, upto, now) for one in some))
                left += [one for one, well in zip(some, gone, strict=True) if not well]
            count += len(found) - len(left)
            late.difference_update(found)
            late.update(await self._c.db.read(retention.late, left, upto, anonymous=anonymous) if left else ())
        return count

    async def _silent(
        self, channel: str, anonymous: bool, after: float, upto: int, late: Sequence[str]
    ) -> AsyncIterator[Sequence[str]]:
        for start in range(0, len(late), BATCH):
            yield late[start : start + BATCH]
        for state in retention.LIVING:
            find = partial(retention.silent, channel, state, anonymous=anonymous)
            async for found in self._search(f"expire {state} {anonymous}", channel, after, find, upto - QUIET):
                yield found

    async def _expire_one(self, session: str, upto: int, now: int) -> bool:
        gone = await self._c.db.write(retention.expire, session, upto, now)
        if gone is None:
            return False
        self._c.memory.forget_words(session, erased=True)
        if gone.participant is not None:
            self._c.memory.forget_participant(gone.participant)
        if gone.was_open:
            self._c.live.publish(gone.lane, Event("closed", {"reason": "timeout"}, 0, session))
        return True

    async def _tokens(self, now: int) -> int:
        count = await self._all(partial(retention.lapse_tokens, now))
        if self._rounds % TOKENS_EVERY:
            return count
        place = b""
        while True:
            over, place = await self._c.db.read(retention.idle_tokens, place, now)
            if over:
                count += await self._c.db.write(retention.drop_tokens, over)
            if not place:
                return count
            await self._c.clock.sleep(BREATH)

    async def _forget(self, now: int) -> int:
        return sum([await self._all(partial(retention.forget_old, table, now)) for table in TABLES])

    async def _put_away(self, now: int) -> int:
        count = sum((await self._sweep.run(now)).values())
        self._swept = now
        return count

    async def _heard(self, now: int) -> int:
        """Who has not written for longer than any platform's window is as good as one who never has."""
        count, place = 0, window.BEGINNING
        if self._rounds % HEARD_EVERY:
            return count
        longest = max((channel.limits.window for channel in self._c.channels.values()), default=0.0)
        upto = now - max(round(longest * 1000), window.KEPT)
        while True:
            old, place = await self._c.db.read(window.unheard, place, upto)
            if old:
                count += await self._c.db.write(window.forget, old, upto)
            if place == window.BEGINNING:
                return count
            await self._c.clock.sleep(BREATH)

    async def _erase(self, now: int) -> int:
        """People whose erasure a crash has cut short."""
        return await self._erasure.resume()

    async def _all(self, step: Callable[[], Tx[int]]) -> int:
        """A step, again and again while it finds as much as it may take."""
        total = 0
        while True:
            count = await self._c.db.write(step)
            total += count
            if count < BATCH:
                return total
            await self._c.clock.sleep(BREATH)

    async def _search(
        self, what: str, channel: str, setting: float, find: Callable[[Place, int], Tx[list[Place]]], upto: int
    ) -> AsyncIterator[list[str]]:
        """What is found up to a time, in batches, beginning where the last search under this setting ended."""
        before, place = self._searched.get((what, channel), (setting, Place()))
        if before != setting or place.at > upto:  # a clock may go back
            place = Place()
        while True:
            found = await self._c.db.read(find, place, upto)
            if found:
                yield [one.session for one in found]
            place = found[-1] if len(found) == BATCH else Place(upto)
            self._searched[what, channel] = setting, place
            if len(found) < BATCH:
                return
            await self._c.clock.sleep(BREATH)


async def measure(corridor: Corridor) -> None:
    """Set the gauges: what waits and since when, for how long each channel has heard nothing, how much room is left."""
    metrics, now = corridor.metrics, corridor.clock.now()
    await asyncio.to_thread(corridor.disk.watch, metrics)  # a disk of the network may take its time
    waiting = {(found.box, found.channel): found for found in await _backlogs(corridor)}
    for channel in list(corridor.channels.values()):
        for box in ("inbox", "outbox"):
            found = waiting.get((box, channel.name))
            metrics.waiting.labels(box, channel.name).set(found.entries if found else 0)
            metrics.oldest.labels(box, channel.name).set((now - found.oldest) / 1000 if found else 0)
        if channel.heard_at is not None:
            metrics.deaf_seconds.labels(channel.name).set((now - channel.heard_at) / 1000)
    for bot in corridor.bots:
        metrics.bot_up.labels(bot).set(int(not corridor.desk.seats(bot).breaker.open))


async def _backlogs(corridor: Corridor) -> list[Backlog]:
    try:
        found = await corridor.db.read(retention.backlogs)
    except StorageDown:
        corridor.metrics.storage_up.set(0)
        raise
    corridor.metrics.storage_up.set(1)
    return found
