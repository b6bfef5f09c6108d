"""The load: updates of many chats over kept-alive connections, as fast as they are taken or at a steady pace."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from itertools import cycle

import orjson

from tests.bench.far import Ledger

SECRET = "bench-secret-bench-secret-bench-secret"


def update(chat: int, number: int, serial: int) -> bytes:
    """One webhook request, as the platform's servers send it."""
    user = {"id": 1000 + chat, "is_bot": False, "first_name": "U", "language_code": "en"}
    message = {
        "message_id": serial,
        "from": user,
        "chat": {"id": 1000 + chat, "first_name": "U", "type": "private"},
        "date": int(time.time()),
        "text": f"m{chat}-{number} and the usual handful of words in a message",
    }
    body = orjson.dumps({"update_id": serial, "message": message})
    head = (
        b"POST /c/help HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b"X-Telegram-Bot-Api-Secret-Token: %b\r\nContent-Length: %d\r\n\r\n"
    )
    return head % (SECRET.encode(), len(body)) + body


class Caller(asyncio.Protocol):
    """One connection: a request, its answer, the next request."""

    def __init__(self) -> None:
        self._waiting: asyncio.Future[bytes] | None = None
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if b"\r\n\r\n" in self._buffer and self._waiting is not None and not self._waiting.done():
            buffer, self._buffer = self._buffer, b""
            self._waiting.set_result(buffer)

    def connection_lost(self, error: Exception | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error or ConnectionResetError())

    async def call(self, request: bytes) -> int:
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)  # type: ignore[attr-defined]
        return int((await self._waiting)[9:12])


class Load:
    """Sends `messages` over `chats`; a chat's next message leaves only after its last one was acknowledged.

    Connections go to the `ports` in turn, as a load balancer's would.
    """

    def __init__(self, ledger: Ledger, ports: Sequence[int], chats: int, messages: int, first_serial: int = 1) -> None:
        self._ledger, self._ports = ledger, cycle(ports)
        self._plan = self._planned(chats, messages, first_serial)
        ledger.expected = messages

    def _planned(self, chats: int, messages: int, serial: int) -> Iterator[tuple[int, int, bytes]]:
        for index in range(messages):
            chat, number = index % chats, index // chats
            yield chat, number, update(chat, number, serial + index)

    async def flat_out(self, connections: int) -> float:
        """As fast as the gateway acknowledges. Returns the seconds until everything was answered."""
        began = time.perf_counter()
        await asyncio.gather(*(self._worker() for _ in range(connections)))
        await self._answered()
        return time.perf_counter() - began

    async def steady(self, rate: float, connections: int) -> None:
        """So many in a second, whatever happens (no coordinated omission)."""
        free: asyncio.Queue[Caller] = asyncio.Queue()
        for _ in range(connections):
            free.put_nowait(await self._connect())
        began, tasks = time.perf_counter(), []
        for index, (chat, number, request) in enumerate(self._plan):
            due = began + index / rate
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            tasks.append(asyncio.ensure_future(self._one(free, chat, number, request, due)))
        await asyncio.gather(*tasks)
        await self._answered()

    async def _answered(self) -> None:
        async with asyncio.timeout(120):
            await self._ledger.all_answered.wait()

    async def _connect(self) -> Caller:
        _, caller = await asyncio.get_running_loop().create_connection(Caller, "127.0.0.1", next(self._ports))
        return caller

    async def _worker(self) -> None:
        caller = await self._connect()
        for chat, number, request in self._plan:
            await self._send(caller, chat, number, request, time.perf_counter())

    async def _one(self, free: "asyncio.Queue[Caller]", chat: int, number: int, request: bytes, due: float) -> None:
        caller = await free.get()
        await self._send(caller, chat, number, request, due)
        free.put_nowait(caller)

    async def _send(self, caller: Caller, chat: int, number: int, request: bytes, due: float) -> None:
        self._ledger.sent[chat, number] = due
        status = await caller.call(request)
        if status == 200:
            self._ledger.acknowledged[chat, number] = time.perf_counter()
