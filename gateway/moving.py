"""A chat that goes on under another id: its lanes, aliases and waiting parts follow in one transaction."""

from typing import TypeVar

from msgspec.structs import replace

from gateway import sessions
from gateway.db import Tx
from gateway.keys import SessionKey
from gateway.message import Address, Inbound, Part, decode, encode

T = TypeVar("T", Inbound, Part)


def aliases() -> Tx[dict[tuple[str, str, str], str]]:
    """Every chat that goes on elsewhere: (channel, account, old id) -> the id of today."""
    rows = yield "SELECT channel, account, old_chat, new_chat FROM chat_alias", ()
    return {(channel, account, old): new for channel, account, old, new in rows}


def move_lane(lane: int, to: str, now: int) -> Tx[None]:
    """The platform says that the chat of a lane is elsewhere."""
    rows = yield "SELECT channel, account, chat FROM lane WHERE id = $1", (lane,)
    channel, account, chat = rows[0]
    yield from move_chat(channel, account, chat, to, now)
    yield from _redirect(lane, chat, to)


def move_chat(channel: str, account: str, old: str, new: str, now: int) -> Tx[list[int]]:
    """Re-key every lane of a chat. Returns the lanes that moved; moving twice moves nothing.

    When the new id has been used already, its few messages are from the same people: the older conversation keeps
    the key, and the younger one is closed as merged.
    """
    if old == new:
        return []
    yield "DELETE FROM chat_alias WHERE channel = $1 AND account = $2 AND old_chat = $3", (channel, account, new)
    yield (
        "UPDATE chat_alias SET new_chat = $4 WHERE channel = $1 AND account = $2 AND new_chat = $3",
        (channel, account, old, new),
    )
    yield (
        """INSERT INTO chat_alias (channel, account, old_chat, new_chat) VALUES ($1, $2, $3, $4)
             ON CONFLICT (channel, account, old_chat) DO UPDATE SET new_chat = excluded.new_chat""",
        (channel, account, old, new),
    )
    rows = yield (
        "SELECT id, key FROM lane WHERE channel = $1 AND account = $2 AND chat = $3 /*FOR UPDATE*/",
        (channel, account, old),
    )
    for lane, key in rows:
        moved = str(SessionKey.parse(key).moved(old, new))
        yield from _make_room(moved, lane, now)
        yield "UPDATE lane SET key = $2, chat = $3 WHERE id = $1", (lane, moved, new)
        yield "UPDATE session SET key = $2 WHERE lane = $1", (lane, moved)
        yield "UPDATE overheard SET key = $2, chat = $3 WHERE key = $1", (key, moved, new)
        yield from _redirect(lane, old, new)
    return [lane for lane, _ in rows]


def _make_room(key: str, keeper: int, now: int) -> Tx[None]:
    """Free a key for the lane that moves to it: what waits under it goes to the keeper's end."""
    rows = yield "SELECT id, session FROM lane WHERE key = $1 AND id <> $2 /*FOR UPDATE*/", (key, keeper)
    for other, session in rows:
        if session is not None:
            yield from sessions.close(session, "merged", now)
        yield (
            """UPDATE lane SET key = key || ',merged=' || id, in_fence = in_fence + 1, in_holder = NULL,
                 in_due_at = NULL, waiting = 0 WHERE id = $1""",
            (other,),
        )
        yield from _adopt(keeper, other, now)


def _adopt(keeper: int, other: int, now: int) -> Tx[None]:
    rows = yield "SELECT id FROM inbox WHERE lane = $1 AND state = 'waiting' ORDER BY seq", (other,)
    for (entry,) in rows:
        yield (
            """UPDATE lane SET next_seq = next_seq + 1, waiting = waiting + 1,
                 in_due_at = COALESCE(in_due_at, $2) WHERE id = $1""",
            (keeper, now),
        )
        yield (
            """UPDATE inbox SET lane = $2, seq = (SELECT next_seq FROM lane WHERE id = $2),
                 session = COALESCE((SELECT session FROM lane WHERE id = $2), session) WHERE id = $1""",
            (entry, keeper),
        )


def _redirect(lane: int, old: str, new: str) -> Tx[None]:
    """What waits in a lane goes to the new id."""
    rows = yield (
        "SELECT id, body FROM outbox WHERE lane = $1 AND state IN ('ready', 'sending', 'unknown')",
        (lane,),
    )
    for number, body in rows:
        part = decode(Part, body)
        yield "UPDATE outbox SET body = $2 WHERE id = $1", (number, encode(_to(part, part.address, old, new)))
    rows = yield "SELECT id, body FROM inbox WHERE lane = $1 AND state = 'waiting'", (lane,)
    for number, body in rows:
        inbound = decode(Inbound, body)
        yield (
            "UPDATE inbox SET body = $2 WHERE id = $1",
            (number, encode(_to(_by(inbound, old, new), inbound.address, old, new))),
        )


def _to(shape: T, address: Address, old: str, new: str) -> T:
    user = new if address.user == old else address.user
    return replace(shape, address=replace(address, chat=new, user=user))


def _by(inbound: Inbound, old: str, new: str) -> Inbound:
    sender = inbound.sender
    return replace(inbound, sender=replace(sender, id=new)) if sender is not None and sender.id == old else inbound
