"""Somebody else's site that embeds the widget, under the strictest policy it could have."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import escape

from aiohttp import web

from tests.far.place import close

PAGE = """<!doctype html>
<html lang="en"><head><title>Shop</title></head>
<body><h1>Shop</h1><p><a href="/second">Second page</a></p><button>Buy</button>
<script src="{gateway}/widget.js" {extra} async></script>
</body></html>"""

FRAME = """<!doctype html>
<html lang="en"><head><title>Frame</title></head><body><iframe src="{gateway}/" title="Chat"></iframe></body></html>"""


@asynccontextmanager
async def shop(gateway: str, host: str) -> AsyncIterator[str]:
    """Serves the shop on a free port; yields its origin. `?user_token=` is who has signed in there.

    At `/default` the script names no channel. At `/nonce` the policy names no host for scripts, but trusts one by its
    nonce, and what that one loads.
    """
    rest = f"connect-src {gateway}; frame-src {gateway}; require-trusted-types-for 'script'; trusted-types 'none'"

    async def page(request: web.Request) -> web.Response:
        by_nonce = request.path == "/nonce"
        scripts = "'nonce-4f2a' 'strict-dynamic'" if by_nonce else gateway
        signed = request.query.get("user_token", "")
        extra = (' nonce="4f2a"' if by_nonce else "") + (f' data-user-token="{escape(signed)}"' if signed else "")
        extra += "" if request.path == "/default" else ' data-channel="site"'
        text = (FRAME if request.path == "/frame" else PAGE).format(gateway=gateway, extra=extra)
        policy = {"Content-Security-Policy": f"default-src 'none'; script-src {scripts}; {rest}"}
        return web.Response(text=text, content_type="text/html", headers=policy)

    app = web.Application()
    app.router.add_get("/{path:.*}", page)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    try:
        yield f"http://{host}:{port}"
    finally:
        await close(runner)
