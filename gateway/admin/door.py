"""The HTTP side of what operators may do: keys, bodies, answers. The routes themselves are in `routes`."""

from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import structlog
from aiohttp import web

from gateway.admin import routes
from gateway.admin.guard import Guard
from gateway.admin.routes import PREFIX, Document, WrongMethod
from gateway.corridor import Corridor
from gateway.errors import Problem, StorageDown
from gateway.housekeeping import measure
from gateway.ingress import problems
from gateway.ingress.body import Bodies
from gateway.ingress.depth import json_object
from gateway.operations.keys import Holder
from gateway.operations.office import Office
from gateway.reloading import Reloading
from gateway.router import Router
from gateway.settings import Settings

METRICS = "/metrics"
LARGEST_BODY = 64 * 1024
_LOCAL = Holder("", "control socket", "admin")
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_LOOPBACK = ("127.0.0.1", "::1")
_PASSED_ON = ("X-Forwarded-For", "Forwarded", "X-Real-Ip", "Via", "X-Forwarded-Host")

log = structlog.get_logger()


class AdminDoor:
    """Answers everything under /admin/api, and /metrics."""

    def __init__(self, corridor: Corridor, router: Router, settings: Settings) -> None:
        self._office = Office(corridor, router, settings)
        self._guard = Guard(corridor, settings.server.trusted_proxies)
        self._bodies = Bodies()

    def apply(self, settings: Settings) -> None:
        """Other settings are in force from now on."""
        self._office = replace(self._office, settings=settings)
        self._guard.trusted = settings.server.trusted_proxies

    def reloads(self, reloading: Reloading) -> None:
        """Operators may ask for another reading of the configuration."""
        self._office = replace(self._office, reloading=reloading)

    async def handle(self, request: web.BaseRequest, *, trusted: bool) -> web.StreamResponse:
        """Answer a request. `trusted`: it came through the control socket, whose owner may do everything."""
        path = request.rel_url.raw_path
        try:
            if path == METRICS:
                return await self._metrics(request, trusted)
            return await self._api(request, path, trusted)
        except Exception as error:
            problem = problems.caught(error, path)
            response = problems.answer(problem, _advice(problem))
            if request.body_exists and not request.content.at_eof():
                response.force_close()  # the rest of the body is not read
            return response

    async def _api(self, request: web.BaseRequest, path: str, trusted: bool) -> web.StreamResponse:
        holder = _LOCAL if trusted else await self._guard.admit(request)
        inside = path.removeprefix(PREFIX)
        if inside == path or not inside.startswith("/"):
            raise Problem(404, "route_unknown", f"the admin API stands at {PREFIX}/status and beside it")
        route, names = routes.match(request.method, [_decoded(step) for step in inside[1:].split("/")])
        if not routes.may(holder.role, route.role):
            raise self._guard.refuse(request, holder, route.role)
        done = await routes.answer(self._office, route, names, await self._given(request))
        if route.role != "viewer":
            # The names are ids, and the query of an operator may hold words for a user: neither stands here.
            log.info("admin.changed", key=holder.id or holder.name, method=route.method, route=route.path)
        return _answered(done)

    async def _given(self, request: web.BaseRequest) -> dict[str, Any]:
        """The query, and the JSON object of a body; a name stands in one of them, once."""
        given: dict[str, Any] = {}
        for name, value in request.rel_url.query.items():
            if name in given:
                raise Problem(400, "bad_parameter", f"{name[:40]} is given twice")
            given[name] = value
        if request.method in ("POST", "PUT", "PATCH", "DELETE"):
            body = json_object(await self._bodies.read(request, LARGEST_BODY))
            if twice := given.keys() & body.keys():
                raise Problem(400, "bad_parameter", f"{min(twice)[:40]} is given twice")
            given |= body
        return given

    async def _metrics(self, request: web.BaseRequest, trusted: bool) -> web.StreamResponse:
        if request.method not in ("GET", "HEAD"):
            raise WrongMethod("GET")
        if not trusted and not self._scraped_here(request):
            await self._guard.admit(request)
        with suppress(StorageDown):  # then above all somebody should be able to see how we do
            await measure(self._office.corridor)
        text = self._office.corridor.metrics.text()
        headers = {"Server": problems.SERVER, "Cache-Control": "no-store", "Content-Type": _METRICS_TYPE}
        return web.Response(body=text, headers=headers)

    def _scraped_here(self, request: web.BaseRequest) -> bool:
        """A scraper on this machine needs no key: metrics name nobody. But a proxy here, or a page in a browser here
        (by a name of its own for 127.0.0.1), speaks for somebody else."""
        if not self._office.settings.admin.listen.loopback or request.remote not in _LOOPBACK:
            return False
        if any(name in request.headers for name in (*_PASSED_ON, "Origin")):
            return False
        host = request.headers.get("Host", "").lower()
        name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
        return name in (*_LOOPBACK, "localhost")


def _decoded(step: str) -> str:
    try:
        return unquote(step, errors="strict")
    except UnicodeDecodeError:
        raise Problem(400, "bad_path", "the path is no valid UTF-8") from None


def _answered(done: Any) -> web.Response:
    if not isinstance(done, Document):
        return problems.json(done)
    headers = {
        "Server": problems.SERVER,
        "Cache-Control": "no-store",
        "Content-Type": done.type,
        "Content-Disposition": f'attachment; filename="{done.name}"',
        "X-Content-Type-Options": "nosniff",
    }
    return web.Response(body=done.text.encode("utf-8", "replace"), headers=headers)


def _advice(problem: Problem) -> dict[str, str]:
    if isinstance(problem, WrongMethod):
        return {"Allow": problem.allow}
    return {"WWW-Authenticate": 'Bearer realm="chat-gateway"'} if problem.status == 401 else {}
