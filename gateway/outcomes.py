"""What became of a try to send, written down together with what is to be sent next from the same lane."""

from typing import Literal

import msgspec

from gateway import outbox, window
from gateway.db import Tx, about
from gateway.lanes import OUTBOX, Lease, release
from gateway.moving import move_lane
from gateway.outbox import Stored

Kind = Literal["sent", "ready", "unknown", "moved", "paused", "window", "silenced", "dead"]


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """`due` is when the part may be tried again (ms); `to` the chat that the conversation moved to."""

    kind: Kind
    ref: str = ""
    due: int = 0
    reason: str = ""
    error: str = ""
    plain: bool = False
    to: str = ""


@about(lambda lease, part, outcome, now, resends: lease.lane if outcome.kind == "sent" else None)
def note(lease: Lease, part: int, outcome: Outcome, now: int, resends: int) -> Tx[Stored | None]:
    """Keep an outcome, whoever holds the lane now; return the lane's next part while it is still ours."""
    if outcome.kind == "sent":
        held = yield from outbox.sent(lease, part, outcome.ref, now)
    else:
        held = yield from _not_sent(lease, part, outcome, now)
    return (yield from outbox.head(lease, now, resends)) if held else None


def following(lease: Lease, now: int, resends: int) -> Tx[Stored | None]:
    """The part to be sent next from a lane, if that is ours."""
    held = yield from _held(lease)
    return (yield from outbox.head(lease, now, resends)) if held else None


def _not_sent(lease: Lease, part: int, outcome: Outcome, now: int) -> Tx[bool]:
    held = yield from _held(lease)
    if not held:
        # Another worker has taken this part for one in doubt; it decides.
        return False
    if outcome.kind in ("ready", "unknown", "moved", "paused", "window"):
        state = "unknown" if outcome.kind == "unknown" else "ready"
        yield from outbox.again(lease, part, state, outcome.due, outcome.error, plain=outcome.plain)
    else:
        yield from outbox.leave(lease.lane, part, "dead", outcome.reason, outcome.error)
    if outcome.kind == "silenced":
        yield from outbox.silence(lease.lane, outcome.reason)
    if outcome.kind == "window":
        yield from window.shut(lease.lane)
    if outcome.kind == "moved":
        yield from move_lane(lease.lane, outcome.to, now)
    return True


def _held(lease: Lease) -> Tx[bool]:
    rows = yield "SELECT out_fence, out_holder FROM lane WHERE id = $1 /*FOR UPDATE*/", (lease.lane,)
    return bool(rows and rows[0][0] == lease.fence and rows[0][1] is not None)


def postpone(lease: Lease, part: int, due: int) -> Tx[bool]:
    """The part must wait; its lane is let go until then. Nothing has been sent, even if that was intended."""
    held = yield from release(OUTBOX, lease, due)
    if held:
        yield (
            """UPDATE outbox SET not_before = $2, attempts = attempts - CASE WHEN state = 'sending' THEN 1 ELSE 0 END,
                 state = CASE WHEN state <> 'sending' THEN state WHEN unknowns > 0 THEN 'unknown' ELSE 'ready' END
                 WHERE id = $1""",
            (part, due),
        )
    return held
