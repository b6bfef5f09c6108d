"""The row of a session key: sequence numbers, the reset epoch, and the leases of its two queues.

A lease alone is not mutual exclusion, because a paused process keeps running: every take raises the queue's fence,
and whoever writes under a lease compares it. While a queue is held its due time is the end of the lease, so that a
lapsed lease looks like work that is due.
"""

from typing import NamedTuple

import msgspec

from gateway.db import Rows, Tx


class Box(NamedTuple):
    """The columns of one of a lane's two queues; `by` is the column that claims are made by."""

    due: str
    holder: str
    fence: str
    size: str
    by: str


INBOX = Box("in_due_at", "in_holder", "in_fence", "waiting", "bot")
OUTBOX = Box("out_due_at", "out_holder", "out_fence", "pending", "channel")


class Lease(NamedTuple):
    """The right to work on one queue of one lane, until somebody with a higher fence has it."""

    lane: int
    fence: int


class Lane(msgspec.Struct, frozen=True, gc=False):
    """A lane's row as it was when it was locked."""

    id: int
    session: str | None
    epoch: int
    version: int
    meter: int
    speakers: str | None
    told_at: int
    silenced: str | None
    next_seq: int
    waiting: int
    in_due_at: int | None
    in_holder: str | None
    in_fence: int


COLUMNS = ", ".join(Lane.__struct_fields__)

_LOCK = f"SELECT {COLUMNS} FROM lane WHERE key = $1 /*FOR UPDATE*/"
_LOCK_ID = f"SELECT {COLUMNS} FROM lane WHERE id = $1 /*FOR UPDATE*/"
_CREATE = """INSERT INTO lane (key, channel, account, bot, scope, place, chat, thread)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (key) DO NOTHING"""


class Spot(NamedTuple):
    """What a lane is made from when it does not exist yet."""

    key: str
    channel: str
    account: str
    bot: str
    scope: str
    place: str
    chat: str
    thread: str


def lock(spot: Spot) -> Tx[Lane]:
    """The lane of a key, created when new. Its row stays locked to the end of the transaction."""
    rows = yield _LOCK, (spot.key,)
    if not rows:
        yield _CREATE, spot
        rows = yield _LOCK, (spot.key,)
    return Lane(*rows[0])


def lock_id(lane: int) -> Tx[Lane | None]:
    """The lane by its number, locked, or None."""
    rows = yield _LOCK_ID, (lane,)
    return Lane(*rows[0]) if rows else None


def claim(box: Box, by: str, me: str, now: int, until: int, limit: int) -> Tx[list[Lease]]:
    """Take the lanes of one bot or channel that have been due longest."""
    return [Lease(*row) for row in (yield from claimed(box, by, me, now, until, limit))]


def claimed(box: Box, by: str, me: str, now: int, until: int, limit: int, more: str = "") -> Tx[Rows]:
    """The same, with further columns behind those of each lease.

    Not those that are ours: when a clock jumped, or we were stopped for long, a lease of ours may have lapsed and
    still be worked under, and nobody else has it.
    """
    rows = yield (
        f"""UPDATE lane SET {box.holder} = $1, {box.fence} = {box.fence} + 1, {box.due} = $2
          WHERE id IN (SELECT id FROM lane WHERE {box.by} = $3 AND {box.due} <= $4
                         AND ({box.holder} IS NULL OR {box.holder} <> $1)
                         ORDER BY {box.due} LIMIT $5 /*FOR UPDATE SKIP LOCKED*/)
          RETURNING id, {box.fence}{more}""",
        (me, until, by, now, limit),
    )
    return rows


def renew(box: Box, me: str, until: int) -> Tx[set[Lease]]:
    """Prolong every lease of this worker; what is not in the answer is lost."""
    rows = yield (
        f"""UPDATE lane SET {box.due} = $1 WHERE {box.holder} = $2 AND {box.due} IS NOT NULL
              RETURNING id, {box.fence}""",
        (until, me),
    )
    return {Lease(*row) for row in rows}


def release(box: Box, lease: Lease, due: int | None) -> Tx[bool]:
    """Let go of a queue; `due` is when its head may be taken, None when nothing waits. False: it was lost before."""
    rows = yield (
        f"""UPDATE lane SET {box.holder} = NULL, {box.due} = $3 WHERE id = $1 AND {box.fence} = $2
              AND {box.holder} IS NOT NULL RETURNING 1""",
        (lease.lane, lease.fence, due),
    )
    return bool(rows)


def next_due(box: Box, by: str) -> Tx[int | None]:
    """When something of this bot or channel is due next, or a lease ends."""
    rows = yield f"SELECT MIN({box.due}) FROM lane WHERE {box.by} = $1 AND {box.due} IS NOT NULL", (by,)
    due: int | None = rows[0][0]
    return due
