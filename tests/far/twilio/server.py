"""The server itself: one account's REST API over HTTP, its fault script and its ledger."""

import asyncio
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from itertools import count
from typing import Any, NamedTuple

import orjson
from aiohttp import ClientError, ClientSession, web

from tests.far.backend import end
from tests.far.place import Place
from tests.far.twilio.caller import FORM, Caller, Many, gathered
from tests.far.twilio.faults import Fault, How, Refusal, Script
from tests.far.twilio.people import Conversation, Person
from tests.far.twilio.rest import Asked, Rest, Said

ACCOUNT, TOKEN = "AC" + "5e" * 16, "0123456789abcdeffedcba9876543210"
WHATSAPP, NUMBER, PAGE = "whatsapp:+14155550199", "+14155550100", "messenger:555000111"
SENDERS = (WHATSAPP, "whatsapp:+14155238886", NUMBER, PAGE)
_MEMBER = ("sendMessage", "sendMediaMessage", "leaveConversation", "editOwnMessage", "deleteOwnMessage")
_ADMIN = ("addParticipant", "removeParticipant", "editAnyMessage", "deleteAnyMessage", "deleteConversation")
_ROLES = (
    {"friendly_name": "channel user", "permissions": _MEMBER},
    {"friendly_name": "channel admin", "permissions": (*_MEMBER, *_ADMIN)},
)
_API = f"/2010-04-01/Accounts/{ACCOUNT}"


class Letter(NamedTuple):
    """A message that somebody sent to the account, and when; as its webhook tells of it."""

    sid: str
    at: float
    fields: Mapping[str, Any]


class Sent(NamedTuple):
    """A message that the account has got Twilio to take. `body` is what people read of it."""

    at: float
    sid: str
    to: str
    body: str
    media: tuple[str, ...]
    contents: tuple[bytes, ...]
    asked: Many
    error: int
    choices: tuple[tuple[str, str], ...] = ()

    @property
    def callback(self) -> str:
        return self.asked.get("StatusCallback", [""])[0]


class TwilioServer(Place):
    """Twilio, as far as one account can see it. `reports` are the statuses that a message goes through by itself."""

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__(host, port)
        self.account, self.token, self.status = ACCOUNT, TOKEN, "active"
        self.service = "IS" + "5e" * 16
        self.caller = Caller(TOKEN, self._changed)
        self.script = Script()
        self.webhooks: dict[str, str] = dict.fromkeys(SENDERS, "")
        self.numbers = {"PN1": {"sid": "PN1", "phone_number": NUMBER, "sms_url": "", "sms_method": "POST"}}
        self.senders: dict[str, dict[str, Any]] = {
            "XE1": {"sid": "XE1", "sender_id": WHATSAPP, "webhook": {"fallback_url": "https://example.org/fallback"}}
        }
        self.people: dict[str, Person] = {}
        self.inbound: dict[str, list[str]] = {}
        self.letters: list[Letter] = []
        self.page = 1000  # the longest page of a list
        self.conversations: dict[str, Conversation] = {}
        self.conversations_url, self.filters = "", list[str]()
        self.contents: dict[str, Any] = {}
        self.files: dict[str, tuple[bytes, str]] = {}
        self.sent: list[Sent] = []
        self.calls: list[tuple[str, Many]] = []
        self.typed: list[str] = []
        self.reports: tuple[str, ...] = ("sent", "delivered")
        self.published: dict[str, bytes] = {}  # what stands in the web, besides what can be fetched from here
        self._sids = count(1)
        self.roles = {self.number("RL"): {"type": "conversation", **role} for role in _ROLES}
        self.page = 100  # most participants on a page
        self.clock: Callable[[], float] = time.time
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        await self.caller.start()
        app, rest = web.Application(client_max_size=32 << 20), Rest(self)
        conversation, webhooks = "/v1/Conversations/{sid}", "/v1/Configuration/Webhooks"
        for method, path, route, do in (
            ("GET", f"{_API}.json", "account", rest.account),
            ("POST", f"{_API}/Messages.json", "messages", rest.messages),
            ("GET", f"{_API}/Messages.json", "list", rest.list_messages),
            ("GET", f"{_API}/Messages/{{message}}/Media.json", "media", rest.list_media),
            ("GET", f"{_API}/IncomingPhoneNumbers.json", "numbers", rest.numbers),
            ("POST", f"{_API}/IncomingPhoneNumbers/{{sid}}.json", "numbers", rest.number),
            ("GET", "/v2/Channels/Senders", "senders", rest.senders),
            ("POST", "/v2/Channels/Senders/{sid}", "senders", rest.sender),
            ("POST", "/v2/Indicators/Typing.json", "typing", rest.typing),
            ("POST", "/v1/Content", "content", rest.content),
            ("GET", conversation, "conversation", rest.conversation),
            ("POST", f"{conversation}/Messages", "conversations", rest.say),
            ("GET", f"{conversation}/Messages/{{line}}", "line", rest.line),
            ("GET", f"{conversation}/Participants", "participants", rest.participants),
            ("GET", "/v1/Roles/{sid}", "roles", rest.role),
            ("GET", webhooks, "webhooks", rest.for_all),
            ("POST", webhooks, "webhooks", rest.set_for_all),
            ("POST", "/v1/Services/{service}/Media", "uploads", rest.store),
            ("GET", "/v1/Services/{service}/Media/{sid}", "media", rest.stored),
        ):
            app.router.add_route(method, path, self._answering(route, do))
        app.router.add_get(f"{_API}/Messages/{{message}}/Media/{{sid}}", self._media)
        app.router.add_get("/temporary/{sid}", self._temporary)
        app.router.add_route("*", "/{rest:.*}", self._unknown)
        await self._open(app)

    async def stop(self) -> None:
        self._closing.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.caller.stop()
        await self._close()

    # People, and where what they write goes to.

    def person(self, id: str, name: str = "", sender: str = WHATSAPP) -> Person:
        person = Person(self, id, name or f"User {id}", sender)
        return self.people.setdefault(person.address, person)

    def conversation(self, sid: str) -> Conversation:
        return self.conversations.setdefault(sid, Conversation(self, sid))

    def point(self, url: str) -> None:
        """Everything goes here, as if somebody had set it by hand."""
        self.webhooks = dict.fromkeys(SENDERS, url)
        self.conversations_url = url

    def webhook_of(self, sender: str) -> str:
        assert self.webhooks.get(sender), f"nobody is told of what {sender} is sent"
        return self.webhooks[sender]

    def number(self, prefix: str) -> str:
        """A new SID."""
        return f"{prefix}{next(self._sids):032x}"

    def heard(self, person: Person, sid: str, fields: Mapping[str, Any]) -> None:
        self.inbound.setdefault(person.address, []).append(sid)
        self.letters.append(Letter(sid, time.time(), fields))

    def keep(self, content: bytes, type: str) -> str:
        """A file of a message; its address."""
        sid = self.store(content, type)
        return f"{self.url}{_API}/Messages/{self.number('MM')}/Media/{sid}"

    def store(self, content: bytes, type: str) -> str:
        """A file; its SID."""
        sid = self.number("ME")
        self.files[sid] = (content, type)
        return sid

    # What goes wrong.

    def fail(self, route: str, how: int | How, times: int = 1, **more: Any) -> None:
        """The next `times` calls of a route ("*": any) go wrong: an HTTP status, or one of `How`; `more` as in `Fault`.

        Routes: account, messages, list, numbers, senders, typing, content, conversation, conversations, line,
        participants, roles, webhooks, uploads, media.
        """
        self.script.add(Fault(route, how, times, **more))

    # The ledger.

    def take(self, asked: Asked, said: Said, contents: list[bytes], error: int) -> dict[str, Any]:
        """Twilio has a message, and will report on it."""
        body, choices = said
        sid, media = self.number("SM"), tuple(asked.form.get("MediaUrl", ()))
        sent = Sent(time.monotonic(), sid, asked.first("To"), body, media, tuple(contents), asked.form, error, choices)
        self.sent.append(sent)
        reports = ("failed",) if error and self.reports else self.reports
        if sent.callback and reports:
            task = asyncio.get_running_loop().create_task(self._report_all(sent, reports))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return {"sid": sid, "status": "queued", "body": body, "to": sent.to}

    async def _report_all(self, sent: Sent, reports: tuple[str, ...]) -> None:
        for status in reports:
            await self.report(sent, status, sent.error if status == "failed" else 0)

    async def report(self, sent: Sent, status: str, error: int = 0) -> int:
        """A status callback; the HTTP status that it is answered with."""
        sender = sent.asked["From"][0]
        form = [("SmsSid", sent.sid), ("SmsStatus", status), ("MessageStatus", status), ("To", sent.to)]
        form += [("MessageSid", sent.sid), ("AccountSid", self.account), ("From", sender)]
        form += [("ErrorCode", str(error))] if error else []
        return await self.caller.call(sent.callback, form)

    @property
    def reporting(self) -> bool:
        """Whether reports are on their way."""
        return bool(self._tasks)

    def texts(self, to: str = "") -> list[str]:
        """What was sent, to one address or at all, in order."""
        return [sent.body for sent in self.sent if to in ("", sent.to)]

    async def fetch(self, url: str) -> bytes:
        """A file that is to be sent, as Twilio gets it. Raises the refusal that an address in vain earns."""
        if url in self.published:
            return self.published[url]
        try:
            async with ClientSession() as http, http.get(url, raise_for_status=True) as response:
                return await response.read()
        except ClientError:
            raise Refusal(400, 21620) from None

    # HTTP.

    def _answering(
        self, route: str, do: Callable[[Asked], Awaitable[Any]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            try:
                self._admit(request)
                asked = await _asked(request)
                self.calls.append((route, asked.form))
                fault = self.script.take(route, asked.first("To"))
                if fault is not None and (refusal := fault.refusal()):
                    raise refusal
                if fault is not None and not str(fault.how).startswith("accept_then_"):
                    return await self._misbehave(request, str(fault.how), b"")
                body = orjson.dumps(await do(asked))
            except Refusal as refusal:
                return _refused(refusal)
            finally:
                self._changed()
            if fault is not None:
                return await self._misbehave(request, str(fault.how), body)
            status = 201 if request.method == "POST" else 200
            return web.Response(status=status, body=body, content_type="application/json")

        return answer

    def _admit(self, request: web.Request) -> None:
        wanted = b64encode(f"{self.account}:{self.token}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {wanted}":
            raise Refusal(401, 20003)

    async def _misbehave(self, request: web.Request, how: str, body: bytes) -> web.StreamResponse:
        if how == "html":
            return web.Response(status=502, text="<html>Bad Gateway</html>", content_type="text/html")
        if how.endswith("hang"):
            await self._closing.wait()
        if how == "accept_then_cut":
            response = web.StreamResponse(status=201, headers={"Content-Length": str(len(body))})
            response.content_type = "application/json"
            await response.prepare(request)
            await response.write(body[: len(body) // 2])
        end(request.transport, "reset")
        return web.Response()

    async def _media(self, request: web.Request) -> web.StreamResponse:
        """A file of a message is elsewhere; only the account is told where."""
        try:
            self._admit(request)
            if fault := self.script.take("media", ""):
                raise fault.refusal() or Refusal(500, 20500)
        except Refusal as refusal:
            return _refused(refusal)
        return web.Response(status=307, headers={"Location": f"/temporary/{request.match_info['sid']}"})

    async def _temporary(self, request: web.Request) -> web.StreamResponse:
        held = self.files.get(request.match_info["sid"])
        return web.Response(status=404) if held is None else web.Response(body=held[0], content_type=held[1])

    async def _unknown(self, request: web.Request) -> web.StreamResponse:
        return _refused(Refusal(404, 20404))


async def _asked(request: web.Request) -> Asked:
    """The arguments of a call: a form, a query, or JSON; else a file."""
    type = request.content_type
    data = orjson.loads(await request.read()) if type == "application/json" else None
    form = await request.post() if type == FORM else {}
    content = await request.read() if data is None and type != FORM else b""
    pairs = [(name, str(value)) for name, value in (*request.query.items(), *form.items())]
    return Asked(dict(request.match_info), gathered(pairs), data, content, type)


def _refused(refusal: Refusal) -> web.Response:
    headers = {"Retry-After": str(refusal.retry_after)} if refusal.retry_after else {}
    body = orjson.dumps(refusal.answer())
    return web.Response(status=refusal.status, body=body, content_type="application/json", headers=headers)
