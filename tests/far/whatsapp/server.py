"""The server itself: the Graph API over HTTP, webhooks, the fault script and the ledger."""

import base64
import itertools
import random
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson
from aiohttp import ClientSession, web

from tests.far.place import Place
from tests.far.whatsapp.faults import Fault, How, Script
from tests.far.whatsapp.graph import Graph, arguments
from tests.far.whatsapp.misbehaving import misbehave
from tests.far.whatsapp.people import Group, Person, User
from tests.far.whatsapp.pusher import Change, Pusher
from tests.far.whatsapp.refusal import Refusal

TOKEN = "EAAGm0PX4ZCpsBAtest-token-test-token-test-token"
SECRET = "0123456789abcdef0123456789abcdef"
NUMBER, SECOND, WABA = "106540352242922", "106540352242923", "102290129340398"


class Sent(NamedTuple):
    """A message that the business got to somebody. `asked` are the arguments."""

    at: float
    number: str
    to: str
    message_id: str
    text: str
    asked: Mapping[str, Any]


class WhatsAppServer(Place):
    """WhatsApp, as far as one app can see it.

    `pace` shortens the waits between webhook attempts. `reporting` are the statuses told of each message by itself;
    with `late` a closed window is told only in the report of the message, as Meta often does.
    """

    def __init__(
        self, *, token: str = TOKEN, secret: str = SECRET, pace: float = 0.01, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        super().__init__(host, port)
        self.token, self.waba = token, WABA
        self.numbers = {NUMBER: "15550783881", SECOND: "15550783882"}
        self.pusher = Pusher(secret, pace, self._changed)
        self.script = Script()
        self.people: dict[str, Person] = {}
        self.groups: dict[str, Group] = {}
        self.media: dict[str, tuple[bytes, str]] = {}
        self.templates: set[tuple[str, str]] = set()
        self.sent: list[Sent] = []
        self.uploads: list[tuple[str, str, str, bytes]] = []
        self.written: dict[str, str] = {}
        self.reads: list[str] = []
        self.typings: list[str] = []
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        self.downloads: list[Mapping[str, str]] = []
        self.reporting: tuple[str, ...] = ()
        self.late = self.revoked = False
        self.quality, self.media_host, self.subscriptions, self.ahead = "GREEN", "", 0, 0.0
        self.pair: tuple[int, float] | None = None  # so many in so many seconds
        self._pairs: dict[tuple[str, str], list[float]] = {}
        self._graph = Graph(self)
        self._ids = itertools.count(1)

    async def start(self) -> None:
        app = web.Application(client_max_size=120 << 20)
        app.router.add_route("*", "/{version:v[0-9.]+}/{id}", self._call)
        app.router.add_route("*", "/{version:v[0-9.]+}/{id}/{edge}", self._call)
        app.router.add_get("/media/{id}", self._media)
        await self._open(app)

    async def stop(self) -> None:
        self._closing.set()
        await self.pusher.stop()
        await self._close()

    async def subscribe(self, url: str, word: str) -> int:
        """Set the callback URL, as in the app's settings: it has to echo a challenge first. Returns its status."""
        asked = {"hub.mode": "subscribe", "hub.verify_token": word, "hub.challenge": str(random.randrange(10**9))}
        async with ClientSession() as http, http.get(url, params=asked) as response:
            if response.status == 200 and await response.text() == asked["hub.challenge"]:
                self.pusher.start(url)
            return response.status

    # People and what happens to them.

    def user(self, number: int, name: str = "", *, username: str = "", old: bool = False, at: str = NUMBER) -> User:
        """With a username their number is hidden; `old` is somebody from before there were user ids."""
        key = f"1555000{number:04}" if old else f"US.{10**15 + number}"
        person = self.people.get(key)
        if person is None:
            phone = "" if username else f"1555000{number:04}"
            person = Person(name or f"User {number}", phone, "" if old else key, username)
            self.know(person)
        return User(self, person, at)

    def know(self, person: Person) -> None:
        self.people |= {key: person for key in (person.phone, person.user_id) if key}

    def group(self, id: str, subject: str = "Group", *, at: str = NUMBER) -> Group:
        return self.groups.setdefault(id, Group(self, at, id, subject))

    def wrote(self, person: Person, number: str, message: dict[str, Any]) -> None:
        person.wrote_at[number] = self.now()
        self.know(person)
        self.written[message["id"]] = person.phone or person.user_id
        self.tell("messages", number, {"contacts": [person.contact], "messages": [message]})

    def tell(self, field: str, number: str, told: dict[str, Any]) -> None:
        metadata = {"display_phone_number": self.numbers.get(number, "15550000000"), "phone_number_id": number}
        value = {"messaging_product": "whatsapp", "metadata": metadata, **told}
        self.pusher.push(Change(self.waba, field, value))
        self._changed()

    def echoes(self, user: User, text: str) -> None:
        """Somebody of the business answered from the app on a telephone."""
        message = {"from": self.numbers[user.number], "to": user.person.phone, **self.named()}
        told = {
            "contacts": [user.person.contact],
            "message_echoes": [{**message, "type": "text", "text": {"body": text}}],
        }
        self.tell("smb_message_echoes", user.number, told)

    def reports(self, message: str, status: str, *, code: int = 0, by: Person | None = None) -> None:
        """What became of a message of ours."""
        sent = next(sent for sent in self.sent if sent.message_id == message)
        group = sent.asked.get("recipient_type") == "group"
        person = by or self.people.get(sent.to)
        told: dict[str, Any] = {"id": message, "status": status, "timestamp": self.stamp(), "recipient_id": sent.to}
        if group and person:
            told |= {"recipient_type": "group", "recipient_participant_user_id": person.user_id}
        elif person:
            told |= {"recipient_id": person.phone, "recipient_user_id": person.user_id}
        if mark := sent.asked.get("biz_opaque_callback_data"):
            told["biz_opaque_callback_data"] = mark
        if code:
            told["errors"] = [Refusal(code).reported()]
        contacts = [person.contact] if person else []
        self.tell("messages", sent.number, {"contacts": contacts, "statuses": [told]})

    def named(self) -> dict[str, str]:
        """The id and the time of something new."""
        number = base64.b64encode(f"far-{next(self._ids):012}".encode()).decode()
        return {"id": f"wamid.{number}", "timestamp": self.stamp()}

    def author(self, message: str) -> dict[str, str]:
        sent = next((sent for sent in self.sent if sent.message_id == message), None)
        return {"from": self.numbers[sent.number] if sent else self.written.get(message, "")}

    def now(self) -> float:
        return time.time() + self.ahead

    def stamp(self) -> str:
        return str(int(self.now()))

    def keep(self, content: bytes, mime: str) -> str:
        identity = str(137524587935000 + next(self._ids))
        self.media[identity] = content, mime
        return identity

    # What goes wrong.

    def fail(self, method: str, how: int | How, times: int = 1, **more: Any) -> None:
        """The next calls go wrong, by a code or one of `How`: of an edge ("messages", "media"; "" asks what an id is),
        or "read" for receipts.
        """
        self.script.add(Fault(method, how, times, **more))

    def limit(self, number: str, to: str) -> None:
        """Raises when the pair of a number and a person has had too many messages."""
        if self.pair is None:
            return
        count, seconds = self.pair
        lately = [at for at in self._pairs.get((number, to), []) if at > self.now() - seconds]
        if len(lately) >= count:
            raise Refusal(131056)
        self._pairs[number, to] = [*lately, self.now()]

    # The ledger.

    def accepted(self, number: str, to: str, message: str, text: str, asked: Mapping[str, Any]) -> None:
        self.sent.append(Sent(time.monotonic(), number, to, message, text, asked))
        self._changed()
        for status in self.reporting:
            self.reports(message, status)

    def texts(self, to: str = "") -> list[str]:
        """What was sent, to one person or group or at all, in order and as it was sent."""
        return [sent.text for sent in self.sent if to in ("", sent.to)]

    # HTTP.

    async def _call(self, request: web.Request) -> web.StreamResponse:
        edge = request.match_info.get("edge", "")
        try:
            if self.revoked or request.headers.get("Authorization") != f"Bearer {self.token}":
                raise Refusal(190)
            asked = await arguments(request) if edge == "messages" else {}
            call = "read" if asked.get("status") == "read" else edge
            self.calls.append((call, asked))
            fault = self.script.take(call, str(asked.get("to") or asked.get("recipient") or ""))
            body = await self._do(request, edge, asked, fault)
        except Refusal as refusal:
            headers = {"Retry-After": str(refusal.retry_after)} if refusal.retry_after else {}
            return _json(refusal.answer(), refusal.status, headers)
        finally:
            self._changed()
        return await misbehave(request, str(fault.how), body, self._closing) if fault else _json(body)

    async def _do(self, request: web.Request, edge: str, asked: dict[str, Any], fault: Fault | None) -> Any:
        """The answer. A fault that is no `accept_then_` one keeps the call from taking effect."""
        if fault is not None:
            if refusal := fault.refusal():
                raise refusal
            if not str(fault.how).startswith("accept_then_"):
                return {}
        identity = request.match_info["id"]
        if edge == "messages" and request.method == "POST":
            return await self._graph.message(identity, asked)
        if edge == "media" and request.method == "POST":
            return await self._graph.upload(request)
        if edge == "subscribed_apps":
            return await self._graph.subscribed(identity, request.method)
        if not edge and request.method == "GET":
            return await self._graph.read(identity)
        raise Refusal(100, "Unsupported request", status=400)

    async def _media(self, request: web.Request) -> web.Response:
        self.downloads.append(dict(request.headers))
        content = self.media.get(request.match_info["id"])
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.Response(status=401)
        return web.Response(status=404) if content is None else web.Response(body=content[0])


def _json(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(data), content_type="application/json", headers=headers)
