"""Slack's side of the contract."""

import time
from typing import Any, ClassVar

from gateway.adapter import Call
from gateway.message import Address, File
from tests.contract import peer
from tests.contract.peer import WAIT, Fault, Said, Way
from tests.far.slack import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, TEAM, SlackServer
from tests.far.slack.pusher import signed
from tests.far.slack.world import File as Kept

ADA = "U7"
SIGNS = {"eyes": "👀", "white_check_mark": "✅"}
FAULTS: dict[Fault, dict[str, Any]] = {
    "throttled": {"how": 429, "retry_after": WAIT},
    "broken": {"how": "internal_error"},
    "unavailable": {"how": "html"},
    "rejected": {"how": "something_nobody_has_heard_of"},
    "unauthorized": {"how": "invalid_auth"},
    "blocked": {"how": "messages_tab_disabled"},
    "reset": {"how": "reset"},
    "accepted_then_reset": {"how": "accept_then_reset"},
    "accepted_then_cut": {"how": "accept_then_cut"},
    "accepted_then_silent": {"how": "accept_then_hang"},
    "garbage": {"how": "html"},
}


class Peer(peer.Peer):
    """Ada talks to the assistant: of all direct messages only those are in threads, where Slack has streams."""

    ways: ClassVar[tuple[Way, ...]] = ("pushed", "fetched")
    wire = True
    proof = ("x-slack-signature", "x-slack-request-timestamp")
    covers_body = True

    def __init__(self) -> None:
        self.server = SlackServer()
        self.server.told.echoes = False
        self._thread = self._written = ""

    async def start(self) -> None:
        await self.server.start()
        ada = self.server.user(ADA, "Ada")
        self._thread = ada.opens_assistant()
        self._written = ada.says("hi", thread=self._thread)
        self.server.room("C1")
        self.server.feed.pending.clear()

    async def stop(self) -> None:
        await self.server.stop()

    def options(self, way: Way | None = None) -> dict[str, Any]:
        common = {"bot_token": BOT_TOKEN, "api_base": self.server.url}
        if way == "pushed":
            return {**common, "mode": "http", "signing_secret": SIGNING_SECRET}
        return {**common, "mode": "socket", "app_token": APP_TOKEN}

    def secrets(self) -> tuple[str, ...]:
        return (BOT_TOKEN.removeprefix("xoxb-"), APP_TOKEN.removeprefix("xapp-"), SIGNING_SECRET)

    def body(self, said: Said) -> bytes:
        self.happens(said)
        return self.server.feed.pending.popitem()[1].body

    def call(self, body: bytes, secret: str = "") -> Call:
        proof = signed(secret or SIGNING_SECRET, body, int(time.time()))
        headers = {"content-type": "application/json", **{name.lower(): value for name, value in proof.items()}}
        return Call("POST", "/c/contract", {}, headers, body, "192.0.2.7")

    def happens(self, said: Said, copies: int = 1) -> None:
        self.server.feed.copies = copies
        team = self.server.team(TEAM)
        if said.by == "user":
            self.server.user(ADA).says(said.text, thread=self._thread)
            return
        self.server.told.echoes = True
        self.server.speaking.write(team, team.direct(ADA), {"text": said.text, "thread_ts": self._thread})

    def unconfirmed(self) -> int:
        return len(self.server.feed.pending)

    @property
    def address(self) -> Address:
        return Address(chat=f"D{ADA}", thread=self._thread, user=ADA)

    def group(self) -> Address:
        return Address(chat="C1", place="group")

    def thread(self) -> Address:
        room = self.server.room("C1")
        return Address(chat="C1", thread=self.server.user(ADA).says("news", room), user=ADA, place="thread")

    def sent(self, where: Address | None = None) -> list[str]:
        return [_plain(message["text"]) for message in self._ours(where)]

    def _ours(self, where: Address | None = None) -> list[dict[str, Any]]:
        where = where or self.address
        team = self.server.team(TEAM)
        channel = team.channels.get(where.chat) or team.direct(where.user)
        return [
            message
            for message in channel.messages.values()
            if message.get("bot_id") == team.bot.bot_id
            and not message.get("assistant")
            and not message.get("streamed")
            and message.get("thread_ts", "") == where.thread
        ]

    def tries(self) -> int:
        return len(self.server.asked("chat.postMessage"))

    async def fail(self, fault: Fault) -> None:
        if fault == "away":
            await self.server.stop()
        else:
            self.server.fail("chat.postMessage", **FAULTS[fault])

    def typed(self) -> int:
        return len(self.server.statuses)

    def drafted(self) -> list[str]:
        """The stream as it grew."""
        return ["".join(self.server.streamed[: count + 1]) for count in range(len(self.server.streamed))]

    def offered(self) -> list[tuple[str, str]]:
        last = self._ours()[-1]
        elements = [element for block in last["blocks"] for element in block.get("elements", ())]
        return [(element["text"]["text"], element["value"]) for element in elements]

    def shown(self) -> list[bytes]:
        files = [file["id"] for message in self._ours() for file in message.get("files", ())]
        return [self.server.world.files[number].content for number in files]

    def written(self) -> str:
        return self._written

    def reaction(self) -> str:
        channel = self.server.team(TEAM).direct(ADA)
        return "".join(SIGNS[name] for name in channel.messages[self._written].get("own_reactions", ()))

    def file(self, content: bytes) -> File:
        self.server.world.files["F1"] = Kept("F1", "a.bin", content)
        return File(ref=f"{TEAM}/F1", name="a.bin", size=len(content))


def _plain(text: str) -> str:
    """As it is read, without the invisible breaks that keep marks from being marks."""
    for escape, sign in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"), ("\u200b", "")):
        text = text.replace(escape, sign)
    return text
