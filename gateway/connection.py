"""A channel's connection: opened, kept running, and opened again after a while when it fails."""

from collections import deque

import structlog

from gateway import menus
from gateway.backoff import backoff
from gateway.channel import AUTH_PAUSE, Channel
from gateway.clock import Clock
from gateway.errors import Refused, SendError
from gateway.gate import ChannelGate

LONGEST = 60.0  # seconds between two tries
TRIES, WITHIN = 20, 600.0  # at most so many tries in so many seconds

log = structlog.get_logger()


class Connection:
    """Looks after one channel until cancelled."""

    def __init__(self, channel: Channel, gate: ChannelGate, clock: Clock) -> None:
        self._channel, self._gate, self._clock = channel, gate, clock
        self._tries: deque[float] = deque(maxlen=TRIES)

    async def run(self) -> None:
        """Open and run, again and again. Ends by itself only where everything is pushed to us."""
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
                await self._channel.adapter.run()
                return
            except Refused as refused:
                self._gate.health("auth" if refused.reason == "auth" else "down", str(refused))
                await self._clock.sleep(AUTH_PAUSE)
            except Exception as error:
                if not isinstance(error, SendError):
                    log.error("channel.failed", channel=self._channel.name, exc_info=error)
                lasted = self._clock.tick() - began
                if not failures or lasted > LONGEST:
                    failures, lost_at = 0, self._clock.tick()
                failures += 1
                self._gate.health("retrying", str(error))
                await self._clock.sleep(backoff(failures, longest=LONGEST))

    async def _not_too_often(self) -> None:
        if len(self._tries) == TRIES:
            await self._clock.sleep(max(0.0, self._tries[0] + WITHIN - self._clock.tick()))
        self._tries.append(self._clock.tick())
