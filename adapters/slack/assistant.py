"""The assistant's side of a direct message: its suggestions, and the line that says that it is at work."""

from adapters.slack.api import Api
from adapters.slack.options import Prompt
from adapters.slack.wire import AssistantThread, direct
from adapters.slack.workspace import Workspace, Workspaces
from gateway.errors import Refused

_THINKING = "is thinking…"
_BRIEF = 2.0  # seconds; Slack waits meanwhile for our word on the event
_REMEMBERED = 5000
_UNABLE = ("auth", "unsupported", "rejected")


class Assistant:
    """Calls that matter to nobody's answer. Where Slack refuses them, in direct messages or in channels, they are not
    made any more.
    """

    def __init__(self, api: Api, homes: Workspaces, prompts: tuple[Prompt, ...]) -> None:
        self._api, self._homes, self._prompts = api, homes, prompts
        self._unable: set[tuple[str, bool]] = set()
        self._thinking: set[tuple[str, str, str]] = set()

    async def greet(self, team: str, started: AssistantThread) -> None:
        """Suggest what to ask in a new conversation. Raises what `send` may."""
        home = self._homes.find(team)
        if home is None or not self._prompts:
            return
        asked = {
            "channel_id": started.channel_id,
            "thread_ts": started.thread_ts,
            "prompts": [{"title": prompt.title, "message": prompt.message} for prompt in self._prompts],
        }
        await self._api.call(home, "assistant.threads.setSuggestedPrompts", asked, _BRIEF)

    def can_think(self, home: Workspace, chat: str) -> bool:
        """Whether nothing is known that speaks against it."""
        return (home.team, direct(chat)) not in self._unable

    async def think(self, home: Workspace, chat: str, thread: str, status: str = _THINKING) -> None:
        """Say that an answer is coming; Slack forgets it after two minutes, or when we post. Raises what `send` may."""
        if not self.can_think(home, chat):
            return
        place = home.team, direct(chat)
        asked = {"channel_id": chat, "thread_ts": thread, "status": status}
        try:
            await self._api.call(home, "assistant.threads.setStatus", asked, 10)
        except Refused as refused:
            if refused.reason in _UNABLE:
                self._unable.add(place)
            raise
        if len(self._thinking) >= _REMEMBERED:
            self._thinking.clear()
        self._thinking.add((home.team, chat, thread))

    def posted(self, home: Workspace, chat: str, thread: str) -> None:
        """A message of ours has taken the line away."""
        self._thinking.discard((home.team, chat, thread))

    async def calm(self, home: Workspace, chat: str, thread: str) -> None:
        """Take the line away where no new message did it: neither an edit nor a stopped stream does."""
        key = (home.team, chat, thread)
        if key in self._thinking:
            self._thinking.discard(key)
            asked = {"channel_id": chat, "thread_ts": thread, "status": ""}
            await self._api.call(home, "assistant.threads.setStatus", asked, 10)
