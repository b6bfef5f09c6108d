"""Who rules in a group, as the platform says: asked when it matters, and believed for five minutes."""

import asyncio
from collections import OrderedDict

import structlog

from gateway.channel import Channel
from gateway.clock import Clock
from gateway.message import Address

BELIEVED = 300.0  # seconds
PATIENCE = 2.0  # seconds; some platforms give us three in all to acknowledge an event
MOST = 10_000

_Who = tuple[str, str, str, str]

log = structlog.get_logger()


class Admins:
    """Remembers what platforms said of the rights of people in groups."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._said: OrderedDict[_Who, tuple[float, bool]] = OrderedDict()

    def known(self, channel: Channel, address: Address) -> bool | None:
        """What the platform said of them a short while ago; None when it has to be asked."""
        until, rules = self._said.get(_who(channel, address), (0.0, False))
        return rules if self._clock.tick() < until else None

    async def ask(self, channel: Channel, address: Address) -> bool | None:
        """Whether `address.user` rules in `address.chat`; None when the platform does not say, in time or at all."""
        try:
            async with asyncio.timeout(PATIENCE):
                rules = await channel.adapter.is_admin(address)
        except Exception as error:
            # Not only what the contract allows it to raise: a command that fails must not stop what stands behind it.
            log.warning("rights.unknown", channel=channel.name, error=str(error) or type(error).__name__)
            return None
        who = _who(channel, address)
        self._said[who] = self._clock.tick() + BELIEVED, rules
        self._said.move_to_end(who)
        if len(self._said) > MOST:
            self._said.popitem(last=False)
        return rules


def _who(channel: Channel, address: Address) -> _Who:
    return channel.name, address.account or channel.account, address.chat, address.user
