"""What platforms tell of a chat itself: it moved elsewhere, shut us out, or let us in again."""

from gateway import moving, overheard, renaming
from gateway.access import private
from gateway.db import Tx
from gateway.inbox import first_time, mark, note_dropped
from gateway.intake import Accepted
from gateway.message import Inbound


def place_changed(channel: str, account: str, inbound: Inbound, now: int) -> Tx[Accepted]:
    """A chat's own news, with no turn: it moved elsewhere, wants nothing from us any more, or something again."""
    old, new = str(inbound.extra.get("from", "")), str(inbound.extra.get("to", ""))
    person = inbound.kind == "migrate" and private(inbound)
    if person and not (old and new and (yield from renaming.met(channel, account, old, new))):
        return Accepted("unknown", "")
    marks = [mark(channel, account, event) for event in inbound.ids]
    if not (yield from first_time(marks, now)):
        return Accepted("duplicate", "")
    if person:
        yield from renaming.rename(channel, account, old, new, now)
    elif inbound.kind == "migrate":
        if old and new:
            yield from moving.move_chat(channel, account, old, new, now)
    elif inbound.kind == "unblocked":
        yield (
            """UPDATE lane SET silenced = NULL
                 WHERE channel = $1 AND account = $2 AND chat = $3 AND silenced IS NOT NULL""",
            (channel, account, inbound.address.chat),
        )
    else:
        yield (
            "UPDATE lane SET silenced = $4 WHERE channel = $1 AND account = $2 AND chat = $3",
            (channel, account, inbound.address.chat, "blocked"),
        )
        yield from overheard.left(channel, account, inbound.address.chat)
    yield from note_dropped(channel, account, inbound.ids, inbound.address.chat, "service", now)
    return Accepted("service", "")
