"""Tokens of visitors are taken back: one session's, or all of a person or a channel."""

from typing import Any, Literal

from gateway import tokens
from gateway.errors import Problem
from gateway.live import Event
from gateway.operations.office import Office
from gateway.operations.participants import existing
from gateway.operations.sessions import find

TOGETHER = 1_000  # tokens in one step, so that no turn's commit waits long


async def revoke(office: Office, session: str = "", participant: str = "", channel: str = "") -> Any:
    """From now on these tokens open nothing; whoever came with one begins anew. Exactly one of the three is named.

    The conversations stay as they are. Raises `Problem`.
    """
    if sum(map(bool, (session, participant, channel))) != 1:
        raise Problem(400, "bad_parameter", "name one of them: session, participant or channel")
    c, revoked = office.corridor, 0
    whose: Literal["session", "participant", "channel"] = "channel"
    if session:
        whose, which = "session", (await c.db.read(find, session)).id
    elif participant:
        whose, which = "participant", (await c.db.read(existing, participant)).id
    else:
        which = channel
    while True:
        shut = await c.db.write(tokens.revoke, whose, which, TOGETHER)
        revoked += len(shut)
        for lane, over in shut:
            c.live.publish(lane, Event("closed", {"reason": "revoked"}, 0, over))
        if len(shut) < TOGETHER:
            return {"revoked": revoked}
