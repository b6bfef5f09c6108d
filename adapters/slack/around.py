"""What a message needs besides its own event to be understood: the names of those it names, the words it is about."""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

from adapters.slack import contents
from adapters.slack.parents import Parents
from adapters.slack.people import People
from adapters.slack.wire import Message, direct
from adapters.slack.workspace import Workspace
from gateway.message import File, Json

_PATIENCE = 1.5  # seconds for all of it; Slack waits for our word on the message no longer than three


class Content(NamedTuple):
    """What a message says, ready for a bot."""

    text: str
    files: tuple[File, ...]
    extra: Mapping[str, Json]


class Around:
    """Asked of Slack where it must be; what it does not tell in time is done without."""

    def __init__(self, people: People, parents: Parents) -> None:
        self._people, self._parents = people, parents

    async def content(self, home: Workspace, said: Message, mentioned: bool) -> Content:
        """`mentioned`: whether the bot is called by it, perhaps into somebody else's thread."""
        users = contents.mentioned(said.text, home.user)
        below = mentioned and self._is_below_another(home, said)
        names: Mapping[str, str] = {}
        parent = said.root
        if users or below or parent is not None:
            try:
                async with asyncio.timeout(_PATIENCE):
                    if below and parent is None:
                        parent = await self._parents.first(home, said.channel, said.thread_ts)
                    authors = (parent.user,) if parent is not None and parent.user else ()
                    names = await self._people.names(home, (*users, *authors))
            except TimeoutError:
                pass
        if parent is not None and home.speaks(parent.user, parent.bot_id):
            parent = None
        quoted = contents.quoted(home, said, parent, names)
        return Content(
            contents.words(home, said, names), contents.files(home, said), {} if quoted is None else {"quoted": quoted}
        )

    def _is_below_another(self, home: Workspace, said: Message) -> bool:
        """Whether it stands in a thread that somebody else has begun."""
        if said.thread_ts in ("", said.ts) or direct(said.channel, said.channel_type):
            return False
        return said.parent_user_id != home.user
