"""What stands in Slack's channels: asked for after an outage, and read like the events that did not reach us."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from operator import methodcaller
from typing import TYPE_CHECKING, Any

import msgspec

from adapters.slack.events import Events
from adapters.slack.sdk import Answer, Sdk
from adapters.slack.wire import Envelope, moment, order
from adapters.slack.workspace import Workspace, Workspaces
from gateway.adapter import Gate
from gateway.errors import Retry
from gateway.message import Inbound

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

KINDS = "public_channel,private_channel,mpim,im"
PAGE = 200
MOST = 50  # pages of one list
THREADS = 24 * 3_600_000  # ms before the outage in which a thread may have begun that was gone on with in it
PATIENCE = 5  # times that a call is made again when Slack has had enough


class Channel(msgspec.Struct, frozen=True):
    id: str
    is_im: bool = False
    is_mpim: bool = False
    is_private: bool = False

    @property
    def kind(self) -> str:
        """As events call it."""
        return "im" if self.is_im else "mpim" if self.is_mpim else "group" if self.is_private else "channel"


class Missed:
    """Reads the channels of all workspaces in which the bot is a member."""

    def __init__(self, gate: Gate, sdk: Sdk, homes: Workspaces, events: Events) -> None:
        self._gate, self._sdk, self._homes, self._events = gate, sdk, homes, events

    async def take(self, since: int) -> None:
        """Hand in what people said since a time in ms, channel by channel and there in its order."""
        for home in self._homes.all():
            channels = self._listed(home, "users.conversations", "channels", types=KINDS, exclude_archived=True)
            async for data in channels:
                await self._take(home, msgspec.convert(data, Channel), since)

    async def _take(self, home: Workspace, channel: Channel, since: int) -> None:
        said: dict[str, Mapping[str, Any]] = {}
        async for message in self._history(home, channel.id, since - THREADS):
            said[str(message.get("ts", ""))] = message
            if moment(str(message.get("latest_reply", ""))) >= since:
                async for reply in self._replies(home, channel.id, str(message["ts"]), since):
                    said[str(reply.get("ts", ""))] = reply
        for ts in sorted((ts for ts in said if moment(ts) >= since), key=order):
            event = {**said[ts], "type": "message", "channel": channel.id, "channel_type": channel.kind}
            found = await self._events.read(Envelope(type="event_callback", team_id=home.team, event=event))
            if isinstance(found, Inbound):
                await self._gate.receive(found)

    def _history(self, home: Workspace, channel: str, since: int) -> AsyncIterator[Mapping[str, Any]]:
        return self._listed(home, "conversations.history", "messages", channel=channel, oldest=_ts(since))

    def _replies(self, home: Workspace, channel: str, thread: str, since: int) -> AsyncIterator[Mapping[str, Any]]:
        asked = {"channel": channel, "ts": thread, "oldest": _ts(since)}
        return self._listed(home, "conversations.replies", "messages", **asked)

    async def _listed(self, home: Workspace, method: str, what: str, **asked: Any) -> AsyncIterator[Mapping[str, Any]]:
        """All of a list, page by page."""
        cursor, name = "", method.replace(".", "_")  # as the SDK calls it
        for _ in range(MOST):
            page = {**asked, "limit": PAGE, **({"cursor": cursor} if cursor else {})}
            answer = await self._asked(home, method, methodcaller(name, **page))
            for one in answer.get(what) or ():
                if isinstance(one, dict):
                    yield one
            cursor = answer.text("response_metadata", "next_cursor")
            if not cursor:
                return

    async def _asked(self, home: Workspace, method: str, call: "Callable[[AsyncWebClient], Awaitable[Any]]") -> Answer:
        """An answer, after a while where Slack wants us to be slower."""
        for _ in range(PATIENCE):
            try:
                return await self._sdk.ask(home.token, method, call)
            except Retry as error:
                if error.after is None:
                    raise
                await self._gate.pause(error.after)
        return await self._sdk.ask(home.token, method, call)


def _ts(at: int) -> str:
    return f"{max(at, 0) / 1000:.6f}"
