"""The message in which an unfinished answer is shown, kept with the entry that is answered."""

from msgspec.structs import replace

from gateway.db import Tx
from gateway.lanes import Lease
from gateway.message import Inbound, Part, decode, encode
from gateway.post import Post, queue


def is_silent(lane: int) -> Tx[bool]:
    """Whether nothing waits to be said in a lane."""
    rows = yield "SELECT pending FROM lane WHERE id = $1", (lane,)
    return bool(rows) and rows[0][0] == 0


def note(lease: Lease, entry: int, ref: str) -> Tx[bool]:
    """Keep with an entry which message shows its answer. False: its turn is not ours any more."""
    held = yield (
        "SELECT 1 FROM lane WHERE id = $1 AND in_fence = $2 AND in_holder IS NOT NULL /*FOR UPDATE*/",
        (lease.lane, lease.fence),
    )
    rows = yield "SELECT body FROM inbox WHERE id = $1 AND state = 'waiting'", (entry,)
    if not held or not rows:
        return False
    body = encode(replace(decode(Inbound, rows[0][0]), draft=ref))
    yield "UPDATE inbox SET body = $2 WHERE id = $1", (entry, body)
    return True


def remove(lane: int, session: str, turn: str, inbound: Inbound, now: int) -> Tx[None]:
    """Take away what an entry's answer was shown in: there will be none."""
    if not inbound.draft:
        return
    gone = Part(id="", address=inbound.address, turn=turn, replaces=inbound.draft, gone=True)
    yield from queue(lane, session, None, Post(inbound.channel, [encode(gone)], None, None, 0), now)
