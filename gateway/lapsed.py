"""What a channel keeps no longer: found by readers in bounded steps, put away by writers in smaller ones.

Rows of the queues are numbered as they come, so that a walk by number ends where they are young.
"""

from collections.abc import Sequence
from typing import NamedTuple

from gateway import fates
from gateway.db import Tx

SPAN = 1_000  # rows looked at in one step
STEP = 250  # rows put away in one transaction

_LOOKS = {
    "inbox": "SELECT id, channel, state, received_at, ended_at FROM inbox",
    "outbox": "SELECT id, channel, state, created_at, created_at FROM outbox",
    "dropped": "SELECT id, channel, 'dropped', at, at FROM dropped",
}
QUEUES = tuple(_LOOKS)
_WAIT = {"inbox": "state <> 'waiting'", "outbox": fates.OVER, "dropped": "TRUE"}


class Entry(NamedTuple):
    """A row of a queue: since when it is there, and since when it is done with."""

    id: int
    channel: str
    state: str
    came: int
    ended: int | None


def entries(queue: str, after: int) -> Tx[list[Entry]]:
    """Rows of a queue after a number, in order."""
    rows = yield f"{_LOOKS[queue]} WHERE id > $1 ORDER BY id LIMIT $2", (after, SPAN)
    return [Entry._make(row) for row in rows]


def remove(queue: str, ids: Sequence[int]) -> Tx[int]:
    """Rows of a queue go, unless somebody has put them back to work meanwhile."""
    marks = ", ".join(f"${index + 1}" for index in range(len(ids)))
    rows = yield f"DELETE FROM {queue} WHERE id IN ({marks}) AND {_WAIT[queue]} RETURNING 1", tuple(ids)
    return len(rows)


class Conversation(NamedTuple):
    """A session of a channel with when its oldest line was written, None where it has none."""

    session: str
    channel: str
    first: int | None


def conversations(after: str) -> Tx[list[Conversation]]:
    """Sessions after one in order."""
    rows = yield (
        """SELECT id, channel, (SELECT at FROM message WHERE session = session.id ORDER BY seq LIMIT 1)
             FROM session WHERE id > $1 ORDER BY id LIMIT $2""",
        (after, SPAN),
    )
    return [Conversation._make(row) for row in rows]


class Aged(NamedTuple):
    """A session of which only what was written since a time (ms) is kept."""

    session: str
    since: int


def shorten(aged: Sequence[Aged]) -> Tx[tuple[int, int]]:
    """The oldest lines of sessions go, at most `STEP` in all. Returns how many, and how many sessions are done with."""
    total = 0
    for done, one in enumerate(aged):
        if total >= STEP:
            return total, done
        total += yield from _shorten(one, STEP - total)
    return total, len(aged) - (total >= STEP)


def _shorten(aged: Aged, most: int) -> Tx[int]:
    """A summary goes with the last line that it was made of."""
    rows = yield "SELECT seq FROM message WHERE session = $1 ORDER BY seq LIMIT 1 OFFSET $2", (aged.session, most)
    last = rows[0][0] if rows else 1 << 62
    gone = yield (
        "DELETE FROM message WHERE session = $1 AND seq < $2 AND at < $3 RETURNING 1",
        (aged.session, last, aged.since),
    )
    if gone:
        yield (
            """UPDATE session SET summary = NULL WHERE id = $1 AND summary IS NOT NULL AND NOT EXISTS
                 (SELECT 1 FROM message WHERE session = $1 AND seq <= session.summary_upto)""",
            (aged.session,),
        )
        yield (
            "UPDATE lane SET version = version + 1 WHERE id = (SELECT lane FROM session WHERE id = $1)",
            (aged.session,),
        )
    return len(gone)


class Held(NamedTuple):
    """A file, by the channel of its session."""

    id: str
    channel: str
    kept_since: int


def files(after: str) -> Tx[list[Held]]:
    """Files after one in order, those that are going already left out."""
    rows = yield (
        """SELECT id, (SELECT channel FROM session WHERE session.id = file.session), created_at FROM file
             WHERE id > $1 ORDER BY id LIMIT $2""",
        (after, SPAN),
    )
    return [Held._make(row) for row in rows]
