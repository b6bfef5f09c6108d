"""Twilio's side of the contract."""

from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode

from gateway.adapter import Call
from gateway.message import Address, File
from tests.contract import peer
from tests.contract.peer import WAIT, Fault, Said, Way
from tests.far.twilio import TOKEN, WHATSAPP, TwilioServer

ADA, GROUP = "+15550100", "CH" + "5e" * 16
FAULTS: dict[Fault, dict[str, Any]] = {
    "throttled": {"how": 429, "retry_after": WAIT},
    "broken": {"how": 500},
    "unavailable": {"how": 503},
    "rejected": {"how": 400, "code": 20999, "sentence": "something nobody has heard of"},
    "unauthorized": {"how": 401},
    "blocked": {"how": 400, "code": 21610},
    "reset": {"how": "reset"},
    "accepted_then_reset": {"how": "accept_then_reset"},
    "accepted_then_cut": {"how": "accept_then_cut"},
    "accepted_then_silent": {"how": "accept_then_hang"},
    "garbage": {"how": "html"},
}


class Peer(peer.Peer):
    """Reports of deliveries are not part of the contract, so parts do not wait for them here."""

    ways: ClassVar[tuple[Way, ...]] = ("pushed",)
    wire = True
    proof = ("x-twilio-signature",)
    covers_body = True
    public_url = "https://chat.example.org"

    def __init__(self) -> None:
        self.server = TwilioServer()
        self.server.reports = ()

    async def start(self) -> None:
        await self.server.start()
        self.ada = self.server.person(ADA, "Ada")
        self.ada.form("hi")
        self.ada.window = True

    async def stop(self) -> None:
        await self.server.stop()

    def options(self, way: Way | None = None) -> dict[str, Any]:
        account = {"account_sid": self.server.account, "auth_token": self.server.token, "from": WHATSAPP}
        return {**account, "api_base": self.server.url, "order_wait": "off"}

    def secrets(self) -> tuple[str, ...]:
        return (TOKEN,)

    def body(self, said: Said) -> bytes:
        more = {"From": WHATSAPP} if said.by == "us" else {}
        return urlencode(self.ada.form(said.text, **more)).encode()

    def call(self, body: bytes, secret: str = "") -> Call:
        url = f"{self.public_url}/c/contract"
        form = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
        signed = {name.lower(): value for name, value in self.server.caller.signed(url, form, secret).items()}
        headers = {"content-type": "application/x-www-form-urlencoded", **signed}
        return Call("POST", "/c/contract", {}, headers, body, "192.0.2.7")

    @property
    def address(self) -> Address:
        return Address(chat=ADA, user=ADA)

    def group(self) -> Address:
        self.server.conversation(GROUP)
        return Address(chat=GROUP, user=ADA, place="group")

    def sent(self, where: Address | None = None) -> list[str]:
        where = where or self.address
        if where.place == "group":
            return [body for _, body in self.server.conversation(where.chat).lines]
        return self.server.texts(f"whatsapp:{where.chat}")

    def tries(self) -> int:
        return [route for route, _ in self.server.calls].count("messages")

    async def fail(self, fault: Fault) -> None:
        if fault == "away":
            await self.server.stop()
        else:
            self.server.fail("messages", **FAULTS[fault])

    def typed(self) -> int:
        return len(self.server.typed)

    def offered(self) -> list[tuple[str, str]]:
        return list(self.server.sent[-1].choices)

    def shown(self) -> list[bytes]:
        return [content for sent in self.server.sent for content in sent.contents]

    def published(self, url: str, content: bytes) -> None:
        self.server.published[url] = content

    def file(self, content: bytes) -> File:
        return File(ref=self.server.keep(content, "application/pdf"), name="a.pdf", size=len(content))
