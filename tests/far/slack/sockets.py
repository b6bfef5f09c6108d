"""Socket Mode: connections by ticket, envelopes on the youngest of them, and their acknowledgements."""

import asyncio
import secrets
from collections.abc import Callable
from typing import Any

import orjson
from aiohttp import WSMsgType, web

from tests.far.slack.feed import Feed, Happening


class Connection:
    """One socket of the app's."""

    def __init__(self, number: int, socket: web.WebSocketResponse) -> None:
        self.number, self.socket = number, socket
        self.leaving = False
        self.waiting: dict[str, int] = {}  # envelope -> happening


class Sockets:
    """All of them. `log` holds what came to pass, in order: ("open", 1), ("close", 1), ("ack", happening)."""

    def __init__(self, feed: Feed, changed: Callable[[], None]) -> None:
        self._feed, self._changed = feed, changed
        self.tickets: set[str] = set()
        self.connections: list[Connection] = []
        self.log: list[tuple[str, int]] = []
        self.silent = False  # pings are swallowed, and nothing comes any more
        self.mute = False  # no hello
        self.frames: list[dict[str, Any]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def live(self) -> list[Connection]:
        return [one for one in self.connections if not one.leaving]

    def ticket(self) -> str:
        ticket = secrets.token_urlsafe(16)
        self.tickets.add(ticket)
        return ticket

    def push(self, happening: Happening) -> None:
        if self.live and not self.silent:
            self._start(self._send(self.live[-1], happening))

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        """Ask the app to connect anew: what happens from now on is for its new connection."""
        for one in self.live:
            one.leaving = True
            await self._frame(one, {"type": "disconnect", "reason": reason, "debug_info": {"host": "far"}})

    async def cut(self) -> None:
        """End all connections without a word."""
        for one in list(self.connections):
            if one.socket._req is not None and one.socket._req.transport is not None:
                one.socket._req.transport.abort()

    async def send_raw(self, text: str) -> None:
        """Any frame at all."""
        for one in self.live:
            await one.socket.send_str(text)

    async def ping(self) -> None:
        for one in self.live:
            await one.socket.ping(b"Ping from far")

    def resend(self) -> None:
        """Everything that is not acknowledged, once more."""
        for happening in list(self._feed.pending.values()):
            self.push(happening)

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        for one in list(self.connections):
            await one.socket.close()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("ticket") not in self.tickets:
            return web.Response(status=401)
        self.tickets.discard(request.query["ticket"])
        socket = web.WebSocketResponse(autoping=False, timeout=1)
        await socket.prepare(request)
        connection = Connection(1 + sum(what == "open" for what, _ in self.log), socket)
        self.connections.append(connection)
        self.log.append(("open", connection.number))
        self._changed()
        try:
            if not self.mute:
                await self._frame(connection, {"type": "hello", "num_connections": len(self.connections)})
            for happening in list(self._feed.pending.values()):
                for _ in range(happening.copies):
                    await self._send(connection, happening)
            await self._listen(connection)
        finally:
            self.connections.remove(connection)
            self.log.append(("close", connection.number))
            self._changed()
        return socket

    async def _listen(self, connection: Connection) -> None:
        while True:
            message = await connection.socket.receive()
            if message.type == WSMsgType.PING and not self.silent:
                await connection.socket.pong(message.data)
            elif message.type == WSMsgType.TEXT and not self.silent:
                self._heard(connection, message.data)
            elif message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
                return

    def _heard(self, connection: Connection, text: str) -> None:
        frame = orjson.loads(text)
        self.frames.append(frame)
        self._changed()
        number = connection.waiting.pop(frame.get("envelope_id", ""), 0)
        if number:
            self.log.append(("ack", number))
            self._feed.confirm(number)

    async def _send(self, connection: Connection, happening: Happening) -> None:
        envelope = f"{happening.number}-{secrets.token_hex(8)}"
        connection.waiting[envelope] = happening.number
        happening.attempts += 1
        frame = {
            "envelope_id": envelope,
            "type": happening.form,
            "payload": happening.payload,
            "accepts_response_payload": happening.form != "events_api",
        }
        if happening.form == "events_api":
            frame |= {
                "retry_attempt": happening.attempts - 1,
                "retry_reason": "" if happening.attempts == 1 else "timeout",
            }
        await self._frame(connection, frame)

    async def _frame(self, connection: Connection, frame: dict[str, Any]) -> None:
        try:
            await connection.socket.send_str(orjson.dumps(frame).decode())
        except (ConnectionError, RuntimeError):
            return

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
