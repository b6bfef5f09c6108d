"""What is known of a person goes, in small transactions that may each be run again: `erasure` puts them in order.

A conversation of theirs alone goes as a whole. Where others speak too, only their own words are blanked, with what
was kept of whatever they brought. The participant's row goes last, so that a crash leaves somebody to go on with.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import orjson

from gateway import lanes, sessions, whereabouts
from gateway.db import Tx
from gateway.files import records
from gateway.whereabouts import BEGINNING, Home, Place, Whom, conversations, whom

BATCH = 500  # rows changed in one transaction
SPAN = 5_000  # rows looked at in one

Counts = Mapping[str, int]


def tombstone(whom: Whom) -> bytes:
    """All that stays of them."""
    text = f"erased\x1f{whom.channel}\x1f{whom.account}\x1f{whom.person}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=32).digest()


def begin(participant: str, now: int) -> Tx[Whom | None]:
    """Note that somebody is to be erased; from now on that is finished whatever happens."""
    found = yield from whom(participant)
    if found is not None:
        yield (
            """INSERT INTO erased (person, participant, asked_at) VALUES ($1, $2, $3) ON CONFLICT (person)
                 DO UPDATE SET participant = excluded.participant, asked_at = excluded.asked_at, done_at = NULL,
                 counts = CASE WHEN erased.done_at IS NULL THEN erased.counts ELSE '{}' END""",
            (tombstone(found), participant, now),
        )
    return found


def going_on() -> Tx[list[str]]:
    """Participants whose erasure was begun and not finished."""
    rows = yield "SELECT participant FROM erased WHERE participant IS NOT NULL", ()
    return [participant for (participant,) in rows]


def counted(who: Whom) -> Tx[Counts | None]:
    """What has gone of a person whose erasure is over; None while it goes on."""
    rows = yield "SELECT counts FROM erased WHERE person = $1 AND done_at IS NOT NULL", (tombstone(who),)
    counts: Counts | None = orjson.loads(rows[0][0]) if rows else None
    return counts


def count(who: Whom, more: Counts) -> Tx[None]:
    """Add to what has gone of a person, in the transaction in which it goes."""
    if not (more := {name: number for name, number in more.items() if number}):
        return
    rows = yield "SELECT counts FROM erased WHERE person = $1 /*FOR UPDATE*/", (tombstone(who),)
    if rows:
        counts = Counter(orjson.loads(rows[0][0])) + Counter(more)
        yield "UPDATE erased SET counts = $2 WHERE person = $1", (tombstone(who), orjson.dumps(counts).decode())


def shut(lane: int, now: int) -> Tx[None]:
    """Nothing more is answered or sent in a lane that is about to go."""
    held = yield from lanes.lock_id(lane)
    if held is not None:
        yield from sessions.supersede(held, now)
        if held.session is not None:
            yield from sessions.close(held.session, "operator", now)


def empty(who: Whom, session: str) -> Tx[bool]:
    """Part of what was said in a session goes, and its files. True while there is more."""
    files = yield from records.forsake_session(session)
    rows = yield "SELECT seq FROM message WHERE session = $1 ORDER BY seq LIMIT 1 OFFSET $2", (session, BATCH)
    upto = rows[0][0] if rows else 1 << 62
    gone = yield "DELETE FROM message WHERE session = $1 AND seq < $2 RETURNING 1", (session, upto)
    yield from count(who, {"messages": len(gone), "files": files})
    return bool(rows)


class Mark(NamedTuple):
    """How far the boxes and the drops have been looked through, and the lanes."""

    inbox: int = 0
    outbox: int = 0
    dropped: int = 0
    lane: int = 0


def last_entries() -> Tx[Mark]:
    """The numbers of the newest ones."""
    found = []
    for table in Mark._fields:
        rows = yield f"SELECT COALESCE(MAX(id), 0) FROM {table}", ()
        found.append(rows[0][0])
    return Mark(*found)


def last_of_others(upto: int, homes: Collection[int]) -> Tx[int]:
    """The newest lane up to a number that is not about to go: what is made later has a higher one, for certain."""
    rows = yield "SELECT id FROM lane WHERE id <= $1 ORDER BY id DESC LIMIT $2", (upto, len(homes) + 1)
    return next((lane for (lane,) in rows if lane not in homes), 0)


_SEEN = {"inbox": "lane, participant", "outbox": "lane, inbox", "dropped": "account, chat"}


def entries(table: str, channel: str, after: int, upto: int) -> Tx[list[tuple[int, object, object]]]:
    """A stretch of one table: each number, and the two columns that tell whose it is."""
    rows = yield (
        f"SELECT id, {_SEEN[table]} FROM {table} WHERE id > $1 AND id <= $2 AND channel = $3 ORDER BY id",
        (after, min(after + SPAN, upto), channel),
    )
    return [(row[0], row[1], row[2]) for row in rows]


def delete(who: Whom, table: str, ids: Sequence[int]) -> Tx[None]:
    """Rows of a lane that is theirs, or of what was let go there."""
    marks = ", ".join(f"${index + 1}" for index in range(len(ids)))
    rows = yield f"DELETE FROM {table} WHERE id IN ({marks}) RETURNING 1", tuple(ids)
    yield from count(who, {table: len(rows)})


def remove(who: Whom, home: Home, since: Mark) -> Tx[bool]:
    """A lane goes with all that came into it meanwhile. False: files came too, and have to go first."""
    after: Place | None = BEGINNING
    while after is not None:
        found, after = yield from conversations(home.lane, after)
        for session in found:
            while (yield from empty(who, session)):
                pass
            if (yield "SELECT 1 FROM file WHERE session = $1 LIMIT 1", (session,)):
                return False
    gone: Counter[str] = Counter()
    rows = yield "DELETE FROM token WHERE lane = $1 RETURNING 1", (home.lane,)
    gone["tokens"] = len(rows)
    for table, upto in (("inbox", since.inbox), ("outbox", since.outbox)):
        rows = yield f"DELETE FROM {table} WHERE id > $1 AND lane = $2 RETURNING 1", (upto, home.lane)
        gone[table] = len(rows)
    rows = yield "DELETE FROM session WHERE lane = $1 RETURNING 1", (home.lane,)
    gone["sessions"] = len(rows)
    rows = yield "DELETE FROM overheard WHERE key = $1 RETURNING 1", (home.key,)
    gone["overheard"] = len(rows)
    if home.private:
        at = who.channel, who.account, home.chat
        yield "DELETE FROM heard WHERE channel = $1 AND account = $2 AND chat = $3", at
        yield "DELETE FROM chat_alias WHERE channel = $1 AND account = $2 AND $3 IN (old_chat, new_chat)", at
    yield "DELETE FROM lane WHERE id = $1", (home.lane,)
    yield from count(who, gone)
    return True


def finish(participant: str, who: Whom, seen: Mark, now: int) -> Tx[Counts | None]:
    """The last that is known of a person goes. Returns what has gone since it was asked for; None when they have
    spoken again meanwhile (after what was `seen`), so that there is more to do.
    """
    if (yield from _came_again(who, seen)):
        return None
    gone: Counter[str] = Counter()
    for id in who.ids:
        at = who.channel, who.account, id
        yield "DELETE FROM heard WHERE channel = $1 AND account = $2 AND chat = $3", at
        yield "DELETE FROM chat_alias WHERE channel = $1 AND account = $2 AND $3 IN (old_chat, new_chat)", at
        rows = yield "DELETE FROM overheard WHERE channel = $1 AND account = $2 AND sender = $3 RETURNING 1", at
        gone["overheard"] += len(rows)
    for one in who.participants:
        rows = yield "DELETE FROM token WHERE participant = $1 RETURNING 1", (one,)
        gone["tokens"] += len(rows)
        yield "UPDATE session SET participant = NULL WHERE participant = $1", (one,)
        rows = yield "DELETE FROM participant WHERE id = $1 RETURNING 1", (one,)
        gone["participants"] += len(rows)
    yield from count(who, gone)
    yield (
        "UPDATE erased SET participant = NULL, done_at = $2 WHERE participant = $1 OR person = $3",
        (participant, now, tombstone(who)),
    )
    rows = yield "SELECT counts FROM erased WHERE person = $1", (tombstone(who),)
    counts: Counts = orjson.loads(rows[0][0]) if rows else {}
    return counts


def _came_again(who: Whom, seen: Mark) -> Tx[bool]:
    for one in who.participants:
        if (yield "SELECT 1 FROM inbox WHERE id > $1 AND participant = $2 LIMIT 1", (seen.inbox, one)):
            return True
        after: Place | None = BEGINNING
        while after is not None:
            met, after = yield from whereabouts.met(who, one, after)
            if met:
                return True
    # By the number alone, which says what is new.
    new = yield "SELECT channel, account, key FROM lane WHERE id > $1", (seen.lane,)
    return any((channel, account) == who[:2] and whereabouts.user(key) in who.ids for channel, account, key in new)


def give_up(participant: str, now: int) -> Tx[None]:
    """Nobody is left to be erased under this id."""
    yield "UPDATE erased SET participant = NULL, done_at = $2 WHERE participant = $1", (participant, now)
