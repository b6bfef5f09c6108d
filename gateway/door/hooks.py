"""/c/<channel>: what platforms push to us, and what callers with a key say. The busiest path of the house."""

from urllib.parse import unquote

from aiohttp import web

from gateway.adapter import Call, Reply
from gateway.channel import Channel
from gateway.door.house import House
from gateway.errors import Problem
from gateway.ingress import problems
from gateway.ingress.depth import check
from gateway.ingress.problems import SERVER, WrongMethod

PREFIX = "/c/"
METHODS = ("GET", "HEAD", "POST")


class Hooks:
    """Translates requests to calls of adapters, and their replies to responses."""

    def __init__(self, house: House) -> None:
        self._house = house

    def channel(self, method: str, path: str) -> Channel:
        """The channel that a path names. Raises `Problem`: which channels there are is nobody's business."""
        name = path[len(PREFIX) :]
        channel = self._house.corridor.channels.get(unquote(name) if "%" in name else name)
        if channel is None:
            self._house.intake.check()  # while we start, which channels there are is not known yet
            raise Problem(404, "not_found", "there is nothing here")
        if method not in METHODS:
            raise WrongMethod(*METHODS)
        self._house.intake.check()
        return channel

    async def handle(self, request: web.BaseRequest, channel: Channel) -> web.StreamResponse:
        """Hand a request to the channel's adapter."""
        body = await self._house.bodies.read(request, channel.limits.body)
        return response(await self.take(call(self._house, request, body), channel))

    async def take(self, call: Call, channel: Channel) -> Reply:
        """Hand a call to the channel's adapter. Raises what adapters may."""
        check(call.body)
        reply = await channel.adapter.handle(call)
        if reply.status == 401:
            self._house.corridor.metrics.forged.labels(channel.name).inc()
        trouble = self._house.corridor.trouble
        if reply.status == 503 and not reply.body and trouble is not None:  # adapters need not know why
            return problems.reply(problems.storage(trouble))
        return reply


def call(house: House, request: web.BaseRequest, body: bytes) -> Call:
    """A request as adapters get it."""
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        name = name.lower()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    url = request.rel_url
    query = dict(url.query) if url.raw_query_string else {}
    return Call(request.method, url.path, query, headers, body, house.peer(request))


def response(reply: Reply) -> web.Response:
    """A reply as it goes out."""
    headers = {"Server": SERVER, "Content-Type": reply.type, **reply.headers}
    return web.Response(status=reply.status, body=reply.body, headers=headers)
