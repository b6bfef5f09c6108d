"""Edits and deletions that come before the message they are about, as platforms deliver events in any order.

They are kept for a moment in memory: after a crash in between the message is answered as it was written first.
"""

from collections import OrderedDict

from msgspec.structs import replace

from gateway.access import private
from gateway.clock import Clock
from gateway.db import Tx
from gateway.inbox import first_time, mark, note_dropped
from gateway.intake import Accepted
from gateway.message import Inbound

MOMENT = 60.0  # seconds
MOST = 1_000

_About = tuple[str, str, str, str]


class Foretold:
    """What has been told of messages that are still to come."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._told: OrderedDict[_About, tuple[float, Inbound]] = OrderedDict()

    def note(self, change: Inbound) -> None:
        """Nobody knows the message that is changed. Of what members of a group say to each other no words are kept."""
        if not change.ref or not (change.kind == "revoke" or private(change)):
            return
        about = _about(change)
        known = self._told.pop(about, None)
        # What was deleted is not edited any more.
        self._told[about] = self._clock.tick(), known[1] if known and known[1].kind == "revoke" else change
        while len(self._told) > MOST:
            self._told.popitem(last=False)

    def take(self, message: Inbound) -> Inbound | None:
        """What was told of a message that has come now."""
        if not self._told or not message.ref:
            return None
        at, change = self._told.pop(_about(message), (0.0, None))
        return change if change is not None and self._clock.tick() - at <= MOMENT else None


def _about(inbound: Inbound) -> _About:
    return inbound.channel, inbound.account, inbound.address.chat, inbound.ref


def as_it_reads(message: Inbound, change: Inbound) -> Inbound:
    """A message after its edit."""
    return replace(message, text=change.text, files=change.files or message.files)


def deleted(message: Inbound, now: int) -> Tx[Accepted]:
    """A message comes that was deleted before: of it nothing is kept but that it came."""
    marks = [mark(message.channel, message.account, event) for event in message.ids]
    if not (yield from first_time(marks, now)):
        return Accepted("duplicate", "")
    yield from note_dropped(message.channel, message.account, message.ids, message.address.chat, "revoked", now)
    return Accepted("revoked", "")
