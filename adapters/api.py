"""The api channel: programs of yours that speak for their users, with keys of `gateway keys create --channel`.

The door of the gateway answers them; this file says what such a channel is.
"""

from typing import ClassVar

from gateway import adapter, options
from gateway.adapter import Boundary, Limits
from gateway.message import Part


class Adapter(adapter.Adapter):
    """Answers go out with the response; nothing is ever sent."""

    class Options(options.DoorOptions):
        """There are none besides those of every such channel."""

    limits = Limits(
        text=1_000_000,
        dialect="tree",
        many_sessions=True,
        buttons=True,
        resend_is_safe=True,
        pulled=True,
        door="callers",
    )
    boundary: ClassVar[Boundary] = {"conversation": "conversation"}

    async def send(self, part: Part) -> str:
        """The caller reads the history itself (`limits.pulled`): a part has arrived as soon as it is stored."""
        return part.id
