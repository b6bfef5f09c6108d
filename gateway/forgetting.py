"""/forget: after their yes a person is erased, and told how much has gone.

The last word is not queued, as nothing of them is to be stored again: it is said once the rest is gone, and lost should
the process die just then. The erasing itself is finished whatever happens.
"""

from collections.abc import Mapping

import structlog
from msgspec.structs import replace

from gateway.access import private
from gateway.channel import Channel
from gateway.compose import compose
from gateway.corridor import Corridor
from gateway.erasure import Erasure
from gateway.errors import Retry, SendError
from gateway.intake import Accepted
from gateway.message import Inbound, Message, Outbound, Part, decode
from gateway.post import Told

TRIES = 3
PAUSE = 1.0  # seconds, where the platform does not say how long to wait

log = structlog.get_logger()


class Forgetting:
    """Does what a confirmed /forget has begun."""

    def __init__(self, corridor: Corridor, erasure: Erasure) -> None:
        self._c, self._erasure = corridor, erasure

    async def go_on(self, channel: Channel, inbound: Inbound, accepted: Accepted) -> Accepted:
        """Erase whoever sent this. Where clients fetch what is said the answer is there when this returns."""
        if not channel.limits.pulled:
            self._c.tasks.start(self._tell(channel, inbound, accepted), "forgetting")
            return accepted
        text = await self._erased(channel, inbound, accepted.forgets)
        last = Message(seq=0, role="system", text=text, at=self._c.clock.now(), turn=accepted.turn)
        return replace(accepted, told=Told([last]))

    async def _erased(self, channel: Channel, inbound: Inbound, participant: str) -> str:
        counts = await self._erasure.erase(participant) or {}
        say = channel.say(inbound.sender.language if inbound.sender else "")
        return say("forgotten", counts=_listed(counts))

    async def _tell(self, channel: Channel, inbound: Inbound, accepted: Accepted) -> None:
        text = await self._erased(channel, inbound, accepted.forgets)
        for letter in compose(channel, inbound.address, f"{accepted.turn}.note", [Outbound(text=text)], ""):
            await self._send(channel, inbound, replace(decode(Part, letter), id=f"{accepted.turn}.note"))

    async def _send(self, channel: Channel, inbound: Inbound, part: Part) -> None:
        wait = channel.meter.take(inbound.address.chat, not private(inbound))
        for _ in range(TRIES):
            await self._c.clock.sleep(max(0.0, wait))
            try:
                await channel.adapter.send(part)
                return
            except Retry as retry:
                wait = retry.after or PAUSE
            except SendError as error:
                log.warning("forgetting.untold", channel=channel.name, error=type(error).__name__)
                return
        log.warning("forgetting.untold", channel=channel.name, error="Retry")


def _listed(counts: Mapping[str, int]) -> str:
    first = sorted(counts, key=lambda name: name != "messages")
    return ", ".join(f"{name}: {counts[name]}" for name in first if counts[name]) or "0"
