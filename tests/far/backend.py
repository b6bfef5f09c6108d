"""The far end of a bot, on loopback: a backend and a language model that record every call and fail on request."""

import asyncio
import re
import socket
import struct
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import orjson
from aiohttp import web

from tests.far.place import close

End = Literal["whole", "cut", "reset", "hang"]


@dataclass(frozen=True)
class Call:
    """A request as it arrived. Header names are lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    raw: bytes

    @property
    def document(self) -> Any:
        return orjson.loads(self.raw)


@dataclass(frozen=True)
class Reply:
    """What to answer. Chunks are sent one by one; then the body ends, is cut off, or never ends."""

    chunks: Sequence[bytes] = ()
    type: str = "application/json"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    end: End = "whole"
    length: bool = True  # whether the head tells the length; a cut body always claims more than it has
    before: Callable[[int], Any] | None = None  # awaited before chunk n, if it returns something to await


def as_json(document: Any, **more: Any) -> Reply:
    return Reply([orjson.dumps(document)], **more)


def as_text(text: str, type: str = "text/plain; charset=utf-8", **more: Any) -> Reply:
    return Reply([text.encode()], type, **more)


def as_events(*documents: Any, done: bool = True, **more: Any) -> Reply:
    """Server-sent events, one chunk each, ended by `[DONE]`."""
    events = [b"data: " + orjson.dumps(document) + b"\n\n" for document in documents]
    return Reply(events + [b"data: [DONE]\n\n"] * done, "text/event-stream", length=False, **more)


def as_lines(*documents: Any, done: bool = True, **more: Any) -> Reply:
    lines = [orjson.dumps(document) + b"\n" for document in documents]
    return Reply(lines + [b"[DONE]\n"] * done, "application/x-ndjson", length=False, **more)


def fails(status: int, body: str = "", **headers: str) -> Reply:
    return as_text(body, status=status, headers={name.replace("_", "-"): value for name, value in headers.items()})


class Backend:
    """Answers with the planned replies in turn, then with what `answer` says of the call."""

    path = "/chat"

    def __init__(self, answer: Callable[[Call], Any] | None = None) -> None:
        self.calls: list[Call] = []
        self.aborted = asyncio.Event()  # a caller went away before its answer was complete
        self.answer = answer or self.usual
        self._plan: deque[Any] = deque()
        self._stopping = asyncio.Event()
        self._port = 0
        self._runner = web.ServerRunner(web.Server(self._handle, handler_cancellation=True))

    def usual(self, call: Call) -> Any:
        return {"text": f"You said: {call.document['message']['text']}"}

    def plan(self, *replies: Any) -> None:
        """Use these next, one a call."""
        self._plan.extend(replies)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}{self.path}"

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopping.set()
        await close(self._runner)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        call = Call(request.method, request.path_qs, headers, await request.read())
        self.calls.append(call)
        reply = self._plan.popleft() if self._plan else self.answer(call)
        try:
            return await self._send(request, reply if isinstance(reply, Reply) else _reply(reply))
        except asyncio.CancelledError:
            self.aborted.set()
            raise

    async def _send(self, request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
        response = web.StreamResponse(status=reply.status, headers={**reply.headers, "Content-Type": reply.type})
        if reply.length:
            response.content_length = sum(map(len, reply.chunks)) + (reply.end != "whole")
        if reply.end == "hang" and not reply.chunks:
            await self._stopping.wait()
        await response.prepare(request)
        for n, chunk in enumerate(reply.chunks):
            if reply.before and (pause := reply.before(n)):
                await pause
            await response.write(chunk)
        if reply.end == "hang":
            await self._stopping.wait()
        if reply.end in ("cut", "reset"):
            end(request.transport, reply.end)
            return response
        await response.write_eof()
        return response


def _reply(answer: Any) -> Reply:
    if answer is None:
        return Reply(status=204, length=False)
    return as_text(answer) if isinstance(answer, str) else as_json(answer)


def end(transport: Any, how: str) -> None:
    """End a connection: with a clean FIN, or with a reset."""
    if how == "reset":
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    else:
        transport.close()


class Model(Backend):
    """A language model with the chat completions API: says its lines in order, word by word."""

    path = "/v1"

    def usual(self, call: Call) -> Any:
        if call.path.endswith("/models"):
            return {"object": "list", "data": [{"id": "llama", "object": "model"}]}
        return completion("You said: " + call.document["messages"][-1]["content"])


def chunk(delta: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "llama", "choices": [choice]}


def completion(text: str, finish: str | None = "stop", *, done: bool = True, **more: Any) -> Reply:
    """A streamed completion as such servers send it: role, words, reason, usage, end."""
    words = [chunk({"content": word + " "}) for word in text.split(" ")]
    words[-1]["choices"][0]["delta"]["content"] = text.rsplit(" ", maxsplit=1)[-1]
    usage = {"id": "c-1", "object": "chat.completion.chunk", "choices": [], "usage": {"total_tokens": 9}}
    return as_events(chunk({"role": "assistant", "content": ""}), *words, chunk({}, finish), usage, done=done, **more)


class RawPeer:
    """A server that answers every request with given bytes, whatever they are, and then ends the connection."""

    def __init__(self) -> None:
        self.send = b""
        self.end = "cut"
        self.pauses: Sequence[float] = ()
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if found := re.search(rb"content-length: *(\d+)", head.lower()):
            await reader.readexactly(int(found[1]))
        writer.write(self.send)
        try:
            await writer.drain()
        except ConnectionError:
            return
        end(writer.transport, self.end)
