"""One answer being written: a stream of Slack's, or a message that is edited."""

import re
from typing import Any, Self

from adapters.slack.api import Api
from adapters.slack.parts import TEXT
from adapters.slack.workspace import Workspace
from gateway.errors import Refused
from gateway.markup import render

Spot = tuple[str, str, str]
"""Team, channel, thread."""

_BRIEF = 10.0  # seconds
_STREAM = 11_000  # characters of Markdown that one stream is given; the answer itself is sent in parts
_MARKS = "[!*_~`\\"
_OPEN = "*_~` \t\n<@"  # may be what closes the text so far, and not what was written; or half of a mention
_CALL = re.compile(r"<(?=[!@#])|(?<!\w)@(?=[ceh])", re.IGNORECASE)
_BREAK = "\u200b"


class Draft:
    """A message of ours that will be something else. `key` is its answer's."""

    def __init__(self, team: str, chat: str, ts: str, key: int = 0, shown: str = "", *, streams: bool = False) -> None:
        self.team, self.chat, self.ts, self.key = team, chat, ts, key
        self._shown, self._streams = shown, streams
        self._closed = False  # Slack takes no more of it: some minutes are over, or somebody has stopped it

    @classmethod
    async def stream(cls, api: Api, home: Workspace, asked: dict[str, Any], key: int, text: str) -> Self:
        """Begin a stream. Raises what `send` may."""
        shown = _certain(text)
        answer = await api.call(home, "chat.startStream", {**asked, **_markdown(shown)}, _BRIEF)
        return cls(home.team, asked["channel"], answer.ts, key, shown, streams=True)

    @classmethod
    async def message(cls, api: Api, home: Workspace, asked: dict[str, Any], key: int, text: str) -> "Self | None":
        """Begin with a message. Raises what `send` may; nothing when there is nothing to see yet."""
        shown = _end(text)
        if not shown:
            return None
        answer = await api.call(home, "chat.postMessage", {**asked, "text": shown}, _BRIEF)
        return cls(home.team, asked["channel"], answer.ts, key, shown)

    async def go_on(self, api: Api, home: Workspace, text: str) -> bool:
        """Show more. A stream only ever grows: false where it shows another text, as of a try that has failed."""
        if self._streams:
            shown = _certain(text)
            if not shown.startswith(self._shown):
                return _unsure(self._shown, shown)
            if not self._closed and (more := shown.removeprefix(self._shown)):
                await self._append(api, home, more)
                self._shown = shown
            return True
        shown = _end(text)
        if shown and shown != self._shown:
            await api.call(home, "chat.update", {**self._where(), "text": shown}, _BRIEF)
            self._shown = shown
        return True

    async def _append(self, api: Api, home: Workspace, more: str) -> None:
        try:
            await api.call(home, "chat.appendStream", {**self._where(), **_markdown(more)}, _BRIEF)
        except Refused:
            self._closed = True
            raise

    async def become(self, api: Api, home: Workspace, words: dict[str, Any]) -> None:
        """The whole of it at last. Raises what `send` may."""
        await self._stop(api, home)
        # blocks that are not mentioned would stay as they are, and a streamed text is in blocks
        await api.call(home, "chat.update", {"blocks": [], **self._where(), **words})

    async def remove(self, api: Api, home: Workspace) -> None:
        """Take it away. Slack deletes no message that is still being streamed. Raises what `send` may."""
        await self._stop(api, home)
        await api.call(home, "chat.delete", self._where(), _BRIEF)

    async def _stop(self, api: Api, home: Workspace) -> None:
        """While it is streamed a message is neither edited nor deleted. Slack ends a stream by itself after minutes."""
        if not self._streams:
            return
        try:
            await api.call(home, "chat.stopStream", self._where(), _BRIEF)
        except Refused as refused:
            if refused.reason == "auth":
                raise
        else:
            self._streams = False

    def _where(self) -> dict[str, Any]:
        return {"channel": self.chat, "ts": self.ts}


def _unsure(before: str, now: str) -> bool:
    """Whether it is the same text all the same, of which a mark is left out now: half a link is shown without."""
    same = next((at for at, pair in enumerate(zip(before, now, strict=False)) if pair[0] != pair[1]), len(now))
    return same >= len(now) or before[same] in _MARKS


def _certain(text: str) -> str:
    """So much of a text as will not be taken back. Nobody is called by it: streams take no other escape."""
    return _CALL.sub(lambda found: f"{found[0]}{_BREAK}", text[:_STREAM].rstrip(_OPEN))


def _markdown(text: str) -> dict[str, Any]:
    return {"markdown_text": text} if text else {}


def _end(text: str) -> str:
    """Of a long text the end is shown."""
    shown = render(text, "mrkdwn", TEXT)
    return shown[-1].text if shown else ""
