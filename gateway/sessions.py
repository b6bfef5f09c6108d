"""Sessions: one conversation of a lane after another, of which at most one is open.

active <-> dormant;  active, dormant, handoff -> closed (with a reason) -> expired
"""

from typing import Literal, NamedTuple

from gateway.db import Tx
from gateway.lanes import Lane, Lease
from gateway.outbox import LESS

Reason = Literal["reset", "timeout", "user", "bot", "operator", "resolved", "transferred", "merged"]
OPEN = "('active', 'dormant', 'handoff')"
ENDED = ("closed", "expired")


class Opening(NamedTuple):
    """What a new session is made from."""

    id: str
    lane: int
    key: str
    channel: str
    bot: str
    participant: str | None
    level: str
    epoch: int
    now: int
    language: str = ""


class Facts(NamedTuple):
    """A session's row, as operators, clients and bots see it."""

    id: str
    lane: int
    key: str
    channel: str
    bot: str
    participant: str | None
    level: str
    epoch: int
    state: str
    reason: str | None
    created_at: int
    first_activity: int
    last_activity: int
    last_user_activity: int
    ended_at: int | None
    language: str
    tags: str
    metadata: str
    resolved: int | None
    resolved_by: str | None
    resolved_at: int | None
    message_count: int
    variables: str
    context: str
    summary: str | None
    summary_upto: int


COLUMNS = ", ".join(Facts._fields)


def open_session(opening: Opening) -> Tx[None]:
    """Make a session the open one of its lane. The lane's row is locked, and has none."""
    at = opening.now
    yield (
        """INSERT INTO session (id, lane, key, channel, bot, participant, level, epoch, language, created_at,
             first_activity, last_activity, last_user_activity, quiet_from)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $10, $10, $10)""",
        (
            opening.id,
            opening.lane,
            opening.key,
            opening.channel,
            opening.bot,
            opening.participant,
            opening.level,
            opening.epoch,
            opening.language,
            at,
        ),
    )
    yield "UPDATE lane SET session = $2 WHERE id = $1", (opening.lane, opening.id)


def succeed(lease: Lease, closed: str, new_id: str, now: int) -> Tx[str | None]:
    """The open session of a lane whose last one was closed while messages waited behind; they belong to it.

    None: the lane was lost meanwhile, as it is when its user ends the session.
    """
    rows = yield (
        """SELECT id, session, epoch FROM lane
             WHERE id = $1 AND in_fence = $2 AND in_holder IS NOT NULL /*FOR UPDATE*/""",
        tuple(lease),
    )
    if not rows:
        return None
    lane, session, epoch = rows[0]
    if session is None:
        session, old = new_id, (yield from existing(closed))
        opening = Opening(
            new_id, lane, old.key, old.channel, old.bot, old.participant, old.level, epoch, now, old.language
        )
        yield from open_session(opening)
    # The line of an entry that was requeued stands in the old session's history, not in this one's.
    yield (
        """UPDATE inbox SET session = $2, reason = NULLIF(reason, 'requeued')
             WHERE lane = $1 AND state = 'waiting' AND session <> $2""",
        (lane, session),
    )
    return str(session)


def close(session: str, reason: Reason, now: int, resolved: bool | None = None, by: str = "") -> Tx[bool]:
    """End a session: it stays readable and is used no more. False when it was not open.

    With `resolved` it is marked so, and by whom.
    """
    rows = yield (
        f"""UPDATE session SET state = 'closed', reason = $2, ended_at = $3
              WHERE id = $1 AND state IN {OPEN} RETURNING lane, participant, level""",
        (session, reason, now),
    )
    if not rows:
        return False
    if resolved is not None:
        yield from mark(session, resolved, by, now)
    lane, participant, level = rows[0]
    yield (
        "UPDATE lane SET session = NULL, version = version + 1 WHERE id = $1 AND session = $2",
        (lane, session),
    )
    if level == "anonymous" and reason != "timeout":
        yield from forget_anonymous(participant)
    return True


def resolve(session: str, resolved: bool, by: str, now: int) -> Tx[bool]:
    """Mark whether an open session has done its work; one that has is closed. False when it was not open."""
    if resolved:
        return (yield from close(session, "resolved", now, True, by))
    rows = yield f"SELECT 1 FROM session WHERE id = $1 AND state IN {OPEN}", (session,)
    if rows:
        yield from mark(session, False, by, now)
    return bool(rows)


def mark(session: str, resolved: bool, by: str, now: int) -> Tx[None]:
    """Note who said (bot, user, operator) whether a session has done its work."""
    yield (
        "UPDATE session SET resolved = $2, resolved_by = $3, resolved_at = $4 WHERE id = $1",
        (session, int(resolved), by, now),
    )


def forget_anonymous(participant: str | None) -> Tx[None]:
    """What an unproven visitor told us lives no longer than the session."""
    yield "UPDATE participant SET data = '{}', name = '', profile = '{}' WHERE id = $1", (participant,)


def supersede(lane: Lane, now: int) -> Tx[None]:
    """Raise the lane's epoch: the running turn is fenced off, and nothing from before may be answered or sent.

    A part that is on the wire at this moment ends before whatever is queued from now on.
    """
    yield (
        """UPDATE inbox SET state = 'dropped', reason = 'superseded', ended_at = $2
             WHERE lane = $1 AND state = 'waiting'""",
        (lane.id, now),
    )
    yield "DELETE FROM overheard WHERE key = (SELECT key FROM lane WHERE id = $1)", (lane.id,)
    dropped = yield (
        """UPDATE outbox SET state = 'dropped', reason = 'superseded'
             WHERE lane = $1 AND state IN ('ready', 'sending', 'unknown') AND state <> 'sending' RETURNING 1""",
        (lane.id,),
    )
    yield (
        f"""UPDATE lane SET epoch = epoch + 1, version = version + 1, in_fence = in_fence + 1, in_holder = NULL,
             in_due_at = NULL, waiting = 0, {LESS} WHERE id = $1""",
        (lane.id, len(dropped)),
    )


def began_by(session: str) -> Tx[str]:
    """Who said the first thing in a session, "" while nothing has been said."""
    rows = yield (
        "SELECT sender FROM message WHERE session = $1 AND role = 'user' ORDER BY seq LIMIT 1",
        (session,),
    )
    if not rows:  # it is being answered
        rows = yield (
            """SELECT p.person FROM session s JOIN inbox i ON i.lane = s.lane JOIN participant p ON p.id = i.participant
                 WHERE s.id = $1 AND i.session = s.id AND i.state = 'waiting' ORDER BY i.seq LIMIT 1""",
            (session,),
        )
    first: str = rows[0][0] if rows else ""
    return first


def facts(session: str) -> Tx[Facts | None]:
    """A session by its id."""
    rows = yield f"SELECT {COLUMNS} FROM session WHERE id = $1", (session,)
    return Facts._make(rows[0]) if rows else None


def existing(session: str) -> Tx[Facts]:
    """A session that must be there. Raises `LookupError`."""
    found = yield from facts(session)
    if found is None:
        raise LookupError(f"session {session} is not in the store")
    return found
