"""Edits and deletions by users: what waits is changed, what is being answered is answered anew, so is what was answered
last; of what was said before only the history changes.
"""

from typing import NamedTuple

from msgspec.structs import replace

from gateway import history, lanes, shown
from gateway.db import Tx
from gateway.history import Found
from gateway.inbox import REQUEUED, first_time, note_dropped
from gateway.lanes import Lane
from gateway.message import Inbound, decode, encode
from gateway.outbox import LESS
from gateway.overheard import unsaid
from gateway.placeholder import placeholder
from gateway.utterance import parts_of, standing

DELETED = "[deleted]"
_WAITING = 200  # entries that are looked at


class Answer(NamedTuple):
    """What a message was answered with: the turn, and our numbers of its parts and of those of earlier answers."""

    turn: str
    parts: list[int]


class Amendment(NamedTuple):
    """A change to what somebody said in the lane `key`. `verdict` is why it must be let go, if any; `anew` whether
    what was answered last may be answered once more, which is then turn `turn`; `answer` is what it was answered with
    when that was looked for.
    """

    key: str
    inbound: Inbound
    marks: list[bytes]
    turn: str
    now: int
    verdict: str | None
    anew: bool
    answer: Answer | None = None


class Amended(NamedTuple):
    """What became of it. `interrupted`: the turn in flight is not wanted any more; `due`: there is something to do."""

    outcome: str
    lane: int = 0
    session: str = ""
    bot: str = ""
    interrupted: bool = False
    due: bool = False


def answered_last(key: str, ref: str) -> Tx[tuple[int, str] | None]:
    """The entry of a message that was answered, and the turn. None when it is not known."""
    rows = yield (
        """SELECT i.id, i.turn FROM lane l JOIN message m ON m.session = l.session JOIN inbox i ON i.turn = m.turn
             WHERE l.key = $1 AND m.role = 'user' AND m.ref = $2 ORDER BY i.id DESC LIMIT 1""",
        (key, ref),
    )
    return rows[0] if rows else None


def answer_of(key: str, ref: str) -> Tx[Answer | None]:
    """What a message was answered with, None when that is not known."""
    found = yield from answered_last(key, ref)
    return Answer(found[1], (yield from parts_of(found[0]))) if found else None


def amend(a: Amendment) -> Tx[Amended]:
    """Take an edit or a deletion in."""
    if not (yield from first_time(a.marks, a.now)):
        return Amended("duplicate")
    if a.inbound.kind == "revoke":
        at = a.inbound
        yield from unsaid(at.channel, at.account, at.address.chat, at.ref)
    amended = Amended(a.verdict) if a.verdict else (yield from _amended(a))
    if amended.outcome != "stored":
        at = a.inbound
        yield from note_dropped(at.channel, at.account, at.ids, at.address.chat, amended.outcome, a.now)
    return amended


def _amended(a: Amendment) -> Tx[Amended]:
    rows = yield "SELECT id, bot FROM lane WHERE key = $1", (a.key,)
    lane = (yield from lanes.lock_id(rows[0][0])) if rows else None
    if lane is None or lane.session is None or not a.inbound.ref:
        return Amended("unroutable")
    amended = yield from _of_waiting(lane, a)
    if amended is None:
        amended = yield from _of_history(lane, a)
    return amended._replace(lane=lane.id, session=lane.session, bot=rows[0][1])


def _of_waiting(lane: Lane, a: Amendment) -> Tx[Amended | None]:
    """What has not been answered yet. None when this is none of it."""
    rows = yield (
        """SELECT id, body, attempts, turn FROM inbox WHERE lane = $1 AND state = 'waiting' AND body IS NOT NULL
             ORDER BY seq LIMIT $2""",
        (lane.id, _WAITING),
    )
    for number, body, attempts, turn in rows:
        before = decode(Inbound, body)
        if not _is(before, a.inbound.ref):
            continue
        running = attempts > 0 and lane.in_holder is not None
        gone = a.inbound.kind == "revoke" and "parts" not in before.extra
        after = before if gone else _changed(before, a.inbound)
        if after == before and not gone:
            return Amended("unchanged")
        if gone:
            yield (
                """UPDATE inbox SET state = 'dropped', reason = 'revoked', ended_at = $2, body = NULL, raw = NULL
                     WHERE id = $1""",
                (number, a.now),
            )
        else:
            yield "UPDATE inbox SET body = $2, raw = NULL WHERE id = $1", (number, encode(after))
        if running and not gone:  # for the bot, other words are another turn
            yield "UPDATE inbox SET turn = $2, attempts = attempts - 1 WHERE id = $1", (number, a.turn)
        yield from _said(lane, a, turn, moves=running and not gone)
        yield from leave(lane, a.now, gone=gone, running=running)
        if gone:
            yield from shown.remove(lane.id, str(lane.session), a.turn, before, a.now)
        return Amended("stored", interrupted=running, due=True)
    return None


def _said(lane: Lane, a: Amendment, turn: str, *, moves: bool) -> Tx[None]:
    """What is answered once more stands in the history already: its line changes with it, and goes with its turn."""
    found = yield from history.said_under(str(lane.session), a.inbound.ref)
    if found is None or found.turn != turn:
        return
    yield from _rewrite(lane, a, found)
    if moves:
        yield from history.take_back(str(lane.session), turn, a.turn)


def _rewrite(lane: Lane, a: Amendment, found: Found) -> Tx[None]:
    yield from history.rewrite(str(lane.session), found.seq, _words(a), blank=a.inbound.kind == "revoke")
    yield "UPDATE lane SET version = version + 1 WHERE id = $1", (lane.id,)


def _words(a: Amendment) -> str:
    return DELETED if a.inbound.kind == "revoke" else placeholder(a.inbound)


def leave(lane: Lane, now: int, *, gone: bool, running: bool) -> Tx[None]:
    """The lane after its entry was changed or is gone; whoever answers it is fenced off."""
    left = lane.waiting - gone
    held = lane.in_holder is not None and not running
    due = None if not left else lane.in_due_at if held or not (gone or running) else now
    yield (
        "UPDATE lane SET waiting = $2, in_due_at = $3, in_holder = $4, in_fence = in_fence + $5 WHERE id = $1",
        (lane.id, left, due, lane.in_holder if held else None, int(running)),
    )


def _is(inbound: Inbound, ref: str) -> bool:
    return inbound.ref == ref or any(part["id"] == ref for part in inbound.extra.get("parts", ()))


def _changed(before: Inbound, change: Inbound) -> Inbound:
    """A message after an edit; of one that was gathered from several the part that was edited."""
    text = "" if change.kind == "revoke" else change.text
    parts = before.extra.get("parts")
    if parts:
        parts = [{**part, "text": text} if part["id"] == change.ref else part for part in parts]
        whole = "\n".join(part["text"] for part in parts if part["text"])
        return replace(before, text=whole, extra={**before.extra, "parts": parts})
    return replace(before, text=text, files=change.files or before.files)


def _of_history(lane: Lane, a: Amendment) -> Tx[Amended]:
    """What has been answered: it stands in the history, and is answered anew when nothing was said since."""
    found = yield from history.said_under(str(lane.session), a.inbound.ref)
    if found is None:
        return Amended("unroutable")
    if _words(a) == found.text:
        return Amended("unchanged")
    rows = yield (
        "SELECT id, body FROM inbox WHERE turn = $1 AND lane = $2 AND state IN ('done', 'dead') ORDER BY id LIMIT 1",
        (found.turn, lane.id),
    )
    yield from _rewrite(lane, a, found)
    if a.inbound.kind == "revoke":
        if rows:
            yield "UPDATE inbox SET body = NULL, raw = NULL WHERE id = $1", (rows[0][0],)
        return Amended("stored")
    if not rows or not rows[0][1]:
        return Amended("stored")
    after = _changed(decode(Inbound, rows[0][1]), a.inbound)
    last = found.last and lane.in_due_at is None and not lane.waiting
    if not (a.anew and last):
        yield "UPDATE inbox SET body = $2, raw = NULL WHERE id = $1", (rows[0][0], encode(after))
        return Amended("stored")
    yield from _again(lane, a, rows[0][0], after, found.turn)
    return Amended("stored", due=True)


def _again(lane: Lane, a: Amendment, entry: int, after: Inbound, old: str) -> Tx[None]:
    """Answer an entry anew: its answer is taken out of the conversation, and what of it was not sent is not sent."""
    yield from history.take_back(str(lane.session), old, a.turn)
    # To look for them takes longer than a transaction should: only who was answered meanwhile has them looked for here.
    parts = a.answer.parts if a.answer and a.answer.turn == old else (yield from parts_of(entry))
    body = encode(replace(after, replaces=tuple((yield from standing(parts))), draft=""))
    yield (
        """UPDATE inbox SET state = 'waiting', reason = $3, turn = $4, body = $2, raw = NULL, attempts = 0,
             failures = 0, refusals = 0, not_before = 0, ended_at = NULL, error = NULL WHERE id = $1""",
        (entry, body, REQUEUED, a.turn),
    )
    dropped = yield (
        """UPDATE outbox SET state = 'dropped', reason = 'superseded'
             WHERE lane = $1 AND inbox = $2 AND state IN ('ready', 'sending', 'unknown') AND state <> 'sending'
             RETURNING 1""",
        (lane.id, entry),
    )
    # What is on the wire may arrive. Else it is not tried again, as after a reset.
    yield (
        "UPDATE outbox SET epoch = epoch - 1 WHERE lane = $1 AND inbox = $2 AND state = 'sending'",
        (lane.id, entry),
    )
    yield (
        f"UPDATE lane SET waiting = 1, in_due_at = $3, in_holder = NULL, {LESS} WHERE id = $1",
        (lane.id, len(dropped), a.now),
    )
