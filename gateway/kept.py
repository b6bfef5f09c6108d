"""Small things kept beside the queues: words of adapters over restarts, and what platforms say of parts later."""

from gateway.db import Tx
from gateway.outbox import report
from gateway.window import bounced


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
    if status == "window":
        if (yield from bounced(int(part), ref, now)):
            return True
        status = "failed"
    return (yield from report(int(part), status, ref, now))
