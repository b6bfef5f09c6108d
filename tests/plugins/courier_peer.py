"""The courier's side: a server that takes messages, and the calls it would make."""

import asyncio
import hashlib
import hmac
from typing import Any, ClassVar

import orjson
from aiohttp import web

from gateway.adapter import Call
from gateway.message import Address
from tests.contract import peer
from tests.contract.peer import WAIT, Fault, Said, Way
from tests.far.backend import end
from tests.far.place import close
from tests.plugins.courier import SIGNATURE

SECRET, KEY, ACCOUNT = "the-secret-that-signs", "the-key-of-the-account", "100"
STATUS: dict[Fault, int] = {
    "throttled": 429,
    "broken": 500,
    "unavailable": 503,
    "rejected": 400,
    "unauthorized": 401,
    "blocked": 403,
    "garbage": 502,
}


class Peer(peer.Peer):
    ways: ClassVar[tuple[Way, ...]] = ("pushed",)
    wire = True
    proof = (SIGNATURE,)
    covers_body = True

    def __init__(self) -> None:
        self.messages: dict[str, str] = {}
        self.called, self.events, self.port = 0, 0, 0
        self.fault: Fault | None = None
        self.closing = asyncio.Event()
        self.runner = web.ServerRunner(
            web.Server(self.serve, handler_cancellation=True, access_log=None), shutdown_timeout=1
        )

    async def start(self) -> None:
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        self.port = self.runner.addresses[0][1]

    async def stop(self) -> None:
        self.closing.set()
        await close(self.runner)

    def options(self, way: Way | None = None) -> dict[str, Any]:
        return {
            "account": ACCOUNT,
            "key": KEY,
            "signing_secret": SECRET,
            "api_base": f"http://127.0.0.1:{self.port}",
        }

    def body(self, said: Said) -> bytes:
        self.events += 1
        sender = "200" if said.by == "user" else ACCOUNT
        return orjson.dumps({"id": f"event-{self.events}", "sender": sender, "text": said.text})

    def call(self, body: bytes, secret: str = "") -> Call:
        signature = hmac.digest((secret or SECRET).encode(), body, hashlib.sha256).hex()
        headers = {"content-type": "application/json", SIGNATURE: signature}
        return Call("POST", "/c/contract", {}, headers, body, "192.0.2.7")

    @property
    def address(self) -> Address:
        return Address(chat="200", user="200")

    def sent(self, where: Address | None = None) -> list[str]:
        return list(self.messages.values())

    def tries(self) -> int:
        return self.called

    async def fail(self, fault: Fault) -> None:
        if fault == "away":
            await self.stop()
        self.fault = fault

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        asked = orjson.loads(await request.read())
        if request.headers["Authorization"] != f"Bearer {KEY}":
            return web.Response(status=401)
        if request.path == "/whoami":
            return web.json_response({"whoami": ACCOUNT})
        self.called += 1
        fault, self.fault = self.fault, None
        if fault in STATUS:
            return web.Response(status=STATUS[fault], headers={"retry-after": str(WAIT)})
        if len(asked["text"].encode()) > 2000:
            return web.Response(status=413)
        if asked["to"] != "200":
            return web.Response(status=404)
        if fault != "reset":
            self.messages[asked["id"]] = asked["text"]
        return await self.answer(request, asked["id"], fault)

    async def answer(self, request: web.BaseRequest, id: str, fault: Fault | None) -> web.StreamResponse:
        if fault is None:
            return web.json_response({"id": id})
        if fault == "accepted_then_silent":
            await self.closing.wait()
        response = web.StreamResponse(headers={"content-length": "1000"})
        if fault == "accepted_then_cut":
            await response.prepare(request)
            await response.write(b'{"id')
        end(request.transport, "reset")
        return response
