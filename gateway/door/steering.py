"""Commands that have a route of their own: reset, end, stop; and the variables of a session."""

import uuid
from collections.abc import Callable

from aiohttp import web
from msgspec.structs import replace

from gateway import commands
from gateway.db import Tx
from gateway.door import variables
from gateway.door.access import Access, Visit, claimed
from gateway.door.bodies import read_object
from gateway.door.chat import place
from gateway.door.house import House
from gateway.door.renewal import Renewal
from gateway.door.saying import refused
from gateway.errors import Problem
from gateway.ingress import problems
from gateway.intake import Accepted, Effect, Outcome, Scene
from gateway.message import Inbound
from gateway.permission import permitted


class Steering:
    """What a visitor does to their session besides talking."""

    def __init__(self, house: House, access: Access) -> None:
        self._house, self._access = house, access

    async def reset(self, request: web.BaseRequest) -> web.StreamResponse:
        """Everything before is left behind; the answer holds the new session and its token."""
        visit = await self._enter(request)
        renewal = Renewal(visit)
        accepted = await self._command(visit, "reset", renewal.with_command)
        return problems.json(renewal.told(self._house, accepted)["session"])

    async def end(self, request: web.BaseRequest) -> web.StreamResponse:
        visit = await self._enter(request)
        await self._command(visit, "end", lambda effect: effect)
        return problems.json({"session_id": visit.held.session, "state": "closed", "reason": "user"})

    async def stop(self, request: web.BaseRequest) -> web.StreamResponse:
        """Cancel the answer being made, without a word about it. 409 when none is."""
        visit = await self._enter(request)
        accepted = await self._command(visit, "stop", _quietly)
        return problems.json({"session_id": accepted.session, "stopped": True})

    async def variables(self, request: web.BaseRequest) -> web.StreamResponse:
        """Set the named variables; null deletes one."""
        visit = await self._access.visit(request)
        changes = variables.named(await read_object(self._house, request))
        largest = visit.channel.settings.limits.variables
        held = visit.held
        kept = await self._house.corridor.db.write(variables.change, held.lane, held.session, changes, largest)
        return problems.json({"variables": kept})

    async def _enter(self, request: web.BaseRequest) -> Visit:
        visit = await self._access.visit(request)
        claimed(visit, await read_object(self._house, request))
        return visit

    async def _command(self, visit: Visit, name: str, then: Callable[[Effect], Effect | None]) -> Accepted:
        """Run a command as if it had been written. Raises `Problem` when it may not be."""
        here, say = place(visit), visit.channel.say(visit.held.language)
        inbound = Inbound(
            channel=here.channel.name,
            account=here.channel.account,
            ids=(f"{here.session}:{uuid.uuid4().hex}",),
            address=here.address,
            text=f"{here.channel.prefixes[:1]}{name}",
            sender=here.sender,
            sent_at=self._house.now,
        )
        if not permitted(here.channel.settings.commands.allow.get(name, "anyone"), inbound):
            raise Problem(403, "not_allowed", "this user may not do that")
        effect = then(commands.effect(name, commands.Asked(say)))
        accepted = await self._house.router.receive(here.channel, inbound, also=lambda _: effect, only=here.session)
        if accepted.outcome != "stored":
            raise refused(here.channel, accepted.outcome)
        return accepted


def _quietly(effect: Effect) -> Effect:
    def act(scene: Scene) -> Tx[Outcome]:
        outcome = yield from effect(scene)
        if outcome.interrupted is None:
            raise Problem(409, "nothing_to_stop", "no answer is being made")
        return replace(outcome, said=())

    return act
