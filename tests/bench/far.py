"""The far end of the benchmark: a bot that answers at once and a platform that takes every message.

It shares one process with the load, so that it can tell when a message was sent, acknowledged and answered. It is
written on plain asyncio protocols to leave the machine to what is being measured.
"""

import asyncio
import re
import time
from collections import defaultdict
from itertools import pairwise

import orjson

_LENGTH = re.compile(rb"content-length:\s*(\d+)", re.IGNORECASE)
_TOLD = re.compile(r"m(\d+)-(\d+)")


class Ledger:
    """When each message of each chat was sent, acknowledged, and answered; chats and messages count from 0."""

    def __init__(self) -> None:
        self.renewed()

    def renewed(self) -> "Ledger":
        """The same ledger with nothing in it."""
        self.sent: dict[tuple[int, int], float] = {}
        self.acknowledged: dict[tuple[int, int], float] = {}
        self.answered: dict[tuple[int, int], float] = {}
        self.order: defaultdict[int, list[int]] = defaultdict(list)
        self.all_answered = asyncio.Event()
        self.expected = 0
        return self

    def answer(self, text: str) -> None:
        if (told := _TOLD.search(text)) is None:
            return
        chat, number = int(told[1]), int(told[2])
        self.order[chat].append(number)
        self.answered.setdefault((chat, number), time.perf_counter())
        if len(self.answered) >= self.expected:
            self.all_answered.set()

    @property
    def lost(self) -> int:
        return sum(key not in self.answered for key in self.acknowledged)

    @property
    def doubled(self) -> int:
        return sum(len(seen) - len(set(seen)) for seen in self.order.values())

    @property
    def disordered(self) -> int:
        return sum(later < earlier for seen in self.order.values() for earlier, later in pairwise(seen))


class Served(asyncio.Protocol):
    """One kept-alive connection to the far end. A request is answered as soon as its body is there."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            found = _LENGTH.search(self._buffer, 0, end)
            whole = end + 4 + (int(found[1]) if found else 0)
            if len(self._buffer) < whole:
                return
            line, body = self._buffer[: self._buffer.index(b"\r\n")], self._buffer[end + 4 : whole]
            self._buffer = self._buffer[whole:]
            self._transport.write(_reply(self._answer(line, body)))  # type: ignore[attr-defined]

    def _answer(self, line: bytes, body: bytes) -> bytes:
        if b"/bot " in line:
            text: str = orjson.loads(body)["message"]["text"]
            return b'{"text":"echo ' + text.encode() + b'"}'
        if b"sendMessage" in line:
            told = orjson.loads(body)
            self._ledger.answer(told["text"])
            return b'{"ok":true,"result":{"message_id":1,"date":1,"chat":{"id":1,"type":"private"}}}'
        if b"getMe" in line:
            return (
                b'{"ok":true,"result":{"id":1,"is_bot":true,"first_name":"b","username":"benchbot",'
                b'"can_join_groups":true,"can_read_all_group_messages":false,"supports_inline_queries":false}}'
            )
        return b'{"ok":true,"result":true}'


def _reply(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % len(body) + body


async def serve(ledger: Ledger) -> tuple[asyncio.Server, int]:
    """Start the far end; returns its server and port."""
    server = await asyncio.get_running_loop().create_server(lambda: Served(ledger), "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]
