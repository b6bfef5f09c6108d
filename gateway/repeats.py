"""Repeats of messages that nobody has named: known by what they say, where there is no id to know them by.

With a time of the platform's, sender, content and time together are as good as an id. Without one the same words from
the same person are a repeat for as long as the first ones wait for their answer, but no longer than the channel's
window: whoever says "yes" again to the next question means it.
"""

import hashlib
from collections.abc import Callable

from msgspec.structs import replace

from gateway.db import Tx
from gateway.message import Inbound, decode

_UNNAMED = "unnamed:"


def unnamed(new_id: Callable[[], str]) -> tuple[str, ...]:
    """The ids of a message that came without any, and without a time that could tell it from the next."""
    return (f"{_UNNAMED}{new_id()}",)


def named(inbound: Inbound, new_id: Callable[[], str]) -> Inbound:
    """The event with ids, whatever the platform gave."""
    if inbound.ids:
        return inbound
    if not inbound.sent_at:
        return replace(inbound, ids=unnamed(new_id))
    said = "\x1f".join((*_content(inbound), str(inbound.sent_at))).encode("utf-8", "surrogatepass")
    return replace(inbound, ids=(f"content:{hashlib.blake2b(said, digest_size=16).hexdigest()}",))


def window(inbound: Inbound, seconds: float | None) -> int:
    """For how many ms this may be a repeat of what waits: 0 for what has ids of its own."""
    return round((seconds or 0) * 1000) if inbound.ids[0].startswith(_UNNAMED) else 0


def waiting(lane: int, inbound: Inbound, since: int) -> Tx[str]:
    """The turn of the same message, said since then and not answered yet; "" when this one is new."""
    rows = yield (
        "SELECT turn, body FROM inbox WHERE lane = $1 AND state = 'waiting' AND received_at > $2 ORDER BY seq",
        (lane, since),
    )
    for turn, body in rows:
        if body and _content(decode(Inbound, body)) == _content(inbound):
            return str(turn)
    return ""


def _content(inbound: Inbound) -> tuple[str, ...]:
    """What makes two messages the same: who says what, where, and with which files."""
    at = inbound.address
    files = [f"{file.id}\x1e{file.ref}\x1e{file.url}" for file in inbound.files]
    where = (inbound.kind, at.account, at.chat, at.thread, at.user, inbound.sender.id if inbound.sender else "")
    return (*where, inbound.text, *files)
