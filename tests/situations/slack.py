"""Slack's road, over HTTP and by Socket Mode."""

import random
import time
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar, Literal

import orjson

from tests import slack_road
from tests.far.slack import SIGNING_SECRET, TEAM, SlackServer
from tests.far.slack.feed import Happening
from tests.far.slack.people import Room, User
from tests.far.slack.pusher import signed
from tests.far.slack.world import File
from tests.situations.ground import BOT, CHANNEL, Ground
from tests.situations.road import WAIT, Fault, Forgery

_FAULTS: dict[Fault, int | str] = {
    "throttled": 429,
    "broken": "service_unavailable",
    "proxy": "html",
    "cut": "reset",
    "lost": "accept_then_reset",
    "hung": "accept_then_hang",
    "refused": "something_new",
    "blocked": "cannot_dm_bot",
}
_SENDING = ("chat.postMessage", "files.completeUploadExternal", "chat.startStream")


class Slack(Ground):
    called: ClassVar[str] = "@far_bot"
    prefix: ClassVar[str] = "!"  # what begins with a slash Slack's own clients keep for themselves
    limit: ClassVar[int] = 3900
    edits: ClassVar[bool] = True
    mode: ClassVar[str]

    server: SlackServer

    @property
    def name(self) -> str:
        return f"slack by {self.mode}"

    async def start(self) -> None:
        self.server.pusher.clock = lambda: time.time() + self.ahead  # by which it signs
        await super().start()

    @staticmethod
    def far() -> AbstractAsyncContextManager[Any]:
        return SlackServer()

    def gateway(self) -> AbstractAsyncContextManager[Any]:
        return slack_road.gateway(self.server, self.folder, self.mode, BOT, CHANNEL)

    def person(self) -> User:
        return self.server.user(f"U{next(self._numbers)}")

    def group(self, *members: User) -> Room:
        return self.server.room(f"C{next(self._numbers)}")

    async def say(self, who: User, text: str, where: Room | None = None, *, below: str = "") -> str:
        return who.says(text, where, thread=below)

    async def edit(self, who: User, message: str, text: str) -> None:
        who.edits(message, text)

    async def delete(self, who: User, message: str) -> None:
        who.deletes(message)

    async def press(self, who: User, label: str) -> None:
        who.presses(label)

    async def show(self, who: User, *pictures: bytes, text: str) -> None:
        self._shares(who, "image/png", *pictures, text=text)

    async def speak(self, who: User, recording: bytes) -> None:
        self._shares(who, "audio/ogg", recording, text="", subtype="slack_audio")

    async def baffle(self, who: User) -> None:
        """Begin a call, of which apps are told no more than that there is one."""
        who.posts({"text": "", "blocks": [{"type": "call", "block_id": "b1", "call_id": "R1"}]})

    def _shares(self, who: User, mime: str, *contents: bytes, text: str, **more: Any) -> None:
        files = [File(f"F{next(self._numbers)}", "file", content, mime, **more) for content in contents]
        self.server.world.files.update({file.id: file for file in files})
        shown = [self.server.files.described(who.team, file) for file in files]
        who.posts({"text": text, "subtype": "file_share", "files": shown})

    def copies(self, each: int) -> None:
        self.server.feed.copies = each

    def told(self) -> bool:
        return not self.server.feed.pending

    def hold(self) -> None:
        self.server.feed.hold()

    async def release(self, how: Literal["together", "shuffled"]) -> None:
        self.server.feed.release(random.Random(7) if how == "shuffled" else None)

    def fail(self, how: Fault, times: int = 1, *, wait: int = WAIT) -> None:
        self.server.fail("chat.postMessage", _FAULTS[how], times, retry_after=wait)

    def revoke(self) -> None:
        self.server.world.teams[TEAM].revoked = True

    def restore(self) -> None:
        self.server.world.teams[TEAM].revoked = False

    def texts(self, where: User | Room) -> list[str]:
        chat = self._chat(where)
        return self.server.visible(chat) if chat in self.server.world.teams[TEAM].channels else []

    def files(self, where: User | Room) -> list[bytes]:
        messages = self.server.world.teams[TEAM].channels[self._chat(where)].messages.values()
        held = [file["id"] for one in messages if one.get("bot_id") for file in one.get("files", ())]
        return [self.server.world.files[number].content for number in held]

    def tries(self, where: User | Room) -> int:
        chat = self._chat(where)
        return sum(
            method in _SENDING and chat in (asked.get("channel"), asked.get("channel_id"))
            for method, asked in self.server.calls
        )

    def _chat(self, where: User | Room) -> str:
        return where.direct.id if isinstance(where, User) else where.id


class OverHttp(Slack):
    mode: ClassVar[str] = "http"

    async def forge(self, how: Forgery) -> int:
        body, now = self._event("forged").body, int(self.server.pusher.clock())
        right = signed(SIGNING_SECRET, body, now)
        match how:
            case "unsigned":
                return await self._call(body, {})
            case "foreign":
                return await self._call(body, signed("somebody else's", body, now))
            case "altered":
                return await self._call(body.replace(b"forged", b"Forged"), right)
            case "stale":
                return await self._call(body, signed(SIGNING_SECRET, body, now - 600))

    async def replay(self) -> int:
        body, now = self._event("said before").body, int(self.server.pusher.clock())
        headers = signed(SIGNING_SECRET, body, now)
        assert await self._call(body, headers) == 200
        return await self._call(body, headers)

    async def _call(self, body: bytes, headers: dict[str, str]) -> int:
        return await self.knock(body, {"Content-Type": "application/json", **headers})

    def _event(self, text: str) -> Happening:
        """A message that the far server does not tell of by itself."""
        ada = self.person()
        self.server.feed.hold()
        ada.says(text)
        (happening,) = self.server.feed._held or []
        self.server.feed._held = None
        self.server.feed.confirm(happening.number)
        assert orjson.loads(happening.body)["event"]["text"] == text
        return happening


class BySocket(Slack):
    mode: ClassVar[str] = "socket"
