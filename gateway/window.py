"""The window in which a platform lets us speak freely: so long after a user's last message, whatever was reset since.

Outside it a part goes as the platform's own template where the operator named one. Else it waits, with the status
`window_closed`, until the user writes again; at most for `PATIENCE`. Nothing is kept for platforms without a window.
"""

from collections.abc import Sequence
from typing import NamedTuple

from gateway.db import Tx
from gateway.lanes import OUTBOX, Lease, release

KEPT = 7 * 24 * 3600 * 1000  # ms that it is kept at least when somebody wrote: a channel may be away for some days
BATCH = 1_000
PATIENCE = 7 * 24 * 3600 * 1000  # ms
CLOSED = "window_closed"


class Heard(NamedTuple):
    """A user's message as far as the window goes: with which account, in which chat, when; `since` is the earliest
    time (ms) at which a message still holds the window open.
    """

    channel: str
    account: str
    chat: str
    at: int
    since: int


def opens(heard: Heard, now: int) -> Tx[None]:
    """Somebody wrote. What has waited for that is due at once."""
    here = heard[:3]
    rows = yield "SELECT at FROM heard WHERE channel = $1 AND account = $2 AND chat = $3", here
    before = rows[0][0] if rows else 0
    if heard.at > before:
        yield (
            """INSERT INTO heard (channel, account, chat, at) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (channel, account, chat) DO UPDATE SET at = excluded.at""",
            (*here, heard.at),
        )
    if before < heard.since <= heard.at:
        # Whoever is about to `hold` one of these lanes has either done so before we look, or looks after we are done.
        yield "SELECT id FROM lane WHERE channel = $1 AND account = $2 AND chat = $3 /*FOR UPDATE*/", here
        yield (
            """UPDATE lane SET out_due_at = $4 WHERE channel = $1 AND account = $2 AND chat = $3
                 AND out_holder IS NULL AND out_due_at > $4""",
            (*here, now),
        )


def is_open(channel: str, account: str, chat: str, since: int) -> Tx[bool]:
    """Whether the user's last message is not older than that."""
    rows = yield "SELECT at FROM heard WHERE channel = $1 AND account = $2 AND chat = $3", (channel, account, chat)
    return bool(rows) and rows[0][0] >= since


Chat = tuple[str, str, str]
BEGINNING: Chat = ("", "", "")


def unheard(after: Chat, upto: int) -> Tx[tuple[list[Chat], Chat]]:
    """Of some chats after one in order those in which nobody wrote since a time, and the last one that was looked at,
    `BEGINNING` at the end.
    """
    rows = yield (
        """SELECT channel, account, chat, at FROM heard WHERE (channel, account, chat) > ($1, $2, $3)
             ORDER BY channel, account, chat LIMIT $4""",
        (*after, BATCH),
    )
    last: Chat = rows[-1][:3] if len(rows) == BATCH else BEGINNING
    return [row[:3] for row in rows if row[3] < upto], last


def forget(chats: Sequence[Chat], upto: int) -> Tx[int]:
    """Nothing is kept of when somebody wrote in these chats, unless that was since a time. Returns how many went."""
    gone = 0
    for chat in chats:
        rows = yield (
            "DELETE FROM heard WHERE channel = $1 AND account = $2 AND chat = $3 AND at < $4 RETURNING 1",
            (*chat, upto),
        )
        gone += len(rows)
    return gone


def shut(lane: int) -> Tx[None]:
    """The platform says that the window is closed, whatever we thought: it opens with the user's next message."""
    yield (
        """DELETE FROM heard WHERE EXISTS (SELECT 1 FROM lane WHERE lane.id = $1 AND lane.channel = heard.channel
             AND lane.account = heard.account AND lane.chat = heard.chat)""",
        (lane,),
    )


def hold(lease: Lease, since: int, now: int) -> Tx[bool]:
    """All that is queued in a lane waits for the user. False: the lane was lost, or the user has just written."""
    yield "SELECT id FROM lane WHERE id = $1 /*FOR UPDATE*/", (lease.lane,)
    rows = yield (
        """SELECT 1 FROM lane JOIN heard ON heard.channel = lane.channel AND heard.account = lane.account
             AND heard.chat = lane.chat WHERE lane.id = $1 AND heard.at >= $2""",
        (lease.lane, since),
    )
    if rows:
        yield from release(OUTBOX, lease, now)
        return False
    waiting = "lane = $1 AND state IN ('ready', 'sending', 'unknown')"
    rows = yield f"SELECT MIN(created_at) FROM outbox WHERE {waiting}", (lease.lane,)
    if not (yield from release(OUTBOX, lease, (rows[0][0] or now) + PATIENCE)):
        return False
    yield (
        f"UPDATE outbox SET expires_at = created_at + $2 WHERE {waiting} AND expires_at < created_at + $2",
        (lease.lane, PATIENCE),
    )
    yield f"UPDATE outbox SET status = $2 WHERE {waiting} AND status IS NULL", (lease.lane, CLOSED)
    return True


def bounced(part: int, ref: str, now: int) -> Tx[bool]:
    """The platform took a part and then gave it back, since the user has to write first: it waits for that.

    `ref` is the platform's id of that try; a report of an earlier one is old news. False: nothing to wait for.
    """
    rows = yield "SELECT lane, state, status, ref FROM outbox WHERE id = $1 /*FOR UPDATE*/", (part,)
    if not rows:
        return False
    lane, state, status, known = rows[0]
    if state == "sent" and status in (None, "sent") and ref in ("", known):
        yield from shut(lane)
        yield from put_back(part, lane, now)
    elif state in ("sending", "unknown") and ref != known:
        # While it is on the wire only this is noted; whoever learns that it was sent puts it back.
        yield from shut(lane)
        yield (
            """UPDATE outbox SET status = $2, ref = $3,
                 not_before = CASE WHEN state = 'unknown' THEN 0 ELSE not_before END,
                 state = CASE WHEN state = 'unknown' THEN 'ready' ELSE state END WHERE id = $1""",
            (part, CLOSED, ref),
        )
        # What waited for its outcome waits for the user now.
        yield "UPDATE lane SET out_due_at = $2 WHERE id = $1 AND out_holder IS NULL AND out_due_at > $2", (lane, now)
    else:
        return state in ("ready", "sending", "unknown")
    return True


def put_back(part: int, lane: int, now: int) -> Tx[None]:
    """A part that counts as sent is queued again, in its old place."""
    yield (
        """UPDATE outbox SET state = 'ready', status = $2, sent_at = NULL, not_before = 0,
             expires_at = CASE WHEN expires_at < created_at + $3 THEN created_at + $3 ELSE expires_at END
             WHERE id = $1""",
        (part, CLOSED, PATIENCE),
    )
    yield (
        "UPDATE lane SET pending = pending + 1, out_due_at = COALESCE(out_due_at, $2) WHERE id = $1",
        (lane, now),
    )
