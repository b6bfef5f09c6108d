"""What Slack knows: workspaces, their people and channels, what was said there, and the files."""

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.far.slack.refusal import Refusal

Message = dict[str, Any]


@dataclass
class Person:
    id: str
    name: str
    is_bot: bool = False
    is_admin: bool = False
    bot_id: str = ""
    team: str = ""  # of another organisation, in a channel that is shared with it


@dataclass
class Channel:
    """A channel (C...), a group (G...) or a direct message (D...). What only one user sees is in `whispers`."""

    id: str
    kind: str
    name: str = ""
    members: set[str] = field(default_factory=set)
    messages: dict[str, Message] = field(default_factory=dict)
    whispers: list[Message] = field(default_factory=list)
    archived: bool = False


@dataclass
class File:
    id: str
    name: str
    content: bytes
    mimetype: str = "application/octet-stream"
    subtype: str = ""
    mode: str = "hosted"
    shared: bool = True
    elsewhere: str = ""


class Team:
    """One workspace in which the app is installed."""

    def __init__(self, id: str, token: str, bot: str = "far_bot") -> None:
        self.id, self.token = id, token
        self.revoked = False
        self.bot = Person(f"UBOT{id}", bot, is_bot=True, bot_id=f"B{id}")
        self.people: dict[str, Person] = {self.bot.id: self.bot}
        self.channels: dict[str, Channel] = {}

    def direct(self, user: str) -> Channel:
        number = f"D{user}"
        return self.channels.setdefault(number, Channel(number, "im", members={user, self.bot.id}))

    def open_channel(self, number: str) -> Channel:
        """A channel that the bot may write to. A user's id stands for the direct message with them."""
        if number in self.people and number != self.bot.id:
            return self.direct(number)
        channel = self.channels.get(number)
        if channel is None:
            raise Refusal("channel_not_found")
        if self.bot.id not in channel.members:
            raise Refusal("not_in_channel")
        if channel.archived:
            raise Refusal("is_archived")
        return channel


class World:
    """All workspaces, and a clock whose every tick is a message's id."""

    def __init__(self) -> None:
        self.teams: dict[str, Team] = {}
        self.files: dict[str, File] = {}
        self._ticks: Iterator[int] = itertools.count(1)
        self._began = int(time.time())

    def ts(self) -> str:
        """Seconds and microseconds; later ones are larger."""
        tick = next(self._ticks)
        return f"{self._began + tick // 1000}.{tick % 1000:03d}{tick % 997:03d}"

    def number(self) -> int:
        return next(self._ticks)

    def by_token(self, token: str) -> Team:
        for team in self.teams.values():
            if team.token == token:
                if team.revoked:
                    raise Refusal("token_revoked")
                return team
        raise Refusal("invalid_auth" if token else "not_authed")
