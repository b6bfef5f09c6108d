"""Who said a line, as bots are told. What people call themselves is data: one clean line, never a role."""

import re
from functools import lru_cache

from gateway.message import Inbound, Message, Turn
from gateway.text import clean_name

GROUPS = ("group", "topic", "thread")
_API_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


@lru_cache(maxsize=4096)
def name(text: str) -> str:
    """A name as one short line without marks that disguise it; the same few come with each turn, fifty times."""
    return clean_name(text)


def attributed(turn: Turn) -> bool:
    """Whether texts of this turn are given as `Name: text`, since several people speak."""
    return turn.attribution and turn.message.address.place in GROUPS


def line(message: Message, attributed: bool) -> str:
    """The text of a line of history, with its speaker before it where several people speak."""
    if not attributed or message.role != "user":
        return message.text
    return f"{name(message.name) or clean_name(message.sender) or 'Somebody'}: {message.text}"


def of(inbound: Inbound) -> str:
    """What to call the sender of a message."""
    who = inbound.sender
    if who is None:
        return clean_name(inbound.address.user) or "Somebody"
    return name(who.name) or clean_name(who.username) or clean_name(who.id) or "Somebody"


def api_name(who: str) -> str:
    """The name where an OpenAI-compatible API takes it as one, else nothing."""
    return who if _API_NAME.fullmatch(who) else ""
