"""The server itself: one bot's Bot API over HTTP, its fault script and its ledger."""

import socket
import struct
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple

import orjson
from aiohttp import web

from tests.far.place import Place
from tests.far.telegram import params
from tests.far.telegram.chats import Person
from tests.far.telegram.faults import Fault, How, Script
from tests.far.telegram.methods import Methods
from tests.far.telegram.pace import Pace
from tests.far.telegram.params import Params
from tests.far.telegram.people import Group, User
from tests.far.telegram.queue import Queue
from tests.far.telegram.refusal import Refusal
from tests.far.telegram.touches import Touches
from tests.far.telegram.webhook import Pusher
from tests.far.telegram.world import World

TOKEN = "123456789:AAF-test_token_test_token_test_tok1"


class Sent(NamedTuple):
    """A message that the bot got into a chat. `asked` are the arguments; none are kept in lean mode."""

    at: float
    chat: int
    message_id: int
    text: str
    asked: Mapping[str, Any]


class TelegramServer(Place):
    """Telegram, as far as one bot can see it.

    `privacy` is the bot's privacy mode; `pace` shortens the waits between webhook attempts (1 is Telegram's);
    `lean` keeps no messages and no arguments, for measuring.
    """

    def __init__(
        self,
        token: str = TOKEN,
        username: str = "far_bot",
        *,
        privacy: bool = False,
        lean: bool = False,
        pace: float = 0.01,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        super().__init__(host, port)
        self.token, self.privacy, self._lean = token, privacy, lean
        bot = Person(int(token.partition(":")[0]), "Far", username, is_bot=True)
        self.queue = Queue()
        self.queue.changed = self._changed
        self.world = World(bot, self.queue, privacy=privacy, lean=lean)
        self.pusher = Pusher(self.queue, pace, self._changed)
        self.pace = Pace(time.monotonic)
        self.script = Script()
        self.people: dict[int, Person] = {bot.id: bot}
        self.admins: dict[tuple[int, int], str] = {}
        self.files: dict[str, bytes] = {}
        self.sent: list[Sent] = []
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        self.actions: list[tuple[int, str]] = []
        self.drafts: list[tuple[int, int, int, str, list[Any]]] = []
        self.revoked = False
        self.touches = Touches(self)
        self.pusher.replied = self._replied
        self._methods = Methods(self)

    async def start(self) -> None:
        app = web.Application(client_max_size=60 << 20)
        app.router.add_route("*", "/bot{token}/{method}", self._call)
        app.router.add_get("/file/bot{token}/{folder}/{name}", self._file)
        self.mount(app)
        await self._open(app)

    def mount(self, app: web.Application) -> None:
        """More routes, for whoever needs them."""

    async def stop(self) -> None:
        self._closing.set()
        self.queue.interrupt("the server stops")
        await self.pusher.stop()
        await self._close()

    # People and what happens to them.

    def user(self, number: int, name: str = "", username: str = "", *, is_bot: bool = False) -> User:
        person = self.people.get(number)
        if person is None:
            person = self.people[number] = Person(number, name or f"User {number}", username, is_bot=is_bot)
        return User(self.world, person)

    def group(self, number: int, title: str = "Group", *, forum: bool = False, kind: str = "supergroup") -> Group:
        return Group(self.world, self.world.group(number, title, kind, forum))

    def migrate(self, group: Group, by: User, *, new_first: bool = False) -> Group:
        """A group becomes a supergroup; the new one. The messages that tell of it come in either order."""
        return Group(self.world, self.world.migrate(group.chat, by.person, new_first))

    # What goes wrong.

    def fail(
        self,
        method: str,
        how: int | How,
        times: int = 1,
        *,
        chat: int | None = None,
        retry_after: int = 0,
        description: str = "",
        migrate_to_chat_id: int = 0,
        after: int = 0,
    ) -> None:
        """The next `times` calls of a method ("*": any) go wrong: an HTTP status, or one of `How`.

        With `after`, so many calls go well first.
        """
        self.script.add(Fault(method, how, times, chat, retry_after, description, migrate_to_chat_id, after))

    # The ledger.

    def accepted(self, chat: int, message_id: int, text: str, asked: Mapping[str, Any]) -> None:
        self.sent.append(Sent(time.monotonic(), chat, message_id, text, {} if self._lean else asked))
        self._changed()

    def texts(self, chat: int | None = None) -> list[str]:
        """What was sent, to one chat or at all, in order and as it was sent."""
        return [sent.text for sent in self.sent if chat in (None, sent.chat)]

    def visible(self, chat: int) -> list[str]:
        """The bot's messages in a chat as people see them now, edits included."""
        messages = self.world.chats[chat].messages.values()
        return [text_of(message) for message in messages if message["from"]["id"] == self.world.bot.id]

    # HTTP.

    async def _call(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        try:
            self._admit(request.match_info["token"])
            asked = await params.read(request)
            self._note(method, asked)
            fault = self.script.take(method, asked.number("chat_id") or None)
            body = await self._do(method, asked, fault)
        except Refusal as refusal:
            return web.Response(
                status=refusal.code, body=orjson.dumps(refusal.answer()), content_type="application/json"
            )
        finally:
            self._changed()
        if fault is not None:
            return await self._misbehave(request, str(fault.how), body)
        return web.Response(body=body, content_type="application/json")

    async def _replied(self, given: dict[str, Any]) -> None:
        """The answer to a webhook may be a call, whose result nobody learns."""
        method, asked = str(given.pop("method", "")), Params(given)
        self._note(method, asked)
        with suppress(Refusal):
            await self._do(method, asked, self.script.take(method, asked.number("chat_id") or None))

    def _admit(self, token: str) -> None:
        if self.revoked or token != self.token:
            raise Refusal(401, "Unauthorized") if ":" in token else Refusal(404, "Not Found")

    def _note(self, method: str, asked: Params) -> None:
        if not self._lean:
            self.calls.append((method, asked.given))
        self._changed()

    async def _do(self, method: str, asked: Params, fault: Fault | None) -> bytes:
        """The body of the answer. A fault that is no `accept_then_` one keeps the call from taking effect."""
        if fault is not None:
            if refusal := fault.refusal():
                raise refusal
            if not str(fault.how).startswith("accept_then_"):
                return b""
        if method.lower() == "getupdates":
            return await self._methods.get_updates(asked)
        found = self._methods.find(method)
        if found is None:
            raise Refusal(404, "Not Found: method not found")
        return orjson.dumps({"ok": True, "result": await found(asked)})

    async def _misbehave(self, request: web.Request, how: str, body: bytes) -> web.StreamResponse:
        if how == "html":
            return web.Response(status=502, text="<html>Bad Gateway</html>", content_type="text/html")
        if how.endswith("hang"):
            await self._closing.wait()
        if how == "accept_then_cut":
            response = web.StreamResponse(headers={"Content-Length": str(len(body))})
            response.content_type = "application/json"
            await response.prepare(request)
            await response.write(body[: len(body) // 2])
        _reset(request)
        return web.Response()

    async def _file(self, request: web.Request) -> web.Response:
        if request.match_info["token"] != self.token:
            return web.Response(status=404)
        content = self.files.get(request.match_info["name"])
        return web.Response(status=404) if content is None else web.Response(body=content)


def text_of(message: dict[str, Any]) -> str:
    """What can be read of a message."""
    return str(message.get("text") or message.get("caption") or "")


def _reset(request: web.Request) -> None:
    """Cut the connection as a crashed peer does: the other side reads ECONNRESET, not an orderly end."""
    assert request.transport is not None
    peer = request.transport.get_extra_info("socket")
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.transport.abort()
