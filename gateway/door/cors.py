"""What lets pages of other sites, where a channel admits them, read our answers. Never `*`."""

from collections.abc import Iterable

from aiohttp import web

from gateway.ingress.problems import SERVER

ORIGIN = web.RequestKey("origin", str)
"""The origin that was admitted for a request, "" when it came from no browser or from our own pages."""

_ASKED = "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, Prefer, X-Session-Id"
_SHOWN = "Content-Disposition, ETag, Retry-After"
_KEPT = "600"  # seconds


def headers(request: web.BaseRequest) -> dict[str, str]:
    """The headers of an answer to a request."""
    origin = request.get(ORIGIN, "")
    if not origin:
        return {"Vary": "Origin"}
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": _SHOWN, "Vary": "Origin"}


def preflight(request: web.BaseRequest, methods: Iterable[str]) -> web.Response:
    """What a browser asks before it lets a page of another site send a request."""
    allow = ", ".join(methods)
    out = {"Server": SERVER, "Allow": allow, **headers(request)}
    if request.get(ORIGIN, ""):
        out |= {
            "Access-Control-Allow-Methods": allow,
            "Access-Control-Allow-Headers": _ASKED,
            "Access-Control-Max-Age": _KEPT,
        }
    return web.Response(status=204, headers=out)
