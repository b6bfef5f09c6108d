"""A whole gateway in this process, reached as the world reaches it: by HTTP on a free port of the loopback."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp

from gateway.bot import Delta, Piece, Progress
from gateway.daemon import Daemon
from gateway.db import Rows, Tx
from gateway.errors import BotBroken
from gateway.message import Turn
from gateway.settings import load
from tests.aid import aided
from tests.kit import Ticking
from tests.patience import PATIENCE
from tests.postgres import stored

YAML = """
server: {listen: "127.0.0.1:0"}
admin: {listen: "127.0.0.1:0"}
storage: {url: sqlite:///gateway.db, files: files}
bots:
  echo: {kind: python, call: tests.doors:echo}
  scripted: {kind: python, call: tests.doors:scripted}
channels:
  site: {platform: web, bot: echo, default: true, limits: {messages: off}}
  talk: {platform: web, bot: scripted, limits: {messages: off}, origins: ["https://example.org"]}
  partners: {platform: api, bot: echo, limits: {messages: off}}
"""

Script = Callable[[Turn], AsyncIterator[Piece]]
_script: list[Script] = []
"""What `scripted` does, set by the test that runs."""


async def echo(turn: Turn) -> str:
    return f"echo: {turn.message.text}"


async def farewell(turn: Turn) -> dict[str, Any]:
    return {"text": "Farewell!", "end_session": True}


async def fails(turn: Turn) -> str:
    raise BotBroken("it always does")


async def scripted(turn: Turn) -> AsyncIterator[Piece]:
    async for piece in _script[-1](turn):
        yield piece


def script(answers: Script) -> None:
    """Have `scripted` do this."""
    _script.append(answers)


class Held:
    """A bot that writes when the test says so."""

    def __init__(self) -> None:
        self.pieces: asyncio.Queue[str | None] = asyncio.Queue()
        self.turns: list[Turn] = []
        script(self._answer)

    async def _answer(self, turn: Turn) -> AsyncIterator[Piece]:
        self.turns.append(turn)
        while (piece := await self.pieces.get()) is not None:
            yield Progress(piece[1:]) if piece.startswith("~") else Delta(piece)

    def write(self, *pieces: str) -> None:
        for piece in pieces:
            self.pieces.put_nowait(piece)

    def finish(self) -> None:
        self.pieces.put_nowait(None)


class Answer(NamedTuple):
    """A response, read."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """Of a problem; anything else is no problem."""
        assert self.headers["content-type"] == "application/problem+json", self.body
        found = self.json
        assert found["status"] == self.status
        assert found["title"]
        assert found["detail"]
        return str(found["code"])


class Event(NamedTuple):
    """One server-sent event."""

    event: str
    data: Any
    id: str


BEAT = Event("beat", None, "")


class Gateway:
    """A running daemon and a client for it."""

    def __init__(self, daemon: Daemon, clock: Ticking, http: aiohttp.ClientSession) -> None:
        self.daemon, self.clock, self.http = daemon, clock, http

    @property
    def house(self) -> Any:
        return self.daemon.servers.house

    @property
    def url(self) -> str:
        return self.daemon.servers.public

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    async def ask(self, method: str, path: str, body: Any = None, token: str = "", **more: Any) -> Answer:
        headers = dict(more.pop("headers", {}))
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if body is not None:
            more["json"] = body
        async with self.http.request(method, self.url + path, headers=headers, **more) as response:
            named = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, named, await response.read())

    async def begin(self, channel: str | None = None, **more: Any) -> "Visitor":
        body = {"channel": channel, **more} if channel else more
        answer = await self.ask("POST", "/api/session", body)
        assert answer.status == 201, answer.body
        return Visitor(self, answer.json)

    async def rows(self, sql: str, *args: Any) -> Rows:
        def query() -> Tx[Rows]:
            return (yield sql, args)

        return await self.daemon.corridor.db.read(query)

    async def until_rows(self, wanted: Any, sql: str, *args: Any) -> None:
        """Wait until the store holds something."""
        async with asyncio.timeout(PATIENCE):
            while await self.rows(sql, *args) != wanted:
                await asyncio.sleep(0.005)

    async def until(self, seen: Callable[[], bool]) -> None:
        """Wait for something to be so; how long the machine takes does not matter."""
        async with asyncio.timeout(PATIENCE):
            while not seen():
                await asyncio.sleep(0.002)


class Visitor:
    """Somebody with a session."""

    def __init__(self, gateway: Gateway, session: dict[str, Any]) -> None:
        self.gateway, self.begun = gateway, session
        self.token, self.session = str(session["token"]), str(session["session_id"])

    async def ask(self, method: str, path: str, body: Any = None, **more: Any) -> Answer:
        return await self.gateway.ask(method, path, body, self.token, **more)

    async def say(self, text: str, **more: Any) -> Answer:
        headers = more.pop("headers", {})
        return await self.ask("POST", "/api/chat", {"message": text, **more}, headers=headers)

    async def say_on(self, text: str, **more: Any) -> str:
        """Say something without waiting for the answer; returns the turn."""
        answer = await self.say(text, headers={"Prefer": "respond-async"}, **more)
        assert answer.status == 202, answer.body
        return str(answer.json["turn_id"])

    async def history(self, query: str = "") -> Any:
        answer = await self.ask("GET", f"/api/chat{query}")
        assert answer.status == 200, answer.body
        return answer.json

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    @asynccontextmanager
    async def events(self, query: str = "", **headers: str) -> AsyncIterator["Events"]:
        """The live connection, heard until the block ends."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"{self.gateway.url}/api/chat/events{query}"
        async with self.gateway.http.get(url, headers=self.bearer | named) as response:
            assert response.status == 200, await response.read()
            assert response.headers["Content-Type"].startswith("text/event-stream")
            events = Events(response)
            await events.start()
            yield events


class Events:
    """Reads server-sent events one by one; heartbeats are counted."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response, self.beats = response, 0
        self._stored: list[Event] = []

    async def start(self) -> None:
        """Read up to the first sign of life: all that was stored has been told, and what comes is heard."""
        while (event := await self._read()) is not None and event is not BEAT:
            self._stored.append(event)

    async def next(self) -> Event | None:
        """The next event, None at the end."""
        if self._stored:
            return self._stored.pop(0)
        while (event := await self._read()) is BEAT:
            self.beats += 1
        return event

    async def _read(self) -> Event | None:
        fields = {"id": "", "event": "message", "data": ""}
        async with asyncio.timeout(PATIENCE):
            while line := (await self.response.content.readline()).decode():
                if line.startswith(":"):
                    return BEAT
                if line == "\n" and fields["data"]:
                    return Event(fields["event"], json.loads(fields["data"]), fields["id"])
                if line != "\n":
                    name, _, value = line.rstrip("\n").partition(": ")
                    fields[name] = value
        return None

    async def until(self, kind: str) -> list[Event]:
        """All up to the first of a kind, with it."""
        found: list[Event] = []
        while not found or found[-1].event != kind:
            event = await self.next()
            assert event is not None, f"the stream ended without {kind}: {found}"
            found.append(event)
        return found

    async def rest(self) -> list[Event]:
        found = []
        while (event := await self.next()) is not None:
            found.append(event)
        return found


@asynccontextmanager
async def running(folder: Path, yaml: str = YAML) -> AsyncIterator[Gateway]:
    """A gateway on an empty store in a folder, or on the one that is there."""
    file = folder / "gateway.yaml"
    file.write_text(aided(stored(yaml, folder), folder), "utf-8")
    clock = Ticking()
    daemon = Daemon(load(file, {}), clock=clock, root=folder)
    await daemon.start()
    try:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
            yield Gateway(daemon, clock, http)
    finally:
        await daemon.stop(0)
        _script.clear()
