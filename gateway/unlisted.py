"""Groups that the operator did not list: where `group.leave_unlisted` says so, the bot leaves them."""

from collections import OrderedDict

import structlog

from gateway.access import private
from gateway.channel import Channel
from gateway.corridor import Corridor
from gateway.gates import welcome
from gateway.message import Inbound

AGAIN = 600.0  # seconds until it is tried again where we are still spoken to
MOST = 10_000

log = structlog.get_logger()


class Unlisted:
    """Leaves groups, beside the work."""

    def __init__(self, corridor: Corridor) -> None:
        self._c = corridor
        self._tried: OrderedDict[tuple[str, str, str], float] = OrderedDict()

    def met(self, channel: Channel, inbound: Inbound) -> None:
        """Something was heard in a group; it is on disk."""
        if not channel.settings.group.leave_unlisted or private(inbound) or welcome(channel, inbound):
            return
        chat, now = (channel.name, inbound.account, inbound.address.chat), self._c.clock.tick()
        if now < self._tried.get(chat, 0.0):
            return
        self._tried[chat] = now + AGAIN
        if len(self._tried) > MOST:
            self._tried.popitem(last=False)
        self._c.tasks.start(self._leave(channel, inbound.address.chat), "leaving a group")

    async def _leave(self, channel: Channel, chat: str) -> None:
        try:
            await channel.adapter.leave(chat)
        except Exception as error:
            log.warning("group.stayed", channel=channel.name, chat=chat, error=str(error) or type(error).__name__)
        else:
            log.info("group.left", channel=channel.name, chat=chat)
