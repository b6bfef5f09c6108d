"""The inbox: what was said and is not answered yet, in the order it was accepted."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

import msgspec
from msgspec.structs import replace

from gateway.db import Tx
from gateway.gathering import gather
from gateway.lanes import INBOX, Lease, claimed, release

REQUEUED = "requeued"  # the reason of an entry that waits once more: its own line stands in the history already
RELEASED = "released"  # that of one which was held back, and has no line
WANTED = (REQUEUED, RELEASED)  # an operator wants it answered, however old it is


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One waiting inbound, as claimed. `body` is the JSON of its `Inbound`.

    `attempts` counts the claims, `failures` the bot's failures, `refusals` our own; claims that are neither are
    those in which the process died.
    """

    id: int
    lane: int
    seq: int
    session: str
    participant: str | None
    turn: str
    channel: str
    body: str
    received_at: int
    attempts: int
    failures: int
    refusals: int
    reason: str | None
    not_before: int

    @property
    def crashes(self) -> int:
        return self.attempts - 1 - self.failures - self.refusals


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """An entry whose lane this worker holds, with what the lane's row said."""

    entry: Entry
    lease: Lease
    key: str
    scope: str
    epoch: int
    version: int
    bot: str


COLUMNS = ", ".join(Entry.__struct_fields__)
_PLACE = ", ".join(Envelope.__struct_fields__[2:])

_counted = re.compile(r"([0-9]{1,20})(?:\.[0-9]{1,9})?\Z").search  # Slack's are seconds, with a fraction

_HEAD = f"SELECT {COLUMNS} FROM inbox WHERE lane = $1 AND state = 'waiting' ORDER BY seq LIMIT 1"
_HEADS = f"""SELECT {COLUMNS} FROM inbox WHERE lane IN ({{}}) AND state = 'waiting' AND seq =
    (SELECT MIN(seq) FROM inbox other WHERE other.lane = inbox.lane AND other.state = 'waiting')"""
_TRIED = "UPDATE inbox SET attempts = attempts + 1 WHERE id IN ({})"
_ADD = """INSERT INTO inbox (lane, seq, session, participant, turn, channel, body, raw, received_at, attempts, state,
    reason, ended_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING id"""
_END = """UPDATE inbox SET state = $2, reason = $3, ended_at = $4, error = $5
    WHERE id = $1 AND state = 'waiting' RETURNING 1"""


def mark(channel: str, account: str, event: str) -> bytes:
    """The dedupe key of a platform's id: 16 bytes, the same for ever.

    Most platforms count. Their number comes first, so that what happens together is stored together: a hash alone
    would have every message write two more pages of the file.
    """
    text = f"{channel}\x1f{account}\x1f{event}".encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(text, digest_size=16).digest()
    if (counted := _counted(event)) is None:
        return digest
    return (int(counted[1]) & 0xFFFFFFFF).to_bytes(4, "big") + digest[4:]


def turn_of(mark: bytes) -> str:
    """The id of the turn that an event leads to: every repeat of it knows the same one."""
    text = mark.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def first_time(marks: Sequence[bytes], now: int) -> Tx[bool]:
    """Remember an event by all its ids. False when any of them was seen before; what has none is never a repeat."""
    marks = list(dict.fromkeys(marks))
    if not marks:
        return True
    fresh = yield _remembering(len(marks)), tuple(value for key in marks for value in (key, now))
    return len(fresh) == len(marks)


@lru_cache(maxsize=32)
def _remembering(count: int) -> str:
    rows = ", ".join(f"(${2 * i + 1}, ${2 * i + 2})" for i in range(count))
    return f"INSERT INTO dedupe (key, seen_at) VALUES {rows} ON CONFLICT DO NOTHING RETURNING 1"


def add(entry: Entry, raw: bytes | None, state: str = "waiting", reason: str | None = None) -> Tx[int]:
    """Store an entry; what needs no turn is stored as ended. Returns its number."""
    ended = None if state == "waiting" else entry.received_at
    head = (entry.lane, entry.seq, entry.session, entry.participant, entry.turn, entry.channel, entry.body)
    rows = yield _ADD, (*head, raw, entry.received_at, entry.attempts, state, reason, ended)
    number: int = rows[0][0]
    return number


def take_head(lease: Lease, now: int) -> Tx[Entry | None]:
    """The head of a held lane, its attempt counted. None, with the lane released, when nothing can be taken yet."""
    rows = yield _HEAD, (lease.lane,)
    if not rows:
        yield from release(INBOX, lease, None)
        return None
    entry = Entry(*rows[0])
    if entry.not_before > now:
        yield from release(INBOX, lease, entry.not_before)
        return None
    if entry.not_before and not entry.attempts:  # it has waited for others
        entry = replace(entry, body=(yield from gather(lease.lane, entry.id, entry.body, now)))
    yield "UPDATE inbox SET attempts = attempts + 1 WHERE id = $1", (entry.id,)
    return replace(entry, attempts=entry.attempts + 1)


def claim(bot: str, me: str, now: int, until: int, limit: int) -> Tx[tuple[list[Envelope], int]]:
    """Take the lanes of a bot that have waited longest, each with its head; and how many lanes there were."""
    rows = yield from claimed(INBOX, bot, me, now, until, limit, f", {_PLACE}")
    ready = yield from _take_ready([lane for lane, *_ in rows])
    envelopes = []
    for lane, fence, *place in rows:
        lease = Lease(lane, fence)
        entry = ready.get(lane) or (yield from take_head(lease, now))
        if entry is not None:
            envelopes.append(Envelope(entry, lease, *place))
    return envelopes, len(rows)


def _take_ready(lanes: Sequence[int]) -> Tx[Mapping[int, Entry]]:
    """The heads of held lanes that have waited for nothing but this, their attempts counted, by lane."""
    if not lanes:
        return {}
    rows = yield _HEADS.format(_marks(len(lanes))), _filled(lanes)
    heads = [entry for row in rows if not (entry := Entry(*row)).not_before]
    if heads:
        yield _TRIED.format(_marks(len(heads))), _filled([entry.id for entry in heads])
    return {entry.lane: replace(entry, attempts=entry.attempts + 1) for entry in heads}


@lru_cache(maxsize=128)
def _marks(count: int) -> str:
    return ", ".join(f"${number + 1}" for number in range(_size(count)))


def _filled(numbers: Sequence[int]) -> tuple[int, ...]:
    return (*numbers, *(numbers[0] for _ in range(_size(len(numbers)) - len(numbers))))


def _size(count: int) -> int:
    """A few sizes, so that a statement is one that is known already."""
    return 1 << (count - 1).bit_length()


def open_lease(lease: Lease, now: int) -> Tx[Envelope | None]:
    """What a claimed lane holds for us to do."""
    entry = yield from take_head(lease, now)
    if entry is None:
        return None
    rows = yield f"SELECT {_PLACE} FROM lane WHERE id = $1", (lease.lane,)
    return Envelope(entry, lease, *rows[0])


def end(entry: int, state: str, reason: str | None, now: int, error: str | None = None) -> Tx[bool]:
    """A waiting entry is over: done, dropped or dead. False when it was over before."""
    rows = yield _END, (entry, state, reason, now, error)
    return bool(rows)


def give_back(
    lease: Lease, entry: int, not_before: int, *, failed: int = 0, refused: int = 0, error: str = ""
) -> Tx[bool]:
    """Put the head back to be claimed again, not before a time. A claim that led to no failure is not counted; one that
    takes several tries away at once counts as so many.
    """
    held = yield from release(INBOX, lease, not_before)
    if held:
        counted = 1 - failed - refused
        yield (
            """UPDATE inbox SET not_before = $2, failures = failures + $3, refusals = refusals + $4,
                 attempts = attempts - $5, error = COALESCE(NULLIF($6, ''), error) WHERE id = $1""",
            (entry, not_before, failed, refused, counted, error),
        )
    return held


def note_dropped(channel: str, account: str, events: Sequence[str], chat: str, reason: str, now: int) -> Tx[None]:
    """Keep the id and the reason of something let go, and nothing of what it said."""
    yield (
        "INSERT INTO dropped (channel, account, event, chat, reason, at) VALUES ($1, $2, $3, $4, $5, $6)",
        (channel, account, events[0] if events else "", chat, reason, now),
    )
