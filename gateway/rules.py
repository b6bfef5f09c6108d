"""How the bot behaves in one group: the channel's manners, with what the operator has said of this chat or topic."""

from collections.abc import Mapping
from typing import NamedTuple

from gateway.mentions import Mentions
from gateway.message import Address, Place
from gateway.settings import ChannelSettings
from gateway.settings.groups import Group, Override

LISTENING = 50  # messages kept in mode listen, whose whole point they are, when the operator gave no number
ALONE = ("dm", "conversation")  # places where nobody but the sender and the bot is

# What a word for the scope of a chat means in each place; nothing: as everywhere else.
_SCOPES: Mapping[tuple[Place, str], str] = {
    ("group", "chat"): "chat",
    ("group", "user"): "user",
    ("group", "thread_user"): "user",
    ("topic", "chat"): "chat",
    ("topic", "thread"): "thread",
    ("topic", "user"): "thread_user",
    ("topic", "thread_user"): "thread_user",
    ("thread", "chat"): "chat",
    ("thread", "thread"): "thread",
    ("thread", "user"): "thread_user",
    ("thread", "thread_user"): "thread_user",
}


class Rules(NamedTuple):
    """What holds in one group. `users` are those who may write to the bot, None: all; `context` is how many
    messages not meant for it are kept.
    """

    manners: Group
    mentions: Mentions
    context: int
    users: tuple[str, ...] | None = None
    bot: str | None = None
    word: str = ""

    def scope(self, place: Place) -> str | None:
        """Who shares a conversation in such a place, where that was said of this chat."""
        return _SCOPES.get((place, self.word))


class RuleBook:
    """The rules of every chat of a channel, worked out when it is made."""

    def __init__(self, settings: ChannelSettings) -> None:
        general, groups = settings.group, settings.groups
        anywhere = [groups["*"]] if "*" in groups else []
        self._general = _rules(general, anywhere)
        self._chats: dict[str, Rules] = {}
        for name in groups.keys() - {"*"}:
            chat, slash, _ = name.rpartition("/")
            around = [groups[chat]] if slash and chat in groups else []
            self._chats[name] = _rules(general, [*anywhere, *around, groups[name]])
        self.scoped = any(override.scope for override in groups.values())
        self.bots = tuple(dict.fromkeys(override.bot for override in groups.values() if override.bot))

    def at(self, address: Address) -> Rules:
        """The rules of a group: its topic's, else its chat's, else those of `*`."""
        chats = self._chats
        if not chats:
            return self._general
        if address.thread and (found := chats.get(f"{address.chat}/{address.thread}")):
            return found
        return chats.get(address.chat, self._general)


def _rules(general: Group, overrides: list[Override]) -> Rules:
    said: dict[str, object] = {}
    for override in overrides:  # the nearer one is the later
        said |= {name: getattr(override, name) for name in override.model_fields_set}
    users, bot, word = said.pop("users", None), said.pop("bot", None), said.pop("scope", None)
    manners = general.model_copy(update=said)
    context = manners.context or (LISTENING if manners.mode == "listen" else 0)
    mentions = Mentions(manners.mention_patterns, manners.wake_on_everyone)
    return Rules(manners, mentions, context, users, bot, word or "")  # type: ignore[arg-type]
