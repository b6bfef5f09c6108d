"""POST /api/session/feedback: what a visitor thinks of an answer, and whether their question is settled."""

from typing import Any

from aiohttp import web

from gateway import sessions
from gateway.door.access import Access, Visit, claimed
from gateway.door.bodies import read_object
from gateway.door.house import House
from gateway.errors import Problem
from gateway.ingress import problems
from gateway.live import Event

SCORES = (1, -1, 0)  # good, bad, and a rating taken back
_LARGEST = 10**15


class Opinions:
    """Takes ratings of answers, and the word that a conversation has done its work."""

    def __init__(self, house: House, access: Access) -> None:
        self._house, self._access = house, access

    async def post(self, request: web.BaseRequest) -> web.StreamResponse:
        """`{seq, score}` rates an answer, `{resolved}` the conversation: one that is resolved is over."""
        visit = await self._access.visit(request)
        body = await read_object(self._house, request)
        claimed(visit, body)
        wanted = body.keys() - {"session_id"}
        if wanted == {"seq", "score"}:
            return problems.json(await self._rate(visit, body["seq"], body["score"]))
        if wanted == {"resolved"}:
            return problems.json(await self._resolve(visit, body["resolved"]))
        raise Problem(400, "invalid_feedback", "send either seq and score, or resolved")

    async def _rate(self, visit: Visit, seq: Any, score: Any) -> dict[str, Any]:
        if type(seq) is not int or not 0 < seq < _LARGEST:
            raise Problem(400, "invalid_seq", "seq must be the number of a message")
        if type(score) is not int or score not in SCORES:
            raise Problem(400, "invalid_score", "score must be 1, -1, or 0 to take a rating back")
        held, feedback = visit.held, self._house.router.feedback
        if not await feedback.rate(visit.channel, held.lane, held.session, seq, held.person, score):
            raise Problem(404, "unknown_message", "this session has no such answer")
        return {"seq": seq, "score": score}

    async def _resolve(self, visit: Visit, resolved: Any) -> dict[str, Any]:
        if type(resolved) is not bool:
            raise Problem(400, "invalid_resolved", "resolved must be true or false")
        c, held = self._house.corridor, visit.held
        if not await c.db.write(sessions.resolve, held.session, resolved, "user", self._house.now):
            raise Problem(410, "session_closed", "this session is over; begin a new one")
        if resolved:
            c.memory.forget_session(held.session)
            c.live.publish(held.lane, Event("closed", {"reason": "resolved"}, 0, held.session))
        return {"session_id": held.session, "resolved": resolved}
