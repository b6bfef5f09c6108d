"""An adapter of another package, for a small platform of its own: webhooks with signed bodies, messages by POST."""

import hashlib
import hmac
from typing import ClassVar

import aiohttp
import msgspec
import orjson

from gateway import adapter, options
from gateway.adapter import Boundary, Call, Limits, Reply
from gateway.errors import Refused, RefusedReason, Retry, SendError, StorageDown, Unknown
from gateway.message import Address, Inbound, Part, Sender

SIGNATURE = "x-courier-signature"
REASONS: dict[int, RefusedReason] = {401: "auth", 403: "blocked", 404: "gone", 413: "too_long"}


class Options(options.Options):
    account: options.Id = options.needed("Our account's number.")
    key: options.Secret = options.needed("The account's API key.")
    signing_secret: options.Secret = options.needed("What the platform signs its calls with.")
    api_base: options.Url = options.key("https://courier.example.org", "Address of the platform's API.")


class Note(msgspec.Struct, frozen=True):
    """What the platform tells of a message."""

    id: str
    sender: str
    text: str


class Adapter(adapter.Adapter):
    """One account of the courier's."""

    Options = Options
    limits = Limits(text=2000, unit="bytes", dialect="asterisk", resend_is_safe=True)
    boundary: ClassVar[Boundary] = {"dm": "user"}

    async def open(self) -> None:
        self.account = self.options.account
        if "whoami" not in orjson.loads(await self.post("whoami", {})):
            raise Retry("this is not the courier")
        self.gate.health("up")

    async def handle(self, call: Call) -> Reply:
        if not self.authentic(call):
            return Reply(401)
        try:
            note = msgspec.json.decode(call.body, type=Note)
        except (ValueError, RecursionError):
            return Reply(400)
        try:
            await self.gate.receive(self.inbound(note), call.body)
        except StorageDown:
            return Reply(503, headers={"retry-after": "1"})
        return Reply(200)

    def authentic(self, call: Call) -> bool:
        secret = self.options.signing_secret.get_secret_value().encode()
        given = call.headers.get(SIGNATURE, "").encode("utf-8", "replace")
        return hmac.compare_digest(given, hmac.digest(secret, call.body, hashlib.sha256).hex().encode())

    def inbound(self, note: Note) -> Inbound:
        return Inbound(
            channel=self.name,
            account=self.account,
            ids=(note.id,),
            address=Address(chat=note.sender, user=note.sender),
            sender=Sender(id=note.sender),
            text=note.text,
            ref=note.id,
        )

    async def send(self, part: Part) -> str:
        if part.buttons or part.files:
            raise Refused("unsupported", "only text goes by courier")
        sent = await self.post("messages", {"id": part.id, "to": part.address.chat, "text": part.text})
        return str(orjson.loads(sent)["id"])

    async def post(self, path: str, data: object) -> bytes:
        """The answer's body. Raises `Retry`, `Refused` or `Unknown`."""
        try:
            body = orjson.dumps(data)
        except TypeError:
            raise Refused("rejected", "that cannot be written") from None
        headers = {"Authorization": f"Bearer {self.options.key.get_secret_value()}"}
        failure: SendError
        try:
            async with self.gate.http.post(
                f"{self.options.api_base}/{path}", data=body, headers=headers, timeout=aiohttp.ClientTimeout(30)
            ) as response:
                if response.status == 200:
                    return bytes(await response.read())
                failure = self.failure(response)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            failure = Retry("no connection")
        except (aiohttp.ClientError, TimeoutError):
            failure = Unknown("no answer")
        raise failure

    def failure(self, response: aiohttp.ClientResponse) -> SendError:
        if response.status == 429:
            return Retry("too many", after=float(response.headers["retry-after"]))
        if response.status >= 500:
            return Unknown(f"HTTP {response.status}")
        return Refused(REASONS.get(response.status, "rejected"))

    async def probe(self) -> list[adapter.Finding]:
        try:
            await self.post("whoami", {})
        except SendError as error:
            return [adapter.Finding(False, str(error), "Is api_base right?")]
        return [adapter.Finding(True, "the courier knows us")]
