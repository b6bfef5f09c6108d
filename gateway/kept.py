"""Small things kept beside the queues: words of adapters over restarts, and what platforms say of parts later."""

from typing import NamedTuple

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


class Moved(NamedTuple):
    """A part whose status has climbed: in which lane, of which session, to what."""

    lane: int
    session: str
    status: str


def settle(part: str, status: str, ref: str, now: int) -> Tx[Moved | None]:
    """A platform reports on a part: what was in doubt is settled, and its status climbs. None: it stays as it is."""
    if not (part.isascii() and part.isdigit() and len(part) < 19):
        return None
    number = int(part)
    before = yield "SELECT status FROM outbox WHERE id = $1", (number,)
    if status != "window" or not (yield from bounced(number, ref, now)):
        yield from report(number, "failed" if status == "window" else status, ref, now)
    after = yield "SELECT status, lane, session FROM outbox WHERE id = $1", (number,)
    if not after or after[0][0] in (None, before[0][0]):
        return None
    return Moved(after[0][1], after[0][2], after[0][0])
