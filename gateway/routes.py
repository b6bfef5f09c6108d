"""Which bot answers: the channel's own, unless a rule of the operator's names another one.

A rule with a keyword decides only how a conversation begins: it stays with its bot until it ends.
"""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from gateway.access import listed, private
from gateway.db import Tx
from gateway.message import Inbound
from gateway.rules import RuleBook
from gateway.settings import ChannelSettings
from gateway.settings.routes import Route, folded

AROUND = ",.:;!?"  # what may stand behind a keyword, or before it


class Choice(NamedTuple):
    """Who would answer a message, were it the first one. `rivals` are all who may be in conversation there."""

    bot: str
    inbound: Inbound
    by_keyword: bool = False
    rivals: Sequence[str] = ()


class Ongoing(NamedTuple):
    """An open conversation; in an empty one nothing has been said yet."""

    bot: str
    session: str
    empty: bool


class Routes:
    """The rules of one channel."""

    def __init__(self, settings: ChannelSettings, book: RuleBook) -> None:
        self._routes, self._book, self._bot = settings.routes, book, settings.bot
        self.bots = tuple(dict.fromkeys((settings.bot, *(route.bot for route in settings.routes), *book.bots)))

    @property
    def any(self) -> bool:
        """Whether there are rules at all."""
        return bool(self._routes or self._book.bots)

    def choose(self, inbound: Inbound, account: str) -> Choice:
        """The first rule that fits, and whoever a keyword may have brought in."""
        word, rest = _first_word(inbound.text)
        rivals: list[str] = []
        by_keyword = ""
        for route in self._routes:
            if not _fits(route, inbound, account):
                continue
            if not route.keyword:
                standing = route.bot
                break
            rivals.append(route.bot)
            if not by_keyword and word in route.keyword:
                by_keyword = route.bot
        else:
            own = None if private(inbound) else self._book.at(inbound.address).bot
            standing = own or self._bot
        if not rivals:
            return Choice(standing, inbound)
        rivals = list(dict.fromkeys([*rivals, standing]))
        if not by_keyword:
            return Choice(standing, inbound, False, rivals)
        return Choice(by_keyword, replace(inbound, text=rest) if rest else inbound, True, rivals)


def _first_word(text: str) -> tuple[str, str]:
    head, *rest = text.split(None, 1)[:2] or [""]
    return folded(head[:80].strip(AROUND)), rest[0] if rest else ""


def _fits(route: Route, inbound: Inbound, account: str) -> bool:
    """Whether a rule fits an event, its keyword aside."""
    address, sender = inbound.address, inbound.sender
    if route.account and account not in route.account:
        return False
    spot = f"{address.chat}/{address.thread}"
    if route.chat and address.chat not in route.chat and spot not in route.chat:
        return False
    return not route.user or (sender is not None and listed(sender, route.user))


def ongoing(keys: Sequence[str]) -> Tx[Ongoing | None]:
    """Of the lanes of one spot, the open conversation that its user used last."""
    marks = ", ".join(f"${index + 1}" for index in range(len(keys)))
    rows = yield (
        f"""SELECT l.bot, s.id, s.message_count = 0 AND l.waiting = 0 FROM lane l JOIN session s ON s.id = l.session
              WHERE l.key IN ({marks}) ORDER BY s.last_user_activity DESC, s.created_at DESC, s.id DESC LIMIT 1""",
        tuple(keys),
    )
    return Ongoing(rows[0][0], rows[0][1], bool(rows[0][2])) if rows else None
