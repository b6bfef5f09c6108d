"""Telegram's road, by webhook and by polling."""

import random
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar, Literal

from tests import telegram_road
from tests.far.telegram import TelegramServer
from tests.far.telegram.people import Group, User
from tests.situations.ground import BOT, CHANNEL, Ground
from tests.situations.road import WAIT, Fault, Forgery

_HEADER = "X-Telegram-Bot-Api-Secret-Token"
_SENDING = ("sendMessage", "sendPhoto", "sendDocument", "sendMediaGroup")


class Telegram(Ground):
    called: ClassVar[str] = "@far_bot"
    edits: ClassVar[bool] = True
    mode: ClassVar[str]

    server: TelegramServer

    @property
    def name(self) -> str:
        return f"telegram by {self.mode}"

    @staticmethod
    def far() -> AbstractAsyncContextManager[Any]:
        return TelegramServer()

    def gateway(self) -> AbstractAsyncContextManager[Any]:
        return telegram_road.gateway(self.server, self.folder, self.mode, BOT, CHANNEL)

    def person(self) -> User:
        return self.server.user(next(self._numbers))

    def group(self, *members: User) -> Group:
        return self.server.group(-next(self._numbers))

    async def say(self, who: User, text: str, where: Group | None = None, *, below: str = "") -> str:
        return str(who.says(text, where, reply_to=int(below or 0)))

    async def edit(self, who: User, message: str, text: str) -> None:
        who.edits(int(message), text)

    async def press(self, who: User, label: str) -> None:
        chat = self.server.world.chats[who.id]
        who.taps(max(chat.messages), label)

    async def show(self, who: User, *pictures: bytes, text: str) -> None:
        names = [f"p{next(self._numbers)}" for _ in pictures]
        self.server.files.update(zip(names, pictures, strict=True))
        who.sends_photos(*names, caption=text)

    async def speak(self, who: User, recording: bytes) -> None:
        name = f"v{next(self._numbers)}"
        self.server.files[name] = recording
        who.posts({"voice": {"file_id": name, "file_unique_id": name, "duration": 2, "mime_type": "audio/ogg"}})

    async def locate(self, who: User, latitude: float, longitude: float) -> None:
        who.posts({"location": {"latitude": latitude, "longitude": longitude}})

    async def introduce(self, who: User) -> None:
        who.posts({"contact": {"phone_number": "+4930", "first_name": "Bob"}})

    def copies(self, each: int) -> None:
        self.server.queue.copies = each

    def told(self) -> bool:
        return not self.server.queue.pending

    def hold(self) -> None:
        self.server.queue.hold()

    async def release(self, how: Literal["together", "shuffled"]) -> None:
        self.server.queue.release(random.Random(7) if how == "shuffled" else None)

    def fail(self, how: Fault, times: int = 1, *, wait: int = WAIT) -> None:
        fail = self.server.fail
        match how:
            case "throttled":
                fail("sendMessage", 429, times, retry_after=wait)
            case "broken":
                fail("sendMessage", 500, times)
            case "proxy":
                fail("sendMessage", "html", times)
            case "cut":
                fail("sendMessage", "reset", times)
            case "lost":
                fail("sendMessage", "accept_then_reset", times)
            case "hung":
                fail("sendMessage", "accept_then_hang", times)
            case "refused":
                fail("sendMessage", 400, times, description="Bad Request: SOMETHING_NEW")
            case "markup":
                fail("sendMessage", 400, times, description="Bad Request: can't parse entities: wrong")
            case "blocked":
                fail("sendMessage", 403, times)

    def revoke(self) -> None:
        self.server.revoked = True

    def restore(self) -> None:
        self.server.revoked = False

    def texts(self, where: User | Group) -> list[str]:
        return self.server.visible(where.id) if where.id in self.server.world.chats else []

    def marked(self, where: User | Group) -> list[str]:
        messages = self.server.world.chats[where.id].messages.values()
        return [_marked(one) for one in messages if one["from"]["id"] == self.server.world.bot.id]

    def files(self, where: User | Group) -> list[bytes]:
        messages = self.server.world.chats[where.id].messages.values()
        ours = [one for one in messages if one["from"]["id"] == self.server.world.bot.id and "photo" in one]
        return [self.server.files[one["photo"][-1]["file_id"]] for one in ours]

    def tries(self, where: User | Group) -> int:
        return sum(
            method in _SENDING and str(asked.get("chat_id")) == str(where.id) for method, asked in self.server.calls
        )

    def size(self, text: str) -> int:
        return len(text.encode("utf-16-le")) // 2


class ByWebhook(Telegram):
    mode: ClassVar[str] = "webhook"

    async def forge(self, how: Forgery) -> int:
        secret = self.server.pusher.secret
        given = {"unsigned": {}, "foreign": {_HEADER: "x" * len(secret)}, "altered": {_HEADER: secret[:-1] + "!"}}[how]
        return await self.knock(self._update("forged"), given)

    async def replay(self) -> int:
        body = self._update("said before")
        status = await self.knock(body, {_HEADER: self.server.pusher.secret})
        assert status == 200
        return await self.knock(body, {_HEADER: self.server.pusher.secret})

    def _update(self, text: str) -> bytes:
        """A message that the far server does not tell of by itself."""
        self.server.queue.hold()
        self.person().says(text)
        (update,) = self.server.queue.set_aside()
        return update.body


class ByPolling(Telegram):
    mode: ClassVar[str] = "polling"


def _marked(message: dict[str, Any]) -> str:
    """A message's text with fences around what is shown as code, and with the addresses of its links."""
    units = (message.get("text") or message.get("caption") or "").encode("utf-16-le")
    for at, sign in sorted(_signs(message), reverse=True):
        units = units[: 2 * at] + sign.encode("utf-16-le") + units[2 * at :]
    return units.decode("utf-16-le")


def _signs(message: dict[str, Any]) -> Iterator[tuple[int, str]]:
    for mark in message.get("entities", ()):
        end = mark["offset"] + mark["length"]
        if mark["type"] == "pre":
            yield from ((mark["offset"], "```\n"), (end, "\n```"))
        elif mark["type"] == "text_link":
            yield end, f" ({mark['url']})"
