"""The one transaction that ends a turn: fence, entry, history, state and outgoing parts, all of it or nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import orjson
from msgspec.structs import replace

from gateway import participants, sessions
from gateway.db import Tx, about
from gateway.errors import Problem
from gateway.history import Line, append
from gateway.inbox import REQUEUED, Envelope, end, take_head
from gateway.lanes import INBOX, release
from gateway.message import Message
from gateway.overheard import told
from gateway.participants import DataChange
from gateway.post import MAKE_ROOM, ROOM, Load, Post, Room, fill, wanted
from gateway.sessions import Reason


class StateChange(msgspec.Struct, frozen=True, gc=False):
    """What an answer changes besides being said. A value of None deletes the variable or context key."""

    variables: Mapping[str, Any] = {}
    context: Mapping[str, Any] = {}
    participant: DataChange | None = None
    close: Reason | None = None
    resolved: bool | None = None


class Ending(msgspec.Struct, frozen=True, gc=False):
    """How a turn ends. `lines` go into the history, `post` into the outbox; `more` asks for the next entry;
    `heard` is the last thing overheard that the bot was told. With `lingers` no answer closes the session while more
    waits to be answered in it.
    """

    envelope: Envelope
    state: str
    now: int
    lines: Sequence[Line] = ()
    post: Post | None = None
    change: StateChange | None = None
    reason: str | None = None
    error: str | None = None
    more: bool = True
    largest: int = 1 << 20
    heard: int = 0
    lingers: bool = False


class Ended(msgspec.Struct, frozen=True, gc=False):
    """What the commit made of it. `refused` names changes that were too large and left out; `closed` says why the
    session is over now.
    """

    messages: Sequence[Message]
    version: int
    load: Load | None = None
    next: Envelope | None = None
    variables: Mapping[str, Any] | None = None
    context: Mapping[str, Any] | None = None
    refused: tuple[str, ...] = ()
    closed: Reason | None = None


_LEAVE = f"""UPDATE lane SET version = version + 1, grown = grown + 1, waiting = waiting - 1,
    in_holder = CASE WHEN waiting = 1 THEN NULL ELSE in_holder END,
    in_due_at = CASE WHEN waiting = 1 THEN NULL ELSE in_due_at END, {MAKE_ROOM}
    WHERE id = $1 AND in_fence = $5 AND in_holder IS NOT NULL RETURNING waiting, version, {ROOM}"""


@about(lambda e: e.envelope.key if e.change is None else None)
def end_turn(e: Ending) -> Tx[Ended | None]:
    """End a turn under its lease. None: the lease was lost, and nothing has changed."""
    entry, lease = e.envelope.entry, e.envelope.lease
    rows = yield _LEAVE, (lease.lane, *wanted(e.post, e.now), lease.fence)
    if not rows:
        return None
    waiting, version, *made = rows[0]
    room = Room(*made)
    if not (yield from end(entry.id, e.state, e.reason, e.now, e.error)):
        raise AssertionError(f"entry {entry.id} was over although its lane was held")
    lines = e.lines if entry.reason != REQUEUED else [line for line in e.lines if line.role != "user"]
    if e.state == "dropped":
        yield "UPDATE inbox SET body = NULL, raw = NULL WHERE id = $1", (entry.id,)
    messages = yield from append(entry.session, lines, e.now, user=True)
    ended = Ended(messages, version)
    if e.post is not None:
        ended = replace(ended, load=(yield from fill(lease.lane, entry.session, entry.id, e.post, room, e.now)))
    if e.heard:
        yield from told(lease.lane, e.heard)
    if e.change is not None:
        close = None if waiting and e.lingers else e.change.close
        ended = yield from _apply(e, replace(e.change, close=close), ended)
    if waiting and e.more:
        following = yield from take_head(lease, e.now)
        if following:
            place = replace(e.envelope, entry=following, epoch=room.epoch, version=ended.version)
            ended = replace(ended, next=place)
    elif waiting:
        yield from release(INBOX, lease, e.now)
    return ended


def _apply(e: Ending, change: StateChange, ended: Ended) -> Tx[Ended]:
    session, refused = e.envelope.entry.session, []
    if change.variables or change.context:
        rows = yield "SELECT variables, context FROM session WHERE id = $1 /*FOR UPDATE*/", (session,)
        variables = merged(orjson.loads(rows[0][0]), change.variables)
        context = merged(orjson.loads(rows[0][1]), change.context)
        text = orjson.dumps(variables)
        if len(text) > e.largest:
            refused.append("variables")
            variables = orjson.loads(rows[0][0])
            text = orjson.dumps(variables)
        yield (
            "UPDATE session SET variables = $2, context = $3 WHERE id = $1",
            (session, text.decode(), orjson.dumps(context).decode()),
        )
        ended = replace(ended, variables=variables, context=context)
    if change.participant is not None and e.envelope.entry.participant:
        who = e.envelope.entry.participant
        try:
            kept = yield from participants.change(who, change.participant, e.now)
        except Problem:
            kept = False
        if not kept:
            refused.append("participant")
    if change.resolved is not None and change.close is None:
        yield from sessions.mark(session, change.resolved, "bot", e.now)
    if change.close is not None:
        yield from sessions.close(session, change.close, e.now, change.resolved, "bot")
        ended = replace(ended, version=ended.version + 1, closed=change.close)
    return replace(ended, refused=tuple(refused))


def merged(document: dict[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """A document after a change: None deletes, everything else is set."""
    document = {**document, **change}
    return {name: value for name, value in document.items() if value is not None or name not in change}
