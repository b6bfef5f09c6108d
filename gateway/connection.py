"""A channel's connection: opened, kept running, and opened again after a while when it fails."""

import asyncio
from collections import deque
from collections.abc import Callable

import structlog

from gateway import menus
from gateway.backoff import backoff
from gateway.channel import AUTH_PAUSE, Channel
from gateway.clock import Clock
from gateway.errors import Refused, SendError
from gateway.gate import ChannelGate

SHORTEST = 2.0  # seconds until the first new try, less the jitter of up to half of it
LONGEST = 60.0  # seconds between two tries
TRIES, WITHIN = 20, 600.0  # at most so many tries in so many seconds
PROVEN = 60.0  # seconds that a connection has stood when its credentials are known to be good

log = structlog.get_logger()


class Deaf(Exception):
    """The connection seems to stand, and nothing has come over it for too long."""


class Connection:
    """Looks after one channel until cancelled. Where the channel went well before under other settings, `refused` is
    told when the platform refuses these: then somebody else sees to it that they are in force again.
    """

    def __init__(
        self,
        channel: Channel,
        gate: ChannelGate,
        clock: Clock,
        deaf_after: float = 120,
        refused: Callable[[str], None] | None = None,
    ) -> None:
        self._channel, self._gate, self._clock, self._deaf_after = channel, gate, clock, deaf_after
        self._refused = refused
        self._tries: deque[float] = deque(maxlen=TRIES)

    async def run(self) -> None:
        """Open and run, again and again. Ends by itself where all is pushed to us, and where others see to it."""
        failures, lost_at = 0, 0.0
        while True:
            await self._not_too_often()
            began = self._clock.tick()
            try:
                await self._channel.adapter.open()
                self._gate.health("up")
                await menus.show(self._channel)
                if failures:
                    gap = round(self._clock.tick() - lost_at, 1)
                    log.info("channel.recovered", channel=self._channel.name, gap=gap, failures=failures)
                await self._heard(max(self._deaf_after, self._channel.adapter.hears_every))
                return
            except Exception as error:
                lost = self._clock.tick()
                if lost - began > PROVEN:
                    self._refused = None
                if self._refused is not None and isinstance(error, Refused):
                    self._refused(str(error))
                    return
                if not failures or lost - began > LONGEST:
                    failures, lost_at = 0, lost
                failures += 1
                await self._clock.sleep(self._trouble(error, failures))

    async def _heard(self, patience: float) -> None:
        """Run; where that is for one process at a time, when and as long as we are the one."""
        tenure = self._gate.tenure()
        if tenure is None:
            await self._attended(patience)
            return
        while True:
            await tenure.gain(lambda: self._gate.health("up", "another process hears this account"))
            try:
                async with asyncio.TaskGroup() as both:
                    hearing = both.create_task(self._attended(patience))
                    await tenure.keep()
                    log.warning("channel.handed_over", channel=self._channel.name)
                    hearing.cancel()
            except ExceptionGroup as group:
                raise group.exceptions[0] from None
            finally:
                await tenure.leave()

    async def _attended(self, patience: float) -> None:
        """Run, as long as something is heard. Raises `Deaf` when the connection stands and nothing comes over it."""
        adapter = self._channel.adapter
        if not adapter.hears_every:
            await adapter.run()
            return
        try:
            async with asyncio.TaskGroup() as both:
                watching = both.create_task(self._watch(patience))
                await adapter.run()
                watching.cancel()
        except ExceptionGroup as group:
            raise group.exceptions[0] from None

    async def _watch(self, patience: float) -> None:
        channel, began = self._channel, self._clock.tick()
        while True:
            silent = self._clock.tick() - max(channel.lively_at, began)
            if silent >= patience and channel.state == "up":
                raise Deaf(f"nothing was heard for {silent:.0f} seconds")
            # What tells its trouble itself is not deaf; it is looked at again once it says that it is up.
            await self._clock.sleep(patience - silent if silent < patience else patience)

    def _trouble(self, error: Exception, failures: int) -> float:
        """Tell how the channel does; the seconds until it is tried again."""
        if isinstance(error, Refused):
            self._gate.health("auth" if error.reason == "auth" else "down", str(error))
            return AUTH_PAUSE
        if isinstance(error, Deaf):
            self._gate.health("deaf", str(error))
            return backoff(failures, SHORTEST, LONGEST)
        if not isinstance(error, SendError):
            log.error("channel.failed", channel=self._channel.name, exc_info=error)
        self._gate.health("retrying", str(error))
        return backoff(failures, SHORTEST, LONGEST)

    async def _not_too_often(self) -> None:
        if len(self._tries) == TRIES:
            await self._clock.sleep(max(0.0, self._tries[0] + WITHIN - self._clock.tick()))
        self._tries.append(self._clock.tick())
