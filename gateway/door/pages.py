"""Pages of channels and the code of the widget: what is served, the adapter knows."""

from aiohttp import web

from gateway.channel import Channel
from gateway.door.hooks import call, response
from gateway.door.house import House, options
from gateway.errors import Problem
from gateway.ingress.problems import WrongMethod


class Pages:
    """Finds the channel whose page or file a path names."""

    def __init__(self, house: House) -> None:
        self._house = house

    def channel(self, path: str) -> Channel | None:
        if path == "/":
            return self._house.front()
        if path.startswith("/widget"):
            # The files are the same for all; settings without a name are those of the page at /.
            visited = self._house.visited()
            return self._house.front() if path == "/widget.json" else next(iter(visited), None)
        wanted = path.rstrip("/")
        return next((one for one in self._house.visited() if options(one).path == wanted), None)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        channel = self.channel(path)
        if channel is None:
            raise Problem(404, "not_found", "there is nothing here")
        if request.method not in ("GET", "HEAD"):
            raise WrongMethod("GET", "HEAD")
        if path != "/" and path.endswith("/"):
            # Links in a page are relative to its path without a slash at the end.
            return web.Response(status=308, headers={"Location": _shorter(path)})
        return response(await channel.adapter.handle(call(self._house, request, b"")))


def _shorter(path: str) -> str:
    return "../" + path.rstrip("/").rpartition("/")[2]
