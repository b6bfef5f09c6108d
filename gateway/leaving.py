"""What is left behind when a conversation begins anew: nobody answers it any more, and its history has it still."""

from msgspec.structs import replace

from gateway import history, sessions, shown
from gateway.db import Tx
from gateway.inbox import REQUEUED
from gateway.lanes import Lane
from gateway.message import Inbound, decode
from gateway.result import heard


def leave_behind(lane: Lane, now: int) -> Tx[None]:
    """Supersede a lane's past. What was said and not answered goes into the history, with that flag; what was shown of
    an answer goes.
    """
    rows = yield (
        """SELECT session, turn, body, COALESCE(reason, '') FROM inbox WHERE lane = $1 AND state = 'waiting'
             AND session IS NOT NULL ORDER BY seq""",
        (lane.id,),
    )
    left = [(session, turn, decode(Inbound, body), reason) for session, turn, body, reason in rows]
    for session, turn, inbound, reason in left:
        if reason != REQUEUED:
            said = [replace(line, flag="superseded") for line in heard(inbound, turn)]
            yield from history.append(session, said, now, user=False)
    yield from sessions.supersede(lane, now)
    for session, turn, inbound, _ in left:
        yield from shown.remove(lane.id, session, turn, inbound, now)
