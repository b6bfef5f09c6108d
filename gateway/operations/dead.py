"""Dead letters: looked at, tried once more, or let go."""

from typing import Any

import orjson
from msgspec.structs import replace

from gateway.db import Rows, Tx
from gateway.errors import Problem
from gateway.inbox import RELEASED
from gateway.message import Inbound, decode, encode
from gateway.operations.office import Office, moment
from gateway.operations.queues import DEAD

LARGEST_RAW = 100_000  # characters shown


async def shown(office: Office, box: str, number: int) -> Any:
    """All that is kept of an entry: what came in or was to go out, how often it was tried, what went wrong."""
    return await office.corridor.db.read(_shown, box, number)


def _shown(box: str, number: int) -> Tx[Any]:
    if box == "inbox":
        rows = yield (
            """SELECT q.turn, lane.key, q.session, q.channel, q.state, q.reason, q.attempts, q.failures, q.refusals,
                 q.received_at, q.ended_at, q.error, q.body, q.raw FROM inbox q JOIN lane ON lane.id = q.lane
                 WHERE q.id = $1""",
            (number,),
        )
        return _inbox(number, _found(rows))
    rows = yield (
        """SELECT CAST(q.id AS TEXT), lane.key, q.session, q.channel, q.state, q.reason, q.attempts, q.unknowns,
             q.created_at, q.expires_at, q.sent_at, q.ref, q.status, q.error, q.body, q.inbox FROM outbox q
             JOIN lane ON lane.id = q.lane WHERE q.id = $1""",
        (number,),
    )
    return _outbox(number, _found(rows))


def _found(rows: Rows) -> tuple[Any, ...]:
    if not rows:
        raise Problem(404, "entry_unknown", "there is no such entry")
    return rows[0]


def _inbox(number: int, row: tuple[Any, ...]) -> Any:
    turn, key, session, channel, state, reason, attempts, failures, refusals, at, ended, error, body, raw = row
    return {
        "box": "inbox",
        "id": number,
        "turn": turn,
        "key": key,
        "session": session,
        "channel": channel,
        "state": state,
        "reason": reason,
        "attempts": attempts,
        "failures": failures,
        "refusals": refusals,
        "at": moment(at),
        "ended_at": moment(ended),
        "error": error,
        "event": orjson.loads(body) if body else None,
        "raw": raw.decode("utf-8", "replace")[:LARGEST_RAW] if raw else None,
    }


def _outbox(number: int, row: tuple[Any, ...]) -> Any:
    part, key, session, channel, state, reason, attempts, unknowns, at, expires, sent, ref, status, error = row[:14]
    return {
        "box": "outbox",
        "id": number,
        "part": part,
        "key": key,
        "session": session,
        "channel": channel,
        "state": state,
        "reason": reason,
        "attempts": attempts,
        "unknowns": unknowns,
        "at": moment(at),
        "expires_at": moment(expires),
        "sent_at": moment(sent),
        "ref": ref,
        "status": status,
        "error": error,
        "inbox": row[15],
        "message": orjson.loads(row[14]),
    }


async def discard(office: Office, box: str, number: int) -> Any:
    """Let a dead letter go: it is kept as dropped, and nothing is done about it any more."""
    await office.corridor.db.write(_discard, box, number)
    return {"box": box, "id": number, "state": "dropped", "reason": "discarded"}


def _discard(box: str, number: int) -> Tx[None]:
    yield from _locked(box, number)
    yield f"UPDATE {box} SET state = 'dropped', reason = 'discarded' WHERE id = $1", (number,)


def _locked(box: str, number: int) -> Tx[tuple[int, str, str]]:
    """The lane, channel and state of a dead letter. Raises `Problem`."""
    rows = yield f"SELECT lane, channel, state FROM {box} WHERE id = $1 /*FOR UPDATE*/", (number,)
    lane, channel, state = _found(rows)
    if state not in DEAD[box]:
        raise Problem(409, "not_dead", f"{box}/{number} is {state}: only dead letters can be requeued or discarded")
    return lane, channel, state


async def requeue(office: Office, box: str, number: int) -> Any:
    """Try a dead letter once more, at its own place in its lane and under its own id. Raises `Problem` 409."""
    now = office.now()
    if box == "inbox":
        bot = await office.corridor.db.write(_requeue_entry, office, number, now)
        office.router.ring_bot(bot)
        return {"box": box, "id": number, "state": "waiting"}
    channel = await office.corridor.db.write(_requeue_part, office, number, now)
    office.router.ring_channel(channel)
    return {"box": box, "id": number, "state": "ready"}


def _requeue_entry(office: Office, number: int, now: int) -> Tx[str]:
    """Whoever holds the lane takes it next; else it is due now. Returns the lane's bot.

    Its own line stands in the history already, unless its conversation is another one by now, or it was held back
    before anything was made of it.
    """
    lane, name, _ = yield from _locked("inbox", number)
    rows = yield "SELECT body FROM inbox WHERE id = $1", (number,)
    if not rows[0][0]:
        raise Problem(409, "no_content", "what it said is not kept any more")
    inbound, channel = decode(Inbound, rows[0][0]), office.corridor.channels.get(name)
    if channel is not None and not channel.adapter.serves(inbound.account):
        raise Problem(409, "unroutable", f"{name} does not have {inbound.account}: configure it first")
    body = encode(replace(inbound, draft=""))  # there our regret stands by now
    yield (
        """UPDATE inbox SET state = 'waiting', reason = CASE WHEN EXISTS (SELECT 1 FROM message m
             WHERE m.session = inbox.session AND m.turn = inbox.turn AND m.role = 'user') THEN 'requeued' ELSE $2 END,
             attempts = 0, failures = 0, refusals = 0, not_before = 0, ended_at = NULL, body = $3 WHERE id = $1""",
        (number, RELEASED, body),
    )
    rows = yield (
        """UPDATE lane SET waiting = waiting + 1,
             in_due_at = CASE WHEN in_holder IS NULL THEN $2 ELSE in_due_at END WHERE id = $1 RETURNING bot""",
        (lane, now),
    )
    return str(rows[0][0])


def _requeue_part(office: Office, number: int, now: int) -> Tx[str]:
    lane, channel, _ = yield from _locked("outbox", number)
    rows = yield (
        "SELECT l.epoch, q.epoch, l.silenced FROM outbox q JOIN lane l ON l.id = q.lane WHERE q.id = $1 /*FOR UPDATE*/",
        (number,),
    )
    epoch, own, silenced = rows[0]
    if own != epoch:
        raise Problem(409, "superseded", "its conversation was reset or ended since: it must not be sent any more")
    if silenced is not None:
        raise Problem(409, "silenced", f"the recipient wants nothing from us ({silenced}) until they write again")
    settings = office.settings.channels.get(channel)
    expires = now + round(settings.delivery.ttl * 1000) if settings else None
    yield (
        """UPDATE outbox SET state = 'ready', reason = NULL, attempts = 0, unknowns = 0, not_before = 0, status = NULL,
             expires_at = COALESCE($2, expires_at) WHERE id = $1""",
        (number, expires),
    )
    yield (
        """UPDATE lane SET pending = pending + 1,
             out_due_at = CASE WHEN out_holder IS NULL THEN $2 ELSE out_due_at END WHERE id = $1""",
        (lane, now),
    )
    return channel
