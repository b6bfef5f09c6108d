"""The order of what waits together: by the platform's own, for what arrived within a moment."""

from gateway.db import Tx
from gateway.message import Inbound, decode

MOMENT = 300  # ms
_MOST = 20


def seat(lane: int, last: int, order: int, now: int) -> Tx[int]:
    """The place of an event in its lane: behind all (`last` + 1), or before those that the platform counts later.

    Those move up by one. What is being answered, and what came longer ago, stays where it is.
    """
    rows = yield (
        """SELECT seq, body FROM inbox WHERE lane = $1 AND state = 'waiting' AND attempts = 0 AND received_at > $2
             AND body IS NOT NULL ORDER BY seq DESC LIMIT $3""",
        (lane, now - MOMENT, _MOST),
    )
    place = last + 1
    for seq, body in rows:
        other = decode(Inbound, body).order
        if not other or other <= order:
            break
        place = seq
    if place <= last:  # in two steps: no two entries of a lane may have one number even for a moment
        yield "UPDATE inbox SET seq = -1 - seq WHERE lane = $1 AND seq >= $2", (lane, place)
        yield "UPDATE inbox SET seq = -seq WHERE lane = $1 AND seq < 0", (lane,)
    return place
