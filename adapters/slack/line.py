"""One WebSocket of Socket Mode, from hello to its end."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import aiohttp
import orjson

from adapters.slack.intake import Found, Intake, parse
from gateway.adapter import Gate
from gateway.backoff import backoff
from gateway.errors import StorageDown

HEARTBEAT = 15.0  # seconds between our pings; the connection is lost when half of it passes without an answer
_GONE = (OSError, aiohttp.ClientError, RuntimeError)
_BATCH = 100
_WAITING = 1000


class _Held(NamedTuple):
    """One of Slack's envelopes, unanswered yet."""

    id: str
    data: dict[str, Any]
    raw: bytes


class Line:
    """Hears one connection. What comes is taken in the order in which it came, and acknowledged once on disk."""

    def __init__(
        self, gate: Gate, intake: Intake, socket: aiohttp.ClientWebSocketResponse, up: Callable[[], None]
    ) -> None:
        self._gate, self._intake, self._socket, self._up = gate, intake, socket, up
        self._queue: asyncio.Queue[_Held | None] = asyncio.Queue(_WAITING)
        self.leaving = asyncio.Event()  # Slack asks us to connect anew, or the connection is gone
        self.reason = ""
        self.hello = False

    async def hear(self) -> None:
        """Hear until the connection ends. Raises nothing but a cancellation."""
        try:
            async with asyncio.TaskGroup() as both:
                taking = both.create_task(self._take())
                await self._listen()
                taking.cancel()
        finally:
            self.leaving.set()
            await self._socket.close()

    async def leave(self) -> None:
        """Hang up once all that has come is acknowledged; a connection that has ended meanwhile is left as it is."""
        try:
            self._queue.put_nowait(None)
        except asyncio.QueueFull:
            await self._socket.close()

    async def _listen(self) -> None:
        while True:
            try:
                message = await self._socket.receive()
            except _GONE:
                return
            match message.type:
                case aiohttp.WSMsgType.TEXT:
                    await self._read(message.data.encode("utf-8", "replace"))
                case aiohttp.WSMsgType.PING:
                    with suppress(*_GONE):
                        await self._socket.pong(message.data)
                case aiohttp.WSMsgType.PONG | aiohttp.WSMsgType.BINARY:
                    pass
                case _:
                    return
            self._gate.heard()

    async def _read(self, raw: bytes) -> None:
        data = parse(raw) or {}
        kind, envelope = data.get("type"), data.get("envelope_id")
        if kind == "hello":
            self.hello = True
            self._up()
        elif kind == "disconnect":
            self.reason = str(data.get("reason", ""))[:100]
            self.leaving.set()
        elif isinstance(envelope, str):
            await self._queue.put(_Held(envelope, data, raw))

    async def _take(self) -> None:
        while (first := await self._queue.get()) is not None:
            batch, last = [first], False
            while not self._queue.empty() and len(batch) < _BATCH and not last:
                held = self._queue.get_nowait()
                if held is None:
                    last = True
                else:
                    batch.append(held)
            found = await asyncio.gather(*(self._mean(held.data) for held in batch))
            await self._store([(one, held.raw) for one, held in zip(found, batch, strict=True) if one is not None])
            for held in batch:
                with suppress(*_GONE):  # what it got no word on Slack sends again
                    await self._socket.send_str(orjson.dumps({"envelope_id": held.id}).decode())
            if last:
                break
        await self._socket.close()

    async def _store(self, found: list[tuple[Found, bytes]]) -> None:
        """Insist: until it is on disk nothing is acknowledged, and nothing behind it is taken."""
        failures = 0
        while True:
            try:
                await self._intake.take(found)
                break
            except StorageDown as error:
                failures += 1
                self._gate.health("retrying", str(error))
                await self._gate.pause(backoff(failures, longest=30))
        if failures:
            self._up()

    async def _mean(self, data: dict[str, Any]) -> Found | None:
        """What an envelope holds. Slack's own notes besides events are acknowledged and let go."""
        payload = data.get("payload")
        if not isinstance(payload, dict):
            return None
        match data.get("type"):
            case "events_api":
                return await self._intake.event(payload)
            case "slash_commands":
                return await self._intake.slash(payload)
            case "interactive":
                return await self._intake.interactive(payload)
        return None
