"""Chats and who is in them, as Telegram keeps them."""

from dataclasses import dataclass, field
from typing import Any

GENERAL_TOPIC = 1


@dataclass
class Person:
    """A user, or another bot."""

    id: int
    first_name: str
    username: str = ""
    language_code: str = "en"
    is_bot: bool = False

    def stamp(self) -> dict[str, Any]:
        """The API's `User`."""
        found = {"id": self.id, "is_bot": self.is_bot, "first_name": self.first_name}
        if self.username:
            found["username"] = self.username
        if self.language_code and not self.is_bot:
            found["language_code"] = self.language_code
        return found


@dataclass
class Chat:
    """A private chat (its id is the user's), a group, or a supergroup; `topics` of a forum by thread id."""

    id: int
    type: str
    title: str = ""
    username: str = ""
    first_name: str = ""
    forum: bool = False
    topics: dict[int, str] = field(default_factory=dict)
    messages: dict[int, dict[str, Any]] = field(default_factory=dict)
    last_message: int = 1  # the first topic is not to have the General one's number
    shut: str = ""  # why the bot may not write: the sentence after "Forbidden: "
    migrated_to: int = 0
    migrated_from: int = 0

    def stamp(self) -> dict[str, Any]:
        """The API's `Chat`."""
        found: dict[str, Any] = {"id": self.id, "type": self.type}
        for name in ("title", "username", "first_name"):
            if value := getattr(self, name):
                found[name] = value
        if self.forum:
            found["is_forum"] = True
        return found

    def number(self) -> int:
        self.last_message += 1
        return self.last_message
