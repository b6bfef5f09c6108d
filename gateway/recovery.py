"""After an old backup was restored: what may have been answered or sent since it was made is not repeated.

What waited when the backup was made becomes dead letters with the reason `restored`, and so does what a platform sends
again although it was said before the restore. An operator who knows better requeues them.
"""

from collections.abc import Mapping
from typing import Any

import structlog

from gateway.db import Tx
from gateway.errors import StorageDown
from gateway.intake import Effect, Outcome, Scene
from gateway.kept import keep, recall
from gateway.message import Address, Inbound, Part, encode
from gateway.metrics import Metrics

REASON = "restored"
SAID = "it may have been answered before the store was restored"
SENT = "it may have been sent before the store was restored"
# Numbers that were given out since the backup are known outside: clients have read up to a line, platforms report on
# parts. They are not given out again.
LINES, PARTS = 1_000, 1_000_000

CHANGED = ("inbox", "outbox", "session", "lane")
"""Tables whose rows are not restored as they were."""

_UNTIL, _UNFINISHED = "recovery", "restore"
_PENDING = ("ready", "sending", "unknown")

log = structlog.get_logger()


def until() -> Tx[int]:
    """Up to when (ms) messages may have been answered by the gateway before; 0 for a store that was not restored.

    Raises `StorageDown` for one that is half restored.
    """
    if (yield from recall(_UNFINISHED)):
        raise StorageDown("a restore was begun and not finished: run `gateway restore` once more with the same file")
    return int((yield from recall(_UNTIL)) or 0)


def place() -> Tx[str]:
    """How far a restore has come that was begun, "" when none was."""
    return (yield from recall(_UNFINISHED))


def reached(place: str) -> Tx[None]:
    """Note how far a restore has come; "" when it is finished."""
    if place:
        yield from keep(_UNFINISHED, place)
    else:
        yield "DELETE FROM meta WHERE name = $1", (f"kept:{_UNFINISHED}",)


def begin(until: int, now: int) -> Tx[None]:
    """From now on what was sent up to a time is held back, and no number of a part is given out a second time."""
    yield from keep(_UNTIL, str(until))
    rows = yield "SELECT COALESCE(MAX(id), 0) FROM outbox", ()
    yield (
        """INSERT INTO outbox (id, lane, seq, session, channel, epoch, body, created_at, state, reason)
             VALUES ($1, 0, 0, '', '', 0, $2, $3, 'dropped', $4)""",
        (rows[0][0] + PARTS, encode(Part(id="", address=Address(chat=""))), now, REASON),
    )


def held(inbound: Inbound, until: int) -> Effect | None:
    """What becomes of a message that may have been answered before. None: it was not."""
    return hold if 0 < inbound.sent_at <= until else None


def hold(scene: Scene) -> Tx[Outcome]:
    """It is kept as a dead letter, and does nothing."""
    yield (
        "UPDATE inbox SET state = 'dead', reason = $2, error = $3 WHERE turn = $1 AND state = 'done'",
        (scene.arrival.turn, REASON, SAID),
    )
    return Outcome([], scene.lane.session)


def told(metrics: Metrics, channel: str, turn: str) -> None:
    """Operators hear that something was held back."""
    metrics.dead.labels("inbox", channel, REASON).inc()
    log.warning("inbox.held", channel=channel, turn=turn, reason=REASON)


def moved(table: str, row: Mapping[str, Any], now: int) -> Mapping[str, Any]:
    """A row of a store that has moved: it goes on where it was. What was on the wire is in doubt."""
    if table == "outbox" and row["state"] == "sending":
        return {**row, "state": "unknown", "unknowns": row["unknowns"] + 1}
    if table == "lane":
        due = {f"{box}_due_at": 0 for box in ("in", "out") if row[f"{box}_holder"] is not None}
        return {**row, **due, "in_holder": None, "out_holder": None}
    return row


def recovered(table: str, row: Mapping[str, Any], now: int) -> Mapping[str, Any]:
    """A row of a store that was lost after its backup: nothing waits in it any more."""
    if table == "inbox" and row["state"] == "waiting":
        return {**row, "state": "dead", "reason": REASON, "error": SAID, "ended_at": now}
    if table == "outbox" and row["state"] in _PENDING:
        return {**row, "state": "unconfirmed", "reason": REASON, "error": SENT}
    if table == "session":
        return {**row, "next_message": row["next_message"] + LINES}
    if table == "lane":
        empty = {f"{box}_{column}": None for box in ("in", "out") for column in ("holder", "due_at")}
        return {**row, **empty, "waiting": 0, "pending": 0}
    return row
