"""What is meant for the bot although nobody calls it: more in a thread of its own, and the answer to its question."""

from collections.abc import Callable

from gateway import choices, history
from gateway.access import listed, private
from gateway.channel import Channel
from gateway.db import Tx
from gateway.lanes import Spot
from gateway.message import Inbound

LONGEST = 200  # characters of what may name a choice
LINES = 12  # of the end of a conversation: one answer with its buttons, and what the gateway said since


def sequel(channel: Channel, inbound: Inbound, spot: Spot, *, command: bool) -> Callable[[], Tx[bool]] | None:
    """How it is found out, in the transaction that takes the event in. None where it cannot be so."""
    if private(inbound):
        return None
    rules = channel.rules.at(inbound.address)
    if rules.manners.mode != "mention":  # the others answer everything, or nothing
        return None
    if rules.users is not None and not (inbound.sender and listed(inbound.sender, rules.users)):
        return None
    if spot.scope == "thread":
        return lambda: _open(spot.key)
    if command or inbound.kind != "message" or inbound.files or (inbound.sender and inbound.sender.bot):
        return None
    if not 0 < len(inbound.text) <= LONGEST:
        return None
    return lambda: _chooses(channel, inbound, spot.key)


def _open(key: str) -> Tx[bool]:
    rows = yield "SELECT 1 FROM lane WHERE key = $1 AND session IS NOT NULL", (key,)
    return bool(rows)


def _chooses(channel: Channel, inbound: Inbound, key: str) -> Tx[bool]:
    """Whether it names one of the choices that were offered there last."""
    rows = yield "SELECT session FROM lane WHERE key = $1 AND session IS NOT NULL", (key,)
    if not rows:
        return False
    said = yield from history.newest(rows[0][0], LINES)
    answer = [line for line in said if line.role != "system"]
    return choices.typed(channel, inbound, answer).kind == "button"
