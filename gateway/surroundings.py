"""What goes along with a message in a group: what was said around it since the bot last answered."""

from msgspec.structs import replace

from gateway.channel import Channel
from gateway.corridor import Corridor
from gateway.message import Inbound
from gateway.overheard import since_last_turn
from gateway.running import Running


async def surroundings(corridor: Corridor, channel: Channel, running: Running, inbound: Inbound) -> Inbound:
    """The message with `overheard`, where the operator wants the bot to be told; the turn's end puts that away."""
    context = channel.rules.at(inbound.address).context
    if not context:
        return inbound
    heard = await corridor.db.read(since_last_turn, running.envelope.key, context)
    running.heard = heard.upto
    return replace(inbound, extra={**inbound.extra, "overheard": heard.lines}) if heard.lines else inbound
