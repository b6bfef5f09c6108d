"""What is left behind when a conversation begins anew: nobody answers it any more, and its history has it still."""

from msgspec.structs import replace

from gateway import history, sessions
from gateway.db import Tx
from gateway.inbox import REQUEUED
from gateway.lanes import Lane
from gateway.message import Inbound, decode
from gateway.result import heard


def leave_behind(lane: Lane, now: int) -> Tx[None]:
    """Supersede a lane's past. What was said and not answered goes into the history, with that flag."""
    rows = yield (
        """SELECT session, turn, body FROM inbox WHERE lane = $1 AND state = 'waiting' AND session IS NOT NULL
             AND COALESCE(reason, '') <> $2 ORDER BY seq""",
        (lane.id, REQUEUED),
    )
    for session, turn, body in rows:
        said = [replace(line, flag="superseded") for line in heard(decode(Inbound, body), turn)]
        yield from history.append(session, said, now, user=False)
    yield from sessions.supersede(lane, now)
