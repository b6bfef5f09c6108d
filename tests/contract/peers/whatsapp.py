"""WhatsApp's side of the contract."""

import hashlib
import hmac
from typing import Any, ClassVar

from gateway.adapter import Call
from gateway.message import Address, File
from tests.contract import peer
from tests.contract.peer import WAIT, Fault, Said, Way
from tests.far.whatsapp import NUMBER, SECRET, WhatsAppServer

ADA, GROUP = 7, "Y2FwaV9ncm91cDox"
WORD = "the word that Meta was told"
FAULTS: dict[Fault, dict[str, Any]] = {
    "throttled": {"how": 130429, "retry_after": WAIT},
    "broken": {"how": 131000},
    "unavailable": {"how": "html"},
    "rejected": {"how": 987654},
    "unauthorized": {"how": 190},
    "blocked": {"how": 131050},
    "reset": {"how": "reset"},
    "accepted_then_reset": {"how": "accept_then_reset"},
    "accepted_then_cut": {"how": "accept_then_cut"},
    "accepted_then_silent": {"how": "accept_then_hang"},
    "garbage": {"how": "html"},
}


class Peer(peer.Peer):
    ways: ClassVar[tuple[Way, ...]] = ("pushed",)
    wire = True
    proof = ("x-hub-signature-256",)
    covers_body = True

    def __init__(self) -> None:
        self.server = WhatsAppServer()

    async def start(self) -> None:
        await self.server.start()
        self._ada.says("hi")

    async def stop(self) -> None:
        await self.server.stop()

    @property
    def _ada(self) -> Any:
        return self.server.user(ADA, "Ada", username="ada")

    def options(self, way: Way | None = None) -> dict[str, Any]:
        secrets = {"access_token": self.server.token, "app_secret": SECRET, "verify_token": WORD}
        return {"phone_number_id": NUMBER, **secrets, "api_base": self.server.url}

    def body(self, said: Said) -> bytes:
        if said.by == "user":
            self._ada.says(said.text)
        else:
            self.server.echoes(self._ada, said.text)
        return self.server.pusher.told[-1]

    def call(self, body: bytes, secret: str = "") -> Call:
        signature = "sha256=" + hmac.new((secret or SECRET).encode(), body, hashlib.sha256).hexdigest()
        headers = {"content-type": "application/json", self.proof[0]: signature}
        return Call("POST", "/c/contract", {}, headers, body, "192.0.2.7")

    @property
    def address(self) -> Address:
        return Address(chat=self._ada.id, user=self._ada.id)

    def group(self) -> Address:
        return Address(chat=self.server.group(GROUP).id, user=self._ada.id, place="group")

    def sent(self, where: Address | None = None) -> list[str]:
        sent = [sent for sent in self.server.sent if sent.to == (where or self.address).chat]
        return [sent.text for sent in sent if sent.asked["type"] != "reaction"]

    def tries(self) -> int:
        return [edge for edge, _ in self.server.calls].count("messages")

    async def fail(self, fault: Fault) -> None:
        if fault == "away":
            await self.server.stop()
        else:
            self.server.fail("messages", **FAULTS[fault])

    def typed(self) -> int:
        return len(self.server.typings)

    def offered(self) -> list[tuple[str, str]]:
        action = self.server.sent[-1].asked["interactive"]["action"]
        if "buttons" in action:
            return [(button["reply"]["title"], button["reply"]["id"]) for button in action["buttons"]]
        return [(row["title"], row["id"]) for section in action["sections"] for row in section["rows"]]

    def shown(self) -> list[bytes]:
        files = [sent.asked[sent.asked["type"]].get("id") for sent in self.server.sent]
        return [self.server.media[file][0] for file in files if file]

    def written(self) -> str:
        return list(self.server.written)[-1]

    def reaction(self) -> str:
        return self.server.sent[-1].text

    def has_read(self) -> bool:
        return self.written() in self.server.reads

    def file(self, content: bytes) -> File:
        return File(ref=self.server.keep(content, "application/pdf"), name="a.pdf", size=len(content))
