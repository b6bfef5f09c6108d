"""What has had its time: transactions that find it and put it away, at most `BATCH` rows each.

Every step is told the time. What must be searched for is searched by readers, from where the last search ended, so
that rows which stay where they are are not looked at every minute.
"""

from collections.abc import Sequence
from typing import NamedTuple

from gateway import overheard, sessions
from gateway.db import Tx

BATCH = 1_000
KEPT = 30 * 24 * 3600 * 1000  # ms: dedupe keys
CLOSED_TOKEN = 24 * 3600 * 1000  # ms that the token of a closed session is kept, to say that it was closed

LIVING = ("active", "dormant", "closed")  # states that a session leaves by itself when its time has come


class Place(NamedTuple):
    """Where a search stands: everything up to this time and id has been looked at."""

    at: int = 0
    session: str = ""


class Gone(NamedTuple):
    """A session that has ended for good."""

    session: str
    lane: int
    participant: str | None
    was_open: bool


def silent(channel: str, state: str, after: Place, upto: int, *, anonymous: bool | None = None) -> Tx[list[Place]]:
    """Sessions of a channel in one of `LIVING` states that are quiet since before a time, the longest first."""
    level = "" if anonymous is None else f" AND level {'=' if anonymous else '<>'} 'anonymous'"
    rows = yield (
        # The index is of those states, and is used only where they are named.
        f"""SELECT quiet_from, id FROM session WHERE channel = $1 AND state IN {LIVING} AND state = $2
              AND (quiet_from, id) > ($3, $4) AND quiet_from < $5{level} ORDER BY quiet_from, id LIMIT $6""",
        (channel, state, *after, upto, BATCH),
    )
    return [Place(*row) for row in rows]


def rest(ids: Sequence[str], upto: int) -> Tx[list[str]]:
    """Sessions become dormant, unless somebody spoke meanwhile or waits for an answer. Returns those that did."""
    marks = ", ".join(f"${index + 2}" for index in range(len(ids)))
    rows = yield (
        f"""UPDATE session SET state = 'dormant' WHERE id IN ({marks}) AND state = 'active'
              AND last_user_activity < $1 AND (SELECT waiting FROM lane WHERE lane.id = session.lane) = 0
              RETURNING id, lane""",
        (upto, *ids),
    )
    for _, lane in rows:  # whoever has a copy of one reads it again
        yield "UPDATE lane SET version = version + 1 WHERE id = $1", (lane,)
    return [session for session, _ in rows]


def late(ids: Sequence[str], upto: int, *, anonymous: bool) -> Tx[list[str]]:
    """Those of these sessions that did not expire, although their user has been silent since before a time."""
    marks = ", ".join(f"${index + 2}" for index in range(len(ids)))
    rows = yield (
        f"""SELECT id FROM session WHERE id IN ({marks}) AND state IN {LIVING} AND last_user_activity < $1
              AND level {"=" if anonymous else "<>"} 'anonymous'""",
        (upto, *ids),
    )
    return [session for (session,) in rows]


def expire(session: str, upto: int, now: int) -> Tx[Gone | None]:
    """A session ends for good: its tokens die, and what an anonymous visitor told us is erased."""
    rows = yield (
        """SELECT s.lane, s.participant, s.level, s.state, s.last_activity, l.waiting, l.session
             FROM session s JOIN lane l ON l.id = s.lane WHERE s.id = $1 /*FOR UPDATE*/""",
        (session,),
    )
    if not rows:
        return None
    lane, participant, level, state, last_activity, waiting, current = rows[0]
    was_open = state in ("active", "dormant")
    if last_activity >= upto or not (was_open or state == "closed") or (current == session and waiting):
        return None
    if was_open:
        yield from sessions.close(session, "timeout", now)
    yield "DELETE FROM token WHERE session = $1", (session,)
    yield "UPDATE session SET state = 'expired' WHERE id = $1", (session,)
    if level == "anonymous":
        yield "UPDATE session SET variables = '{}', context = '{}' WHERE id = $1", (session,)
        if not (yield from _has_others(participant, session)):
            yield from sessions.forget_anonymous(participant)
    return Gone(session, lane, participant, was_open)


def _has_others(participant: str | None, session: str) -> Tx[bool]:
    rows = yield (
        f"SELECT 1 FROM session WHERE participant = $1 AND id <> $2 AND state IN {sessions.OPEN} LIMIT 1",
        (participant, session),
    )
    return bool(rows)


def lapse_tokens(now: int) -> Tx[int]:
    """Tokens that were not used for too long go."""
    rows = yield (
        """DELETE FROM token WHERE hash IN (SELECT hash FROM token WHERE expires_at <= $1 LIMIT $2) RETURNING 1""",
        (now, BATCH),
    )
    return len(rows)


def idle_tokens(after: bytes, now: int) -> Tx[tuple[list[bytes], bytes]]:
    """Tokens after one in order whose session is over, and the last that was looked at, b"" at the end."""
    rows = yield (
        """SELECT t.hash, s.state IN ('closed', 'expired') AND s.ended_at < $2 FROM token t
             JOIN session s ON s.id = t.session WHERE t.hash > $1 ORDER BY t.hash LIMIT $3""",
        (after, now - CLOSED_TOKEN, BATCH),
    )
    return [key for key, over in rows if over], rows[-1][0] if len(rows) == BATCH else b""


def drop_tokens(hashes: Sequence[bytes]) -> Tx[int]:
    marks = ", ".join(f"${index + 1}" for index in range(len(hashes)))
    rows = yield f"DELETE FROM token WHERE hash IN ({marks}) RETURNING 1", tuple(hashes)
    return len(rows)


def _old(table: str, column: str) -> str:
    # Numbers grow with time: the oldest are the first, and no index on the time is needed.
    return f"""DELETE FROM {table} WHERE {column} < $1 AND id IN
        (SELECT id FROM {table} ORDER BY id LIMIT $2) RETURNING 1"""


_OLD = (
    (_old("dedupe", "seen_at"), KEPT),
    (_old("overheard", "at"), overheard.KEPT),
)


def forget_old(table: int, now: int) -> Tx[int]:
    """Rows of one of the tables of things that have a time to be kept. Returns how many there were."""
    sql, kept = _OLD[table]
    rows = yield sql, (now - kept, BATCH)
    return len(rows)


TABLES = range(len(_OLD))


class Backlog(NamedTuple):
    """What waits in one box of one channel; `oldest` is when the oldest came, in ms."""

    box: str
    channel: str
    entries: int
    oldest: int


def backlogs() -> Tx[list[Backlog]]:
    """What waits, by box and channel. The cost is that of what waits, not of what is stored."""
    found = yield "SELECT channel, COUNT(*), MIN(received_at) FROM inbox WHERE state = 'waiting' GROUP BY channel", ()
    rows = yield (
        """SELECT channel, COUNT(*), MIN(created_at) FROM outbox WHERE state IN ('ready', 'sending', 'unknown')
             GROUP BY channel""",
        (),
    )
    return [Backlog("inbox", *row) for row in found] + [Backlog("outbox", *row) for row in rows]
