"""The measure of things: a bare aiohttp relay. Webhook in, POST to the bot, POST to the platform; nothing is kept.

Run as `python -m tests.bench.relay PORT FAR_PORT`.
"""

import sys

import aiohttp
import orjson
import uvloop
from aiohttp import web


def relay(far: str) -> web.Application:
    app = web.Application()

    async def session(app: web.Application):  # type: ignore[no-untyped-def]
        app["http"] = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1000))
        yield
        await app["http"].close()

    async def hook(request: web.Request) -> web.Response:
        update = orjson.loads(await request.read())
        message = update["message"]
        http: aiohttp.ClientSession = request.app["http"]
        asked = orjson.dumps({"type": "message", "message": {"text": message["text"]}, "history": []})
        async with http.post(f"{far}/bot", data=asked, headers=_JSON) as response:
            answer = orjson.loads(await response.read())
        sent = orjson.dumps({"chat_id": message["chat"]["id"], "text": answer["text"]})
        async with http.post(f"{far}/botTOKEN/sendMessage", data=sent, headers=_JSON) as response:
            orjson.loads(await response.read())
        return web.Response()

    app.cleanup_ctx.append(session)
    app.router.add_post("/c/help", hook)
    return app


_JSON = {"Content-Type": "application/json"}

if __name__ == "__main__":
    uvloop.install()
    app = relay(f"http://127.0.0.1:{sys.argv[2]}")
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)
