"""What leaves a lane with a transaction: lines for the history, parts for the outbox."""

from collections.abc import Callable, Sequence

import msgspec

from gateway.db import Tx
from gateway.history import Line, append
from gateway.lanes import Lease
from gateway.message import Message, Outbound
from gateway.outbox import Batch, Stored, add


class Post(msgspec.Struct, frozen=True, gc=False):
    """Parts ready to be queued, as JSON. With `me` this worker takes the first one where nothing waits before it.

    `until` is the end of its lease then (ms), `since` when that was reckoned (monotonic seconds).
    """

    channel: str
    letters: Sequence[str]
    expires_at: int | None
    me: str | None
    until: int
    since: float = 0.0


class Load(msgspec.Struct, frozen=True, gc=False):
    """A held outbox lane with the part whose intent has been noted."""

    lease: Lease
    part: Stored
    since: float


Voice = Callable[[Sequence[Outbound]], Post | None]
"""Renders what is to be said for one address. None where clients read the history themselves."""


class Told(msgspec.Struct, frozen=True, gc=False):
    """What was said: its lines as they stand in the history, and what is to be sent at once."""

    messages: Sequence[Message] = ()
    load: Load | None = None


# $2 is the number of parts, $3 when they are due, $4 who takes the first, if anybody.
MAKE_ROOM = """next_part = next_part + $2, pending = pending + $2,
    out_due_at = CASE WHEN out_due_at IS NULL AND $2 > 0 THEN $3 ELSE out_due_at END,
    out_holder = CASE WHEN out_due_at IS NULL AND $2 > 0 THEN $4 ELSE out_holder END,
    out_fence = out_fence + CASE WHEN out_due_at IS NULL AND $2 > 0 AND $4 IS NOT NULL THEN 1 ELSE 0 END"""
ROOM = "next_part, pending, out_fence, epoch, silenced"


class Room(msgspec.Struct, frozen=True, gc=False):
    """A lane's row after room was made for a post in its outbox."""

    next_part: int
    pending: int
    fence: int
    epoch: int
    silenced: str | None


def wanted(post: Post | None, now: int) -> tuple[int, int, str | None]:
    """The arguments of `MAKE_ROOM` for a post, or for none."""
    return (len(post.letters), now if post.me is None else post.until, post.me) if post else (0, 0, None)


def queue(lane: int, session: str, inbox: int | None, post: Post, now: int) -> Tx[Load | None]:
    """Queue parts behind whatever waits in the lane. Returns the first one when it was free to be taken at once."""
    rows = yield f"UPDATE lane SET {MAKE_ROOM} WHERE id = $1 RETURNING {ROOM}", (lane, *wanted(post, now))
    return (yield from fill(lane, session, inbox, post, Room(*rows[0]), now))


def fill(lane: int, session: str, inbox: int | None, post: Post, room: Room, now: int) -> Tx[Load | None]:
    """Put a post into the room that was made for it."""
    count = len(post.letters)
    taken = post.me is not None and room.pending == count
    if taken and room.silenced:  # it is buried by whoever looks next, and not tried
        yield "UPDATE lane SET out_holder = NULL, out_due_at = $2 WHERE id = $1", (lane, now)
        taken = False
    first = room.next_part - count + 1
    batch = Batch(lane, first, session, inbox, post.channel, room.epoch, post.letters, now, post.expires_at)
    part = yield from add(batch, taken)
    return Load(Lease(lane, room.fence), part, post.since) if part else None


def tell(
    lane: int,
    session: str,
    inbox: int | None,
    turn: str,
    said: Sequence[Outbound],
    voice: Voice,
    now: int,
    flag: str = "",
) -> Tx[Told]:
    """Say something on the gateway's own account: it is shown and kept, and never reaches a bot."""
    if not said:
        return Told()
    lines = [Line("system", outbound.text, turn=turn, flag=flag) for outbound in said]
    messages = yield from append(session, lines, now, user=False)
    yield "UPDATE lane SET version = version + 1 WHERE id = $1", (lane,)
    post = voice(said)
    load = (yield from queue(lane, session, inbox, post, now)) if post else None
    return Told(messages, load)
