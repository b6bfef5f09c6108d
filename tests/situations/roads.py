"""All roads by name, and the one that is open, shared by the situations that leave it as they found it."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path

from tests.situations import slack, telegram, twilio, whatsapp
from tests.situations.road import Road

Opener = Callable[[Path], AbstractAsyncContextManager[Road]]
"""Makes a road with an empty store in a folder."""

ROADS: dict[str, Opener] = {
    "telegram-webhook": telegram.ByWebhook.open,
    "telegram-polling": telegram.ByPolling.open,
    "slack-http": slack.OverHttp.open,
    "slack-socket": slack.BySocket.open,
    "whatsapp": whatsapp.WhatsApp.open,
    "twilio": twilio.Twilio.open,
}


class Roads:
    """Opens roads in folders that it is given."""

    def __init__(self, folder: Callable[[], Path]) -> None:
        self._folder = folder
        self._stack = AsyncExitStack()
        self._name = ""
        self._road: Road | None = None

    async def at(self, name: str) -> Road:
        """The road of a name, the same as the last time when it was the last one."""
        if self._road is not None and name == self._name:
            return self._road
        await self.leave()
        road: Road = await self._stack.enter_async_context(ROADS[name](self._folder()))
        self._name, self._road = name, road
        return road

    async def leave(self) -> None:
        """The next one is a new one."""
        self._road = None
        await self._stack.aclose()
