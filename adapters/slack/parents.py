"""What a thread is about: its first message, which Slack does not tell with those that answer it."""

import msgspec

from adapters.slack.kept import SOON, Found, Kept
from adapters.slack.sdk import Sdk
from adapters.slack.wire import Message
from adapters.slack.workspace import Workspace
from gateway.adapter import Gate
from gateway.errors import Refused, SendError

_KNOWN = 2000
_PATIENCE = 1.0  # seconds; Slack waits for our word on the message meanwhile


class Parents:
    """Asked for where somebody calls the bot into a thread that is not its own."""

    def __init__(self, gate: Gate, sdk: Sdk) -> None:
        self._sdk = sdk
        self._known: Kept[Message | None] = Kept(gate, _KNOWN)
        self._unable: set[str] = set()

    async def first(self, home: Workspace, chat: str, thread: str) -> Message | None:
        """The first message of a thread; nothing when Slack does not tell it within a second."""
        if home.team in self._unable:
            return None
        return await self._known.get((home.team, chat, thread), lambda: self._ask(home, chat, thread))

    async def _ask(self, home: Workspace, chat: str, thread: str) -> Found[Message | None]:
        try:
            found = await self._sdk.ask(
                home.token,
                "conversations.replies",
                lambda client: client.conversations_replies(channel=chat, ts=thread, limit=1),
                _PATIENCE,
            )
            messages = msgspec.convert(found.get("messages"), list[Message])
        except Refused as refused:
            if refused.reason == "unsupported":  # a scope is missing
                self._unable.add(home.team)
            return Found(None, SOON)
        except (SendError, msgspec.ValidationError):
            return Found(None, SOON)
        return Found(next((one for one in messages if one.ts == thread), None))
