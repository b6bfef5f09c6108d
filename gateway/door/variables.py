"""The variables of a session, as clients of the door set them: when it begins, and later."""

from collections.abc import Mapping
from typing import Any

import orjson

from gateway.bots.reply import READ_ONLY, VARIABLE
from gateway.db import Tx
from gateway.ending import merged
from gateway.errors import Problem
from gateway.sessions import OPEN


def named(changes: Mapping[str, Any]) -> Mapping[str, Any]:
    """The changes, if each is of something that may be a variable's name. Raises `Problem`."""
    for name in changes:
        if not VARIABLE.fullmatch(name):
            raise Problem(400, "variable_name", f"{name[:80]!r} is no name for a variable")
        if name.partition(".")[0] in READ_ONLY:
            raise Problem(400, "variable_read_only", f"{name} is a fact of the gateway's and cannot be set")
    return changes


def change(lane: int, session: str, changes: Mapping[str, Any], largest: int) -> Tx[dict[str, Any]]:
    """Change a session's variables, all of it or nothing. Raises `Problem` when it is over, or they grow too large."""
    # Whoever holds a copy of the session in memory reads it again.
    yield "UPDATE lane SET version = version + 1 WHERE id = $1", (lane,)
    rows = yield f"SELECT variables FROM session WHERE id = $1 AND state IN {OPEN} /*FOR UPDATE*/", (session,)
    if not rows:
        raise Problem(410, "session_closed", "this session is over; begin a new one")
    variables = merged(orjson.loads(rows[0][0]), changes)
    text = orjson.dumps(variables)
    if len(text) > largest:
        raise Problem(413, "variables_too_large", f"a session's variables may hold at most {largest} bytes of JSON")
    yield "UPDATE session SET variables = $2 WHERE id = $1", (session, text.decode())
    return variables
