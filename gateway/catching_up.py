"""After an outage: what was said meanwhile, and never reached us, is asked for where the platform keeps a list of it.

Whatever is taken in so passes the same door: what we have already is a repeat.
"""

import structlog

from gateway.adapter import Gate
from gateway.channel import Channel
from gateway.clock import Clock
from gateway.errors import Refused, SendError, StorageDown

EVERY = 15.0  # seconds between two looks; up to the last one all is known to be well
OVERLAP = 120_000  # ms before that which are asked for too: what was said then may have been on its way
LONGEST = 24 * 3_600_000  # ms that are asked for at most
NAME = "well_until"

log = structlog.get_logger()


class CatchUp:
    """Looks after one channel until cancelled."""

    def __init__(self, channel: Channel, gate: Gate, clock: Clock) -> None:
        self._channel, self._gate, self._clock = channel, gate, clock
        channel.missed = True  # while nobody was here, or somebody else

    async def run(self) -> None:
        while True:
            try:
                if self._channel.state == "up":
                    await self._look()
            except (SendError, StorageDown) as error:
                self._channel.missed = True
                log.warning("channel.behind", channel=self._channel.name, error=str(error))
            await self._clock.sleep(EVERY)

    async def _look(self) -> None:
        now = self._gate.now()
        if self._channel.missed:
            self._channel.missed = False  # whatever fails from now on is another outage
            kept = await self._gate.recall(NAME)
            if kept.isdigit():
                await self._ask(max(int(kept) - OVERLAP, now - LONGEST))
        await self._gate.keep(NAME, str(now))

    async def _ask(self, since: int) -> None:
        try:
            await self._channel.adapter.catch_up(since)
        except Refused as error:  # it would be the same again
            log.error("channel.behind", channel=self._channel.name, error=str(error))
            return
        log.info("channel.caught_up", channel=self._channel.name, since=since)
