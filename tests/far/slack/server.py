"""The server itself: Slack for one app, its fault script and its ledger."""

import socket
import struct
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson
from aiohttp import web

from tests.far.place import Place
from tests.far.slack import params
from tests.far.slack.events import Told
from tests.far.slack.faults import Fault, Script
from tests.far.slack.feed import Feed, Happening
from tests.far.slack.files import Files
from tests.far.slack.methods import Methods
from tests.far.slack.pace import Pace
from tests.far.slack.params import Params
from tests.far.slack.people import Room, User
from tests.far.slack.pusher import Pusher
from tests.far.slack.refusal import Refusal
from tests.far.slack.sockets import Sockets
from tests.far.slack.speaking import Speaking
from tests.far.slack.world import Channel, Message, Person, Team, World

BOT_TOKEN = "xoxb-1111111111-2222222222-far_bot_token_of_the_tests"
APP_TOKEN = "xapp-1-A1-3333333333-far_app_token_of_the_tests"
SIGNING_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
TEAM = "T1"
SCOPES = (
    "chat:write,im:history,app_mentions:read,users:read,files:read,files:write,reactions:write,channels:history,"
    "groups:history,reactions:read,assistant:write,commands"
)


class Sent(NamedTuple):
    """A message that the bot got into a channel, with the arguments of the call."""

    at: float
    channel: str
    ts: str
    text: str
    asked: Mapping[str, Any]


class SlackServer(Place):
    """Slack, as far as one app can see it, in one workspace unless `team` adds more."""

    def __init__(self, *, pace: float = 0.001, host: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__(host, port)
        self.world, self.feed, self.script, self.pace = World(), Feed(), Script(), Pace()
        self.told = Told(self)
        self.pusher = Pusher(self.feed, SIGNING_SECRET, pace, self._changed)
        self.sockets = Sockets(self.feed, self._changed)
        self.feed.out, self.feed.changed = self._out, self._changed
        self.speaking, self.files = Speaking(self), Files(self)
        self.streams: tuple[str, ...] = ("im", "channel")  # kinds of channels in which streams are possible
        self.assistant = True
        self.recognises = False  # whether a message sent twice under one client_msg_id is posted once
        self.lapsed = False  # whether the addresses lent for answers to slash commands are too old
        self.organisation = ""  # whose token it is, where the app is installed for a whole one (E...)
        self.scopes = SCOPES
        self.page = 1000  # the longest page of a list
        self.app_revoked = False
        self.sent: list[Sent] = []
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        self.statuses: list[tuple[str, str, str]] = []
        self.thinking: dict[tuple[str, str], str] = {}
        self.prompts: list[tuple[str, str, list[Any]]] = []
        self.updates: list[tuple[str, str, str]] = []
        self.streamed: list[str] = []
        self._methods = Methods(self)
        self.team(TEAM, BOT_TOKEN)

    async def start(self) -> None:
        app = web.Application(client_max_size=60 << 20)
        app.router.add_route("*", "/api/{method}", self._call)
        app.router.add_post("/commands/{number}/{secret}", self.speaking.respond)
        app.router.add_get("/link", self.sockets.handle)
        app.router.add_post("/upload/v1/{number}", self.files.upload)
        app.router.add_get("/files-pri/{place}/download/{name}", self.files.download)
        self.mount(app)
        await self._open(app)

    def mount(self, app: web.Application) -> None:
        """More routes, for whoever needs them."""

    async def stop(self) -> None:
        self._closing.set()
        await self.pusher.stop()
        await self.sockets.stop()
        await self._close()

    @property
    def url(self) -> str:
        """What a channel's `api_base` is set to."""
        return f"{self.origin}/api"

    # Places, people, and what happens to them.

    def team(self, id: str, token: str = "", bot: str = "far_bot") -> Team:
        team = self.world.teams.get(id)
        if team is None:
            team = self.world.teams[id] = Team(id, token, bot)
        return team

    def user(self, id: str, name: str = "", team: str = TEAM, *, admin: bool = False) -> User:
        home = self.world.teams[team]
        person = home.people.get(id)
        if person is None:
            person = home.people[id] = Person(id, name or f"User{id}", is_admin=admin)
            home.direct(id)
        return User(self, home, person)

    def room(self, id: str = "C1", name: str = "general", team: str = TEAM, *, kind: str = "channel") -> Room:
        home = self.world.teams[team]
        channel = home.channels.get(id)
        if channel is None:
            channel = home.channels[id] = Channel(id, kind, name, {home.bot.id, *home.people})
        channel.members |= home.people.keys() - {home.bot.id}
        return Room(self, home, channel)

    # What goes wrong.

    def fail(self, method: str, how: int | str, times: int = 1, *, retry_after: int = 1, after: int = 0) -> None:
        """The next `times` calls of a method go wrong, see `Fault`."""
        self.script.add(Fault(method, how, times, retry_after, after))

    # The ledger.

    def accepted(self, channel: Channel, message: Message, asked: Mapping[str, Any]) -> None:
        self.sent.append(Sent(time.monotonic(), channel.id, message["ts"], message["text"], asked))
        self._changed()

    def texts(self, channel: str | None = None) -> list[str]:
        """What was sent, to one channel or at all, in order and as it was sent."""
        return [sent.text for sent in self.sent if channel in (None, sent.channel)]

    def visible(self, channel: str, thread: str | None = None, team: str = TEAM) -> list[str]:
        """The bot's messages in a channel as people see them now, edits included; of one thread, or of all."""
        home = self.world.teams[team]
        return [
            message["text"]
            for message in home.channels[channel].messages.values()
            if message.get("bot_id") == home.bot.bot_id
            and not message.get("assistant")
            and thread in (None, message.get("thread_ts", ""))
        ]

    def asked(self, method: str) -> list[Mapping[str, Any]]:
        return [given for name, given in self.calls if name == method]

    def _out(self, happening: Happening) -> None:
        if self.pusher.url:
            self.pusher.push(happening)
        else:
            self.sockets.push(happening)

    # HTTP.

    async def _call(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        try:
            asked = await params.read(request)
            self.calls.append((method, asked.given))
            self._changed()
            fault = self.script.take(method)
            body = await self._do(method, asked, fault)
        except Refusal as refusal:
            if refusal.retry_after:
                headers = {"Retry-After": str(refusal.retry_after)}
                return web.json_response(refusal.answer(), status=429, headers=headers)
            return web.json_response(refusal.answer())
        finally:
            self._changed()
        if fault is not None:
            return await self._misbehave(request, fault.how, body)
        return web.Response(body=body, content_type="application/json", headers={"X-OAuth-Scopes": self.scopes})

    async def _do(self, method: str, asked: Params, fault: Fault | None) -> bytes:
        """The body of the answer. A fault that does not take effect keeps the call from it."""
        if fault is not None:
            if fault.how == 429:
                raise Refusal("ratelimited", retry_after=fault.retry_after)
            if fault.word:
                raise Refusal(fault.word, needed="some:scope") if fault.word == "missing_scope" else Refusal(fault.word)
            if not fault.takes_effect:
                return b""
        if method == "apps.connections.open":
            if asked.token != APP_TOKEN or self.app_revoked:
                raise Refusal("invalid_auth")
            where = self.origin.replace("http", "ws", 1)
            return orjson.dumps({"ok": True, "url": f"{where}/link?ticket={self.sockets.ticket()}&app_id=A1"})
        team = self.world.by_token(asked.token)
        found = self._methods.find(method)
        if found is None:
            raise Refusal("unknown_method", req_method=method)
        return orjson.dumps({"ok": True, **await found(team, asked)})

    async def _misbehave(self, request: web.Request, how: int | str, body: bytes) -> web.StreamResponse:
        if isinstance(how, int) or how == "html":
            status = how if isinstance(how, int) else 502
            return web.Response(status=status, text="<html>Bad Gateway</html>", content_type="text/html")
        if how.endswith("hang"):
            await self._closing.wait()
        if how == "accept_then_cut":
            response = web.StreamResponse(headers={"Content-Length": str(len(body))})
            response.content_type = "application/json"
            await response.prepare(request)
            await response.write(body[: len(body) // 2])
        _reset(request)
        return web.Response()


def _reset(request: web.Request) -> None:
    """Cut the connection as a crashed peer does: the other side reads ECONNRESET, not an orderly end."""
    if request.transport is None:
        return
    peer = request.transport.get_extra_info("socket")
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.transport.abort()
