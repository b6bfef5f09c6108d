"""Telegram's side of the contract."""

from typing import Any, ClassVar

from gateway.adapter import Call
from gateway.message import Address, File
from tests.contract import peer
from tests.contract.peer import WAIT, Fault, Said, Way
from tests.far.telegram import TelegramServer
from tests.far.telegram.keyboards import buttons
from tests.far.telegram.media import file_ids
from tests.far.telegram.server import text_of

ADA, GROUP = 7, -1001
SECRET = "the_secret-of-this-channel"
FAULTS: dict[Fault, dict[str, Any]] = {
    "throttled": {"how": 429, "retry_after": WAIT},
    "broken": {"how": 500},
    "unavailable": {"how": "html"},
    "rejected": {"how": 400, "description": "Bad Request: something nobody has heard of"},
    "unauthorized": {"how": 401},
    "blocked": {"how": 403},
    "reset": {"how": "reset"},
    "accepted_then_reset": {"how": "accept_then_reset"},
    "accepted_then_cut": {"how": "accept_then_cut"},
    "accepted_then_silent": {"how": "accept_then_hang"},
    "garbage": {"how": "html"},
}


class Peer(peer.Peer):
    ways: ClassVar[tuple[Way, ...]] = ("pushed", "fetched")
    wire = True
    proof = ("x-telegram-bot-api-secret-token",)

    def __init__(self) -> None:
        self.server = TelegramServer()
        self._written = 0

    async def start(self) -> None:
        await self.server.start()
        self._written = self.server.user(ADA, "Ada").says("hi")
        self.server.queue.pending.clear()

    async def stop(self) -> None:
        await self.server.stop()

    def options(self, way: Way | None = None) -> dict[str, Any]:
        common = {"token": self.server.token, "api_base": self.server.url}
        return {**common, "mode": "webhook", "secret": SECRET} if way == "pushed" else common

    def secrets(self) -> tuple[str, ...]:
        return (self.server.token.partition(":")[2], SECRET)

    def body(self, said: Said) -> bytes:
        self.happens(said)
        return self.server.queue.pending.popitem()[1].body

    def call(self, body: bytes, secret: str = "") -> Call:
        headers = {"content-type": "application/json", self.proof[0]: secret or SECRET}
        return Call("POST", "/c/contract", {}, headers, body, "192.0.2.7")

    def happens(self, said: Said, copies: int = 1) -> None:
        world, self.server.queue.copies = self.server.world, copies
        if said.by == "user":
            self.server.user(ADA).says(said.text)
        else:
            world.post(world.chats[ADA], {"from": world.bot.stamp()}, {"text": said.text})

    def unconfirmed(self) -> int:
        return len(self.server.queue.pending)

    @property
    def address(self) -> Address:
        return Address(chat=str(ADA), user=str(ADA))

    def group(self) -> Address:
        self.server.group(GROUP, forum=True)
        return Address(chat=str(GROUP), user=str(ADA), place="group")

    def thread(self) -> Address:
        topic = self.server.group(GROUP, forum=True).topic("news")
        return Address(chat=str(GROUP), thread=str(topic), user=str(ADA), place="topic")

    def sent(self, where: Address | None = None) -> list[str]:
        where = where or self.address
        messages = self.server.world.chats[int(where.chat)].messages.values()
        return [
            text_of(message)
            for message in messages
            if message["from"]["id"] == self.server.world.bot.id
            and str(message.get("message_thread_id", "")) == where.thread
        ]

    def tries(self) -> int:
        return [method for method, _ in self.server.calls].count("sendMessage")

    async def fail(self, fault: Fault) -> None:
        if fault == "away":
            await self.server.stop()
        else:
            self.server.fail("sendMessage", **FAULTS[fault])

    def typed(self) -> int:
        return len(self.server.actions)

    def drafted(self) -> list[str]:
        return [draft[3] for draft in self.server.drafts]

    def offered(self) -> list[tuple[str, str]]:
        last = list(self.server.world.chats[ADA].messages.values())[-1]
        return [(key["text"], key["callback_data"]) for key in buttons(last)]

    def shown(self) -> list[bytes]:
        messages = self.server.world.chats[ADA].messages.values()
        return [self.server.files[number] for message in messages for number in file_ids(message)]

    def written(self) -> str:
        return str(self._written)

    def reaction(self) -> str:
        ours = [emoji for chat, number, emoji in self.server.touches.reacted if (chat, number) == (ADA, self._written)]
        # Telegram has no check mark for bots: this is the nearest.
        return {"👌": "✅"}.get(ours[-1], ours[-1]) if ours else ""

    def file(self, content: bytes) -> File:
        self.server.files["f1"] = content
        return File(ref="f1", name="a.bin", size=len(content))
