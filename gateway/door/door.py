"""The public door: which room answers which request, and what a caller is told when none can."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from gateway.door import cors
from gateway.door.access import Access
from gateway.door.beginning import Beginnings
from gateway.door.callers import Callers
from gateway.door.chat import Chat
from gateway.door.hooks import PREFIX as HOOKS
from gateway.door.hooks import Hooks
from gateway.door.house import House
from gateway.door.openapi import OpenApi
from gateway.door.opinions import Opinions
from gateway.door.pages import Pages
from gateway.door.record import Record
from gateway.door.sockets import Sockets
from gateway.door.steering import Steering
from gateway.door.stream import Streams
from gateway.door.uploads import Uploads
from gateway.errors import Problem
from gateway.files.links import PREFIX as FILES
from gateway.ingress import problems
from gateway.ingress.problems import WrongMethod
from gateway.probes import PATHS, Probes

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

OPENAPI = "/api/openapi.json"


class Door:
    """Answers every request of the public listener."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._access = access = Access(house)
        self._probes = Probes(house.corridor.db, house.intake, house.corridor.disk, house.spooled, house.corridor.redis)
        self.hooks, self._pages = Hooks(house), Pages(house)
        beginnings = Beginnings(house, access)
        self._callers = Callers(house, access, beginnings)
        self.uploads = Uploads(house, access)
        self.routes = _routes(house, access, beginnings, self.uploads)
        self.routes[OPENAPI] = {"GET": OpenApi(self.routes).get}

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request, whatever it is."""
        try:
            path = request.rel_url.raw_path
            if path.startswith(HOOKS):
                return await self._hook(request)
            if path.startswith("/api/"):
                return await self._api(request, path)
            if path.startswith(FILES):
                return await self.uploads.give(request)
            if path in PATHS:
                return await self._probes.handle(request)
            return await self._pages.handle(request)
        except Exception as error:
            return told(request, error)

    async def _hook(self, request: web.BaseRequest) -> web.StreamResponse:
        channel = self.hooks.channel(request.method, request.rel_url.raw_path)
        if channel.limits.door == "callers":
            return await self._callers.handle(request, channel)
        return await self.hooks.handle(request, channel)

    async def _api(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        """A route of the API; pages of sites that a channel admits may read the answer, whatever it is."""
        methods = self.routes.get(path)
        if methods is None:
            raise Problem(404, "not_found", "there is nothing here")
        request[cors.ORIGIN] = self._access.origin(request)
        if request.method == "OPTIONS":
            return cors.preflight(request, methods)
        if request.method not in methods:
            return problems.answer(WrongMethod(*methods), cors.headers(request))
        try:
            if path != OPENAPI:
                self._house.intake.check()
            response = await methods[request.method](request)
        except Exception as error:
            response = told(request, error)
        if not response.prepared:
            response.headers.update(cors.headers(request))
        return response


def _routes(house: House, access: Access, beginnings: Beginnings, uploads: Uploads) -> dict[str, dict[str, Handler]]:
    """Every route of the API besides its own description: path -> method -> what answers it."""
    chat, record, steering = Chat(house, access, uploads), Record(house, access), Steering(house, access)
    return {
        "/api/session": {"GET": record.get, "POST": beginnings.post},
        "/api/session/reset": {"POST": steering.reset},
        "/api/session/end": {"POST": steering.end},
        "/api/session/feedback": {"POST": Opinions(house, access).post},
        "/api/session/variables": {"PATCH": steering.variables},
        "/api/session/export": {"GET": record.export},
        "/api/chat": {"GET": chat.get, "POST": chat.post},
        "/api/chat/files": {"POST": uploads.post},
        "/api/chat/turn": {"DELETE": steering.stop},
        "/api/chat/events": {"GET": Streams(house, access).get},
        "/api/chat/ws": {"GET": Sockets(house, access).get},
    }


def told(request: web.BaseRequest, error: Exception) -> web.StreamResponse:
    """The answer to an error. Where an answer has begun already, the connection is cut instead."""
    problem = problems.caught(error, request.path)
    if request.writer.output_size > 0:
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionResetError("the answer had begun") from error
    return problems.answer(problem)
