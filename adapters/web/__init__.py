"""The web channel: its page, its widget, and who may embed them.

What people say comes in by the public API of the gateway, not through `handle`; what bots say is read from the
store by the same API. So this adapter only declares what a browser can do and serves the browser's side.
"""

from http import HTTPStatus
from typing import ClassVar

import orjson

from adapters.web import page
from adapters.web.assets import Asset, find
from adapters.web.assets import assets as assets
from adapters.web.options import Options as WebOptions
from adapters.web.origins import admits
from gateway.adapter import Adapter as Base
from gateway.adapter import Boundary, Call, Gate, Limits, Reply
from gateway.message import Part


class Adapter(Base):
    """`GET` of the channel's path is the page, of `/widget...` the code, of anything else the widget's settings."""

    Options = WebOptions
    limits = Limits(
        text=1_000_000,
        dialect="tree",
        typing=30,
        many_sessions=True,
        buttons=True,
        files_in=10 * 1_048_576,
        files_out=10 * 1_048_576,
        resend_is_safe=True,
        pulled=True,
        door="visitors",
    )
    boundary: ClassVar[Boundary] = {"conversation": "conversation"}

    def __init__(self, name: str, options: WebOptions, gate: Gate) -> None:
        super().__init__(name, options, gate)
        self.settings = page.settings(name, options, files=self.limits.files_in > 0)
        self._html = Asset(page.html(self.settings, options.path or f"/{name}"), "text/html; charset=utf-8")
        self._json = Asset(orjson.dumps(self.settings), "application/json")

    def admits(self, origin: str, host: str = "") -> bool:
        """Whether pages of `origin` (an `Origin` header) may use this channel, itself standing at `host`."""
        return admits(self.options.origins, origin, (self.gate.public_url, f"http://{host}", f"https://{host}"))

    async def handle(self, call: Call) -> Reply:
        if call.method not in ("GET", "HEAD"):
            return Reply(405, headers={"allow": "GET, HEAD"})
        if call.path in ("/", self.options.path):
            return self._html.reply(call, page.headers(self.options.origins))
        if call.path.startswith("/widget") and call.path != "/widget.json":
            asset = find(call.path)
            return asset.reply(call) if asset else problem(404, "not_found", "There is no such file.")
        return self._settings(call)

    def _settings(self, call: Call) -> Reply:
        origin = call.headers.get("origin", "")
        if origin and not self.admits(origin, call.headers.get("host", "")):
            detail = f"Pages of {origin} may not embed this chat: the channel's `origins` do not name it."
            return problem(403, "origin_refused", detail)
        allow = {"access-control-allow-origin": origin} if origin else {}
        return self._json.reply(call, {**allow, "vary": "Origin"})

    async def send(self, part: Part) -> str:
        """Browsers read the history themselves (`limits.pulled`): a part has arrived as soon as it is stored."""
        return part.id


def problem(status: int, code: str, detail: str) -> Reply:
    """An RFC 9457 answer."""
    title = HTTPStatus(status).phrase
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, "code": code}
    return Reply(status, orjson.dumps(body), "application/problem+json")
