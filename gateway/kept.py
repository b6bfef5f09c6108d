"""Small things kept beside the queues: words of adapters over restarts, and what platforms say of parts later."""

from gateway.db import Tx
from gateway.outbox import LESS

# A status only climbs: callbacks arrive in any order.
LADDER = ("sent", "delivered", "read", "failed")


def recall(name: str) -> Tx[str]:
    """The word kept under a name, "" when there is none."""
    rows = yield "SELECT value FROM meta WHERE name = $1", (f"kept:{name}",)
    return rows[0][0] if rows else ""


def keep(name: str, value: str) -> Tx[None]:
    yield (
        "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (f"kept:{name}", value),
    )


def settle(part: str, status: str, ref: str, now: int) -> Tx[bool]:
    """A platform reports on a part: what was in doubt is settled, and its status climbs. False: it is not ours."""
    if not (part.isascii() and part.isdigit() and len(part) < 19):
        return False
    rows = yield "SELECT id, lane, state, status FROM outbox WHERE id = $1 /*FOR UPDATE*/", (int(part),)
    if not rows:
        return False
    number, lane, state, before = rows[0]
    if before is None or LADDER.index(status) > LADDER.index(before):
        yield "UPDATE outbox SET status = $2 WHERE id = $1", (number, status)
    if state in ("sending", "unknown", "unconfirmed") and status != "failed":
        yield (
            "UPDATE outbox SET state = 'sent', sent_at = $2, ref = COALESCE(NULLIF($3, ''), ref) WHERE id = $1",
            (number, now, ref),
        )
        less = int(state != "unconfirmed")
        yield f"UPDATE lane SET {LESS} WHERE id = $1", (lane, less)
        # What waited for this one's outcome need not wait any longer.
        yield "UPDATE lane SET out_due_at = $2 WHERE id = $1 AND out_holder IS NULL AND out_due_at > $2", (lane, now)
    return True
