"""Session keys: an address and the channel's scope policy make the name of one conversation's lane."""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, unquote

from gateway.message import Address, Place

SCOPES: Mapping[Place, tuple[str, ...]] = {
    "dm": ("user", "thread", "shared"),
    "group": ("chat", "user"),
    "topic": ("thread", "chat", "thread_user"),
    "thread": ("thread", "chat", "thread_user"),
    "conversation": ("conversation",),
}
"""What an operator may choose for each place."""

# (place, scope) -> (name in the key, the parts of the address that tell one session from another). What is said to
# the bot outside any thread has no thread, and is a conversation of its own beside those in threads.
_SHAPES: Mapping[tuple[str, str], tuple[str, tuple[str, ...]]] = {
    ("dm", "user"): ("dm", ("user",)),
    ("dm", "thread"): ("dm", ("user", "thread")),
    ("dm", "shared"): ("dm", ()),
    ("group", "chat"): ("group", ("chat",)),
    ("group", "user"): ("group", ("chat", "user")),
    ("topic", "thread"): ("topic", ("chat", "thread")),
    ("topic", "chat"): ("group", ("chat",)),
    ("topic", "thread_user"): ("topic", ("chat", "thread", "user")),
    ("thread", "thread"): ("thread", ("chat", "thread")),
    ("thread", "chat"): ("group", ("chat",)),
    ("thread", "thread_user"): ("thread", ("chat", "thread", "user")),
    ("conversation", "conversation"): ("conversation", ("chat",)),
}


class SessionKey(NamedTuple):
    """Who talks with which bot, through which channel and account, and where.

    `str(key)` quotes every part and names it, so that no two keys share a text: `help/support/dm:account=7,user=12`.
    """

    channel: str
    bot: str
    scope: str
    ids: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        ids = ",".join(f"{name}={_quote(value)}" for name, value in self.ids)
        return f"{_quote(self.channel)}/{_quote(self.bot)}/{_quote(self.scope)}:{ids}"

    @classmethod
    def parse(cls, text: str) -> "SessionKey":
        """The key back from its text. Raises `ValueError` when it is none."""
        try:
            channel, bot, rest = text.split("/")
            scope, ids = rest.split(":")
            pairs = [part.split("=") for part in ids.split(",")] if ids else []
            return cls(_unquote(channel), _unquote(bot), _unquote(scope), tuple((n, _unquote(v)) for n, v in pairs))
        except ValueError:
            raise ValueError(f"not a session key: {text!r}") from None

    def moved(self, old: str, new: str) -> "SessionKey":
        """The same conversation after its chat, or its user, went on under another id."""
        return self._replace(ids=tuple((n, new if n in ("chat", "user") and v == old else v) for n, v in self.ids))


def _quote(part: str) -> str:
    return part if part.isascii() and part.isalnum() else quote(part, safe="", errors="surrogatepass")


def _unquote(part: str) -> str:
    return unquote(part, errors="surrogatepass")


@lru_cache(maxsize=16384)
def session_key(channel: str, bot: str, account: str, address: Address, scope: str) -> tuple[SessionKey, str]:
    """The key of an address under a scope of `SCOPES`, and its text.

    The account (bot id, number, team) is part of it wherever the platform has one. Raises `ValueError` when the
    address lacks an id that the scope needs: there is no fallback that strangers could meet in.
    """
    name, parts = _SHAPES[address.place, scope]
    ids = [("account", account)] if account else []
    for part in parts:
        value = getattr(address, part)
        if not value and (address.place, part) == ("dm", "thread"):
            continue
        if not value:
            raise ValueError(f"a {address.place} address without {part} has no session key")
        ids.append((part, value))
    key = SessionKey(channel, bot, name, tuple(ids))
    return key, str(key)
