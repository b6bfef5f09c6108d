"""WhatsApp's road."""

import random
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar, Literal

import orjson

from tests import whatsapp_road
from tests.far.whatsapp import WhatsAppServer
from tests.far.whatsapp.people import Group, User
from tests.far.whatsapp.pusher import webhook
from tests.situations.ground import BOT, Ground
from tests.situations.road import WAIT, Fault, Forgery

_HEADER = "X-Hub-Signature-256"
_FAULTS: dict[Fault, int | str] = {
    "throttled": 131056,
    "broken": 131000,
    "proxy": "html",
    "cut": "reset",
    "lost": "accept_then_reset",
    "hung": "accept_then_hang",
    "refused": 100,
    "blocked": 131050,
}


class WhatsApp(Ground):
    name: ClassVar[str] = "whatsapp"
    called: ClassVar[str] = "@15550783881"

    server: WhatsAppServer

    @staticmethod
    def far() -> AbstractAsyncContextManager[Any]:
        return WhatsAppServer()

    def gateway(self) -> AbstractAsyncContextManager[Any]:
        return whatsapp_road.gateway(self.server, self.folder, BOT, group={"reset_by": "anyone"})

    def person(self) -> User:
        return self.server.user(next(self._numbers))

    def group(self, *members: User) -> Group:
        return self.server.group(f"Z3JvdXA{next(self._numbers)}")

    async def say(self, who: User, text: str, where: Group | None = None, *, below: str = "") -> str:
        return who.says(text, where, reply_to=below)

    async def edit(self, who: User, message: str, text: str) -> None:
        who.edits(message, text)

    async def delete(self, who: User, message: str) -> None:
        who.revokes(message)

    async def press(self, who: User, label: str) -> None:
        sent = next(sent for sent in reversed(self.server.sent) if sent.to == who.id)
        replies = [button["reply"] for button in sent.asked["interactive"]["action"]["buttons"]]
        value = next(reply["id"] for reply in replies if reply["title"] == label)
        who.presses(sent.message_id, value, label)

    async def show(self, who: User, *pictures: bytes, text: str) -> None:
        (picture,) = pictures
        who.shows("image", picture, "image/png", caption=text)

    async def speak(self, who: User, recording: bytes) -> None:
        who.shows("audio", recording, "audio/ogg; codecs=opus", voice=True)

    async def locate(self, who: User, latitude: float, longitude: float) -> None:
        who.sends("location", {"latitude": latitude, "longitude": longitude})

    async def introduce(self, who: User) -> None:
        who.sends("contacts", [{"name": {"formatted_name": "Bob"}, "phones": [{"phone": "+4930"}]}])

    async def baffle(self, who: User) -> None:
        who.sends("unsupported", {"type": "poll"})

    def copies(self, each: int) -> None:
        self.server.pusher.copies = each

    def told(self) -> bool:
        return not self.server.pusher.pending

    def hold(self) -> None:
        self.server.pusher.hold()

    async def release(self, how: Literal["together", "shuffled"]) -> None:
        shuffle = random.Random(7) if how == "shuffled" else None
        self.server.pusher.release(together=how == "together", shuffle=shuffle)

    async def forge(self, how: Forgery) -> int:
        body, sign = self._told("forged"), self.server.pusher.sign
        given = {"unsigned": {}, "foreign": {_HEADER: "sha256=" + "0" * 64}, "altered": {_HEADER: sign(body + b" ")}}
        return await self.knock(body, given[how])

    async def replay(self) -> int:
        body = self._told("said before")
        headers = {_HEADER: self.server.pusher.sign(body)}
        assert await self.knock(body, headers) == 200
        return await self.knock(body, headers)

    def _told(self, text: str) -> bytes:
        """A message that the far server does not tell of by itself."""
        self.server.pusher.hold()
        self.person().says(text)
        held, self.server.pusher._held = self.server.pusher._held or [], None
        return orjson.dumps(webhook(held))

    def fail(self, how: Fault, times: int = 1, *, wait: int = WAIT) -> None:
        more = {"retry_after": wait} if how == "throttled" else {}
        self.server.fail("messages", _FAULTS[how], times, **more)  # type: ignore[arg-type]  # words of `How`

    def revoke(self) -> None:
        self.server.revoked = True

    def restore(self) -> None:
        self.server.revoked = False

    def texts(self, where: User | Group) -> list[str]:
        return self.server.texts(where.id)

    def files(self, where: User | Group) -> list[bytes]:
        sent = [sent.asked for sent in self.server.sent if sent.to == where.id]
        return [self.server.media[asked["image"]["id"]][0] for asked in sent if "image" in asked]

    def tries(self, where: User | Group) -> int:
        return sum(
            edge == "messages" and where.id in (asked.get("to"), asked.get("recipient"))
            for edge, asked in self.server.calls
        )
