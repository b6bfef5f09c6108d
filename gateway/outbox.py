"""The outbox: what is to be sent, part by part, in order, with the intent written down before each try.

ready -> sending -> sent            the platform has it
                 -> ready           certainly not sent, again later
                 -> unknown         in doubt: sent again at most as often as the channel's policy says
                 -> dead            given up, with a reason
unknown -> unconfirmed              in doubt too often; shown to the operator, never repeated
sent -> dead                        the platform took it, and reported later that it failed
ready, unknown -> dropped           superseded by a reset
"""

from collections.abc import Sequence

import msgspec

from gateway.db import Tx
from gateway.lanes import OUTBOX, Lease, release
from gateway.window import CLOSED, put_back


class Stored(msgspec.Struct, frozen=True, gc=False):
    """A part as it stands in the outbox; `body` is the JSON of its `Part`."""

    id: int
    seq: int
    body: str
    state: str
    epoch: int
    attempts: int
    unknowns: int
    plain: int
    not_before: int
    expires_at: int | None
    status: str | None = None


PAUSED = 24 * 3600 * 1000  # ms; how long parts wait for a channel that may not speak

COLUMNS = ", ".join(Stored.__struct_fields__)
_HEAD = f"""SELECT {COLUMNS} FROM outbox WHERE lane = $1 AND state IN ('ready', 'sending', 'unknown')
    ORDER BY seq LIMIT 1"""
_ADD = """INSERT INTO outbox (lane, seq, session, inbox, channel, epoch, body, created_at, state, attempts,
    expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING id"""

_HELD = "EXISTS (SELECT 1 FROM lane WHERE id = $2 AND out_fence = $3 AND out_holder IS NOT NULL /*FOR UPDATE*/)"
_SENT = "UPDATE outbox SET state = 'sent', ref = $2, sent_at = $3 WHERE id = $1 AND state = 'sending'"
_SENT_FOR_GOOD = f"{_SENT} AND (status IS NULL OR status NOT IN ('{CLOSED}', 'failed')) RETURNING 1"
_FAILED = "UPDATE outbox SET state = 'dead', reason = 'reported' WHERE id = $1 AND state = 'sent'"
# A status only climbs: reports arrive in any order.
LADDER = ("sent", "delivered", "read", "failed")
ARRIVED = LADDER[:3]
# An empty queue is nobody's: who held it learns that by its fence, and the next post may be taken at once.
LESS = """pending = pending - $2,
    out_holder = CASE WHEN pending = $2 THEN NULL ELSE out_holder END,
    out_due_at = CASE WHEN pending = $2 THEN NULL ELSE out_due_at END"""
# What a lane holds is mostly one part; that is told by the count alone, and to ask for columns costs as much again.
_EMPTIED = """UPDATE lane SET pending = 0, out_holder = NULL, out_due_at = NULL
    WHERE id = $1 AND out_fence = $2 AND out_holder IS NOT NULL AND pending = 1 RETURNING 1"""
_LEFT = f"""UPDATE lane SET {LESS} WHERE id = $1 AND out_fence = $3 AND out_holder IS NOT NULL
    RETURNING out_holder"""


class Batch(msgspec.Struct, frozen=True, gc=False):
    """Parts that are queued together, as JSON; `first` is the sequence number of the first one in its lane."""

    lane: int
    first: int
    session: str
    inbox: int | None
    channel: str
    epoch: int
    letters: Sequence[str]
    now: int
    expires_at: int | None


def add(batch: Batch, sending: bool) -> Tx[Stored | None]:
    """Queue parts in order. With `sending` the first one's intent is noted at once, and it is returned."""
    taken: Stored | None = None
    for index, letter in enumerate(batch.letters):
        seq = batch.first + index
        begun = sending and index == 0
        state, attempts = ("sending", 1) if begun else ("ready", 0)
        head = (batch.lane, seq, batch.session, batch.inbox, batch.channel, batch.epoch, letter)
        rows = yield _ADD, (*head, batch.now, state, attempts, batch.expires_at)
        if begun:
            number = rows[0][0]
            taken = Stored(number, seq, letter, state, batch.epoch, attempts, 0, 0, 0, batch.expires_at)
    return taken


def head(lease: Lease, now: int, resends: int) -> Tx[Stored | None]:
    """The part to be sent next from a held lane, after burying what must not be. None: the lane was released."""
    while True:
        rows = yield _HEAD, (lease.lane,)
        if not rows:
            yield from release(OUTBOX, lease, None)
            return None
        part = Stored(*rows[0])
        verdict = yield from _verdict(lease.lane, part, now, resends)
        if verdict is not None:
            yield from leave(lease.lane, part.id, *verdict)
            if verdict[0] == "sent":
                yield "UPDATE outbox SET sent_at = $2 WHERE id = $1", (part.id, now)
        elif part.not_before > now:
            yield from release(OUTBOX, lease, part.not_before)
            return None
        else:
            return part


def _verdict(lane: int, part: Stored, now: int, resends: int) -> Tx[tuple[str, str] | None]:
    rows = yield "SELECT epoch, silenced FROM lane WHERE id = $1", (lane,)
    epoch, silenced = rows[0]
    # Who was sending when the lease changed hands is gone: that send is one more in doubt.
    unknowns = part.unknowns + (part.state == "sending")
    if unknowns and part.status in ARRIVED:
        return "sent", "reported"
    if part.epoch != epoch:
        return "dropped", "superseded"
    if silenced is not None:
        return "dead", silenced
    if part.expires_at is not None and part.expires_at <= now:
        return "dead", "expired"
    if part.state == "sending":
        yield "UPDATE outbox SET state = 'unknown', unknowns = $2 WHERE id = $1", (part.id, unknowns)
    return ("unconfirmed", "unknown") if unknowns > resends else None


def leave(lane: int, part: int, state: str, reason: str, error: str = "") -> Tx[None]:
    """A part leaves the queue without being sent, unless it has left it already."""
    rows = yield (
        """UPDATE outbox SET state = $2, reason = $3, error = COALESCE(NULLIF($4, ''), error)
             WHERE id = $1 AND state IN ('ready', 'sending', 'unknown') RETURNING 1""",
        (part, state, reason, error[:500]),
    )
    yield f"UPDATE lane SET {LESS} WHERE id = $1", (lane, len(rows))


def intend(lease: Lease, part: int) -> Tx[bool]:
    """Note, before the try, that a part may have been sent from now on. False: it has left the queue, or the lane
    was lost.
    """
    rows = yield (
        f"""UPDATE outbox SET state = 'sending', attempts = attempts + 1,
                status = NULLIF(NULLIF(status, '{CLOSED}'), 'failed')
              WHERE id = $1 AND state IN ('ready', 'unknown') AND {_HELD} RETURNING 1""",
        (part, lease.lane, lease.fence),
    )
    return bool(rows)


def sent(lease: Lease, part: int, ref: str, now: int) -> Tx[bool]:
    """The platform has it. True while the lane is still ours and holds more; an empty one is let go."""
    more = False
    if not (yield _EMPTIED, (lease.lane, lease.fence)):
        rows = yield _LEFT, (lease.lane, 1, lease.fence)
        if not rows:
            # Whoever has the lane now holds this part for one in doubt; that it arrived is news to them.
            yield from report(part, "sent", ref, now)
            return False
        more = rows[0][0] is not None
    if not (yield _SENT_FOR_GOOD, (part, ref, now)):
        found = yield f"{_SENT} RETURNING status", (part, ref, now)
        if not found:
            raise AssertionError(f"part {part} was not on the wire although its lane was held")
        if found[0][0] == CLOSED:
            yield from put_back(part, lease.lane, now)
        else:  # that it failed was quicker than the answer to our call
            yield _FAILED, (part,)
    return more


def report(part: int, status: str, ref: str, now: int) -> Tx[bool]:
    """The platform says what became of a part: its status climbs, and what was in doubt is settled. False: not ours.

    While a part is on the wire only its status is noted: what comes after it must not overtake it.
    """
    rows = yield "SELECT lane, state, status, ref FROM outbox WHERE id = $1 /*FOR UPDATE*/", (part,)
    if not rows:
        return False
    lane, state, before, known = rows[0]
    if before not in LADDER or LADDER.index(status) > LADDER.index(before):
        yield "UPDATE outbox SET status = $2 WHERE id = $1", (part, status)
    if state == "sent" and status == "failed" and ref in ("", known):  # not an earlier try at it
        yield _FAILED, (part,)
    if state in ("unknown", "unconfirmed") and status in ARRIVED:
        yield (
            "UPDATE outbox SET state = 'sent', sent_at = $2, ref = COALESCE(NULLIF($3, ''), ref) WHERE id = $1",
            (part, now, ref),
        )
        yield f"UPDATE lane SET {LESS} WHERE id = $1", (lane, int(state == "unknown"))
        # What waited for this one's outcome need not wait any longer.
        yield "UPDATE lane SET out_due_at = $2 WHERE id = $1 AND out_holder IS NULL AND out_due_at > $2", (lane, now)
    return True


def again(lease: Lease, part: int, state: str, not_before: int, error: str, *, plain: bool = False) -> Tx[bool]:
    """Back into the queue: `ready` when it was certainly not sent, `unknown` when it may have been.

    What was reported meanwhile to have been given back is not in doubt.
    """
    rows = yield (
        f"""UPDATE outbox SET state = CASE WHEN status = '{CLOSED}' THEN 'ready' ELSE $2 END,
             not_before = CASE WHEN status = '{CLOSED}' THEN 0 ELSE $4 END,
             unknowns = unknowns + $3, error = $5, plain = plain + $6
             WHERE id = $1 AND state = 'sending' RETURNING 1""",
        (part, state, int(state == "unknown"), not_before, error[:500], int(plain)),
    )
    return bool(rows)


def keep_longer(channel: str, ttl: int) -> Tx[None]:
    """A channel may not speak for now: what waits for it is worth sending for longer."""
    yield (
        """UPDATE outbox SET expires_at = created_at + $2
             WHERE state IN ('ready', 'sending', 'unknown') AND expires_at < created_at + $2 AND channel = $1""",
        (channel, ttl),
    )


def silence(lane: int, reason: str) -> Tx[None]:
    """This target wants nothing from us until it writes again: what waits for it is given up."""
    yield "UPDATE lane SET silenced = $2 WHERE id = $1", (lane, reason)
