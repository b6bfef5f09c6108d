"""How the gateway speaks at an address: what its answers quote, and how what it says on its own account is rendered."""

from collections.abc import Sequence

from gateway.access import private
from gateway.channel import Channel
from gateway.compose import compose
from gateway.message import Inbound, Outbound
from gateway.post import Post, Voice


def quote(channel: Channel, inbound: Inbound) -> str:
    """The message that an answer quotes: in groups the one it answers."""
    return inbound.ref if not private(inbound) and channel.rules.at(inbound.address).manners.quote else ""


def voice(channel: Channel, inbound: Inbound, turn: str, now: int) -> Voice:
    """How the gateway speaks on its own account to whoever sent this."""

    def speak(said: Sequence[Outbound]) -> Post | None:
        if channel.limits.pulled:
            return None
        letters = compose(channel, inbound.address, f"{turn}.note", said, quote(channel, inbound))
        return Post(channel.name, letters, channel.expiry(now), None, 0)

    return speak
