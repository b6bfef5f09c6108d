"""Where others speak too: the words of one who is erased are blanked, their name and ids taken from what is kept."""

from collections.abc import Sequence

from msgspec.structs import replace

from gateway import history, lanes
from gateway.amending import leave
from gateway.db import Tx
from gateway.erasing import BATCH, count
from gateway.files import records
from gateway.message import Part, decode, encode
from gateway.outbox import leave as not_sent
from gateway.whereabouts import Line, Whom

ERASED = "[erased]"
REASON = "erased"


def blank(who: Whom, said: Sequence[Line]) -> Tx[None]:
    """Their words go, with their files and ratings; that something was said there stays."""
    words = ratings = files = 0
    for session, seq in said[:BATCH]:
        given = yield from history.ratings(session, seq)
        if given is None:
            files += yield from records.forsake((yield from history.files_of(session, seq)))
            rows = yield (
                """UPDATE message SET text = $3, name = '', sender = '', extra = NULL, ref = ''
                     WHERE session = $1 AND seq = $2 AND role = 'user' AND sender <> '' RETURNING 1""",
                (session, seq, ERASED),
            )
            words += len(rows)
        else:
            left = {person: score for person, score in given.items() if person not in who.ids}
            yield from history.rate(session, seq, left)
            ratings += len(given) - len(left)
    for session in {line.session for line in said}:
        # It was made of their words too, and is made anew of what is left.
        yield "UPDATE session SET summary = NULL, summary_upto = 0 WHERE id = $1", (session,)
        yield (
            """UPDATE lane SET version = version + 1, speakers = NULL
                 WHERE id = (SELECT lane FROM session WHERE id = $1)""",
            (session,),
        )
    yield from count(who, {"messages": words, "ratings": ratings, "files": files})


def withdraw(who: Whom, ids: Sequence[int], now: int) -> Tx[list[int]]:
    """What they said in company and is in the inbox. Returns the lanes whose turn in flight is not wanted any more."""
    stopped, gone = [], 0
    for number in ids:
        rows = yield "SELECT lane FROM inbox WHERE id = $1", (number,)
        if not rows:
            continue
        held = yield from lanes.lock_id(rows[0][0])
        # Only now does it stay as it is: whoever answers it, or withdraws it as well, has to lock the lane, too.
        rows = yield "SELECT state, attempts FROM inbox WHERE id = $1 AND participant IS NOT NULL", (number,)
        if not rows:
            continue
        state, attempts = rows[0]
        if held is not None and state == "waiting":
            running = attempts > 0 and held.in_holder is not None
            yield "UPDATE inbox SET state = 'dropped', reason = $2, ended_at = $3 WHERE id = $1", (number, REASON, now)
            yield from leave(held, now, gone=True, running=running)
            stopped += [held.id] if running else []
        if held is not None:
            yield "UPDATE lane SET speakers = NULL WHERE id = $1", (held.id,)
        yield "UPDATE inbox SET body = NULL, raw = NULL, error = NULL, participant = NULL WHERE id = $1", (number,)
        gone += 1
    yield from count(who, {"inbox": gone})
    return stopped


def unaddress(who: Whom, ids: Sequence[int]) -> Tx[None]:
    """What we said in answer to them in company is not sent any more, and names them no longer."""
    gone = 0
    for number in ids:
        rows = yield "SELECT lane, state, body FROM outbox WHERE id = $1 /*FOR UPDATE*/", (number,)
        if not rows:
            continue
        lane, state, body = rows[0]
        waits, part = state in ("ready", "unknown"), decode(Part, body)
        names = part.address.user in who.ids
        gone += waits or names
        if waits:
            yield from not_sent(lane, number, "dropped", REASON)
        if names:
            nobody = replace(part, address=replace(part.address, user=""), reply_to="")
            yield "UPDATE outbox SET body = $2, error = NULL WHERE id = $1", (number, encode(nobody))
    yield from count(who, {"outbox": gone})
