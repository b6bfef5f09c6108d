"""Messages that belong together become one turn: the photos of an album, the pieces of a text that was too long for one
message, and, where it is wanted, what somebody says in quick succession.

The first of them waits a little, the others are filed behind it, all on disk; whoever claims the first one takes them
all. What comes too late is a turn of its own.
"""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from gateway.db import Tx
from gateway.message import Inbound, Json, decode, encode

TOGETHER = 100  # entries that are looked at when one is claimed
ALBUM, TEXT, QUICK = "album", "text", "quick"
JOINED = "joined"  # the reason of an entry that is over since it is part of another; its `joins` is that one's turn
MARK = "|"  # at the end of what may go on within a word


class Gathers(NamedTuple):
    """What an event may be gathered with, how long it waits for that, since the first one at most, and for how many."""

    key: str
    wait: int
    at_most: int
    most: int


class Group(NamedTuple):
    """What waits already of a group: the entry that stands for it, when that came, how many there are."""

    head: int
    since: int
    size: int


def waiting(lane: int, key: str) -> Tx[Group | None]:
    """The group that an event with this key belongs to, if any of it waits."""
    rows = yield (
        """SELECT id, received_at FROM inbox WHERE lane = $1 AND state = 'waiting' AND attempts = 0
             AND body LIKE $2 ORDER BY seq""",
        (lane, f'%"joins":"{key.removesuffix(MARK)}%'),
    )
    return Group(rows[0][0], rows[0][1], len(rows)) if rows else None


def postpone(group: Group | None, entry: int, gathers: Gathers, now: int) -> Tx[int]:
    """Have a group, or an entry that begins one, wait for more. Returns until when."""
    due = now + gathers.wait
    if group is not None:
        full = group.size + 1 >= gathers.most
        due = now if full else min(due, group.since + gathers.at_most)
        yield "UPDATE inbox SET not_before = $2 WHERE id = $1", (group.head, due)
    yield "UPDATE inbox SET not_before = $2 WHERE id = $1", (entry, due)
    return due


def gather(lane: int, head: int, body: str, now: int) -> Tx[str]:
    """Make of the head of a lane, and of what waits behind it and belongs to it, one entry. Returns its body."""
    first = decode(Inbound, body)
    if not first.joins:
        return body
    rows = yield (
        """SELECT id, turn, body FROM inbox WHERE lane = $1 AND state = 'waiting' AND id <> $2 AND body IS NOT NULL
             ORDER BY seq LIMIT $3""",
        (lane, head, TOGETHER),
    )
    found = _members(first, [(number, turn, decode(Inbound, text)) for number, turn, text in rows])
    if not found:
        return body
    rows = yield "SELECT turn FROM inbox WHERE id = $1", (head,)
    whole = encode(_joined([(rows[0][0], first), *((turn, one) for _, turn, one in found)]))
    for number, _, one in found:
        yield (
            "UPDATE inbox SET state = 'done', reason = $4, ended_at = $2, body = $3 WHERE id = $1",
            (number, now, encode(replace(one, joins=rows[0][0])), JOINED),
        )
    yield "UPDATE inbox SET body = $2 WHERE id = $1", (head, whole)
    yield "UPDATE lane SET waiting = waiting - $2 WHERE id = $1", (lane, len(found))
    return whole


def answered_as(turn: str) -> Tx[str]:
    """The turn under which a message is answered: mostly its own."""
    rows = yield "SELECT body FROM inbox WHERE turn = $1 AND reason = $2 AND body IS NOT NULL", (turn, JOINED)
    return decode(Inbound, rows[0][0]).joins if rows else turn


_Waiting = tuple[int, str, Inbound]


def _members(first: Inbound, behind: Sequence[_Waiting]) -> list[_Waiting]:
    """Those that belong to the first: of an album all, of a text what comes next, of a flow all up to somebody else."""
    kind, key = _kind(first), first.joins.removesuffix(MARK)
    found, before = [], first
    for one in behind:
        inbound = one[2]
        if kind == ALBUM and inbound.joins == key:
            found.append(one)
        elif kind != ALBUM:
            same = inbound.kind == "message" and _speaker(inbound) == _speaker(first)
            goes_on = before.joins.endswith(MARK) and not inbound.files
            if not same or not (goes_on or (kind == QUICK and inbound.joins.removesuffix(MARK) == key)):
                break
            found.append(one)
            before = inbound
    return found


def _kind(inbound: Inbound) -> str:
    return inbound.joins.partition(":")[0]


def _speaker(inbound: Inbound) -> str:
    return inbound.sender.id if inbound.sender else ""


def _joined(sources: list[tuple[str, Inbound]]) -> Inbound:
    """One message of several: words one below the other, pieces of a text without a seam."""
    if all(one.order for _, one in sources):
        sources = sorted(sources, key=lambda source: source[1].order)
    first, last = sources[0][1], sources[-1][1]
    text = ""
    for (_, one), (_, before) in zip(sources, [sources[0], *sources], strict=False):
        seam = "\n" if text and one.text and not before.joins.endswith(MARK) else ""
        text += seam + one.text
    parts: list[Json] = [
        {"id": one.ref, "turn": turn, "text": one.text, "sent_at": one.sent_at} for turn, one in sources
    ]
    return replace(
        first,
        text=text,
        files=tuple(file for _, one in sources for file in one.files),
        addressed=any(one.addressed for _, one in sources),
        ref=first.ref if _kind(first) == ALBUM else last.ref,
        reply_to=next((one.reply_to for _, one in sources if one.reply_to), ""),
        joins="",
        extra={**{name: value for _, one in reversed(sources) for name, value in one.extra.items()}, "parts": parts},
    )
