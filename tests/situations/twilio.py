"""Twilio's road: a number on WhatsApp for people alone, and group conversations."""

import asyncio
import random
import time
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar, Literal
from urllib.parse import urldefrag

from tests import twilio_road
from tests.far.twilio import WHATSAPP, TwilioServer
from tests.far.twilio.people import Conversation, Person
from tests.situations.ground import BOT, CHANNEL, Ground
from tests.situations.road import WAIT, Fault, Forgery

_FAULTS: dict[Fault, tuple[int | str, int]] = {
    "throttled": (429, 63018),
    "broken": (503, 20503),
    "proxy": ("html", 0),
    "cut": ("reset", 0),
    "lost": ("accept_then_reset", 0),
    "hung": ("accept_then_hang", 0),
    "refused": (400, 20001),
    "blocked": (400, 21610),
}


class Twilio(Ground):
    name: ClassVar[str] = "twilio"
    called: ClassVar[str] = "@helper"
    limit: ClassVar[int] = 1600

    server: TwilioServer

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._copies = 1
        self._held: list[tuple[Person | Conversation, Any]] | None = None

    async def start(self) -> None:
        self.server.clock = lambda: time.time() + self.ahead
        await super().start()

    async def stop(self) -> None:
        """The gateway comes back at another address, and takes only what is nobody's."""
        await super().stop()
        self.server.point("")

    @staticmethod
    def far() -> AbstractAsyncContextManager[Any]:
        return TwilioServer()

    def gateway(self) -> AbstractAsyncContextManager[Any]:
        channel = f"conversations: true, name: helper, {CHANNEL}"
        return twilio_road.gateway(self.server, self.folder, BOT, channel)

    def person(self) -> Person:
        return self.server.person(f"+1555020{next(self._numbers)}")

    def group(self, *members: Person) -> Conversation:
        return self.server.conversation(f"CH{next(self._numbers):032x}")

    async def say(self, who: Person, text: str, where: Conversation | None = None, *, below: str = "") -> str:
        if where is not None:
            return await self._tell(where, where.form("onMessageAdded", who.address, text))
        more = {"OriginalRepliedMessageSid": below} if below else {}
        return await self._tell(who, who.form(text, **more))

    async def _tell(self, where: Person | Conversation, form: Any) -> str:
        if self._held is not None:
            self._held.append((where, form))
        else:
            await self._send([(where, form)])
        return str(dict(form)["MessageSid"])

    async def press(self, who: Person, label: str) -> None:
        sent = next(sent for sent in reversed(self.server.sent) if sent.to == who.address)
        await who.presses(sent.sid, dict(sent.choices)[label], label)

    async def show(self, who: Person, *pictures: bytes, text: str) -> None:
        await who.shows(*((picture, "image/png") for picture in pictures), body=text)

    async def speak(self, who: Person, recording: bytes) -> None:
        await who.shows((recording, "audio/ogg"))

    async def locate(self, who: Person, latitude: float, longitude: float) -> None:
        await who.says("", Latitude=str(latitude), Longitude=str(longitude))

    async def introduce(self, who: Person) -> None:
        await who.shows((b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Bob\r\nEND:VCARD\r\n", "text/vcard"))

    async def baffle(self, who: Person) -> None:
        await who.says("", MessageType="unsupported")

    def copies(self, each: int) -> None:
        self._copies = each

    def told(self) -> bool:
        return True  # people wait until it is

    def hold(self) -> None:
        self._held = []

    async def release(self, how: Literal["together", "shuffled"]) -> None:
        held, self._held = self._held or [], None
        if how == "shuffled":
            random.Random(7).shuffle(held)
            await asyncio.gather(*(self._send([one]) for one in held))
        else:
            await asyncio.gather(*(self._send([one for one in held if one[0] is who]) for who in dict(held)))

    async def _send(self, told: list[tuple[Person | Conversation, Any]]) -> None:
        for where, form in told:
            assert await where.sends(form, self._copies) == 200

    async def forge(self, how: Forgery) -> int:
        caller, form, url = self.server.caller, self.person().form("forged"), self._door()
        headers = {
            "unsigned": {},
            "foreign": caller.signed(url, form, "somebody else's"),
            "altered": caller.signed(url, self.person().form("hello")),
        }
        return await caller.call(url, form, headers[how])

    async def replay(self) -> int:
        ada = self.person()
        ada.window = True  # since they wrote
        caller, form, url = self.server.caller, ada.form("said before"), self._door()
        headers = caller.signed(url, form)
        assert await caller.call(url, form, headers) == 200
        return await caller.call(url, form, headers)

    def _door(self) -> str:
        return urldefrag(self.server.webhooks[WHATSAPP]).url

    def fail(self, how: Fault, times: int = 1, *, wait: int = WAIT) -> None:
        status, code = _FAULTS[how]
        more = {"retry_after": wait} if how == "throttled" else {}
        self.server.fail("messages", status, times, code=code, **more)  # type: ignore[arg-type]  # words of `How`

    def revoke(self) -> None:
        self.server.token = "another"  # what Twilio signs is still signed with the old one

    def restore(self) -> None:
        self.server.token = self.server.caller.token

    def texts(self, where: Person | Conversation) -> list[str]:
        if isinstance(where, Conversation):
            return [body for _, body in where.lines]
        return self.server.texts(where.address)

    def files(self, where: Person) -> list[bytes]:
        return [content for sent in self.server.sent if sent.to == where.address for content in sent.contents]

    def tries(self, where: Person) -> int:
        return sum(route == "messages" and where.address in form.get("To", ()) for route, form in self.server.calls)

    def size(self, text: str) -> int:
        return len(text.encode("utf-16-le")) // 2
