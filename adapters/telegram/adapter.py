"""The Telegram adapter."""

from collections.abc import AsyncIterator
from typing import ClassVar

import msgspec

from adapters.telegram import keyboard, menu, parts, probe, reactions
from adapters.telegram.api import Api
from adapters.telegram.options import Options as BotOptions
from adapters.telegram.polling import POLL, Poller
from adapters.telegram.presses import as_reply, callback
from adapters.telegram.sending import Sending
from adapters.telegram.updates import Drop, Updates, parse
from adapters.telegram.webhook import LOOK, Webhook
from gateway import adapter
from gateway.adapter import Boundary, Call, Finding, Gate, Limits, Reply
from gateway.errors import Refused, Retry, StorageDown, Unknown
from gateway.markup import render
from gateway.message import Address, File, Part
from gateway.units import Rate

_TEXT = 4096
_BRIEF = 10.0  # seconds


class _Member(msgspec.Struct, frozen=True):
    status: str


class _Path(msgspec.Struct, frozen=True):
    file_path: str


class Adapter(adapter.Adapter):
    """One Telegram bot."""

    Options = BotOptions
    limits = Limits(
        text=_TEXT,
        unit="utf16",
        dialect="entities",
        caption=parts.CAPTION,
        edit=True,
        delete=True,
        draft=True,
        draft_places=("dm",),
        typing=4,
        groups=True,
        threads=True,
        splits=4000,
        reactions=True,
        buttons=True,
        files_in=20 * 1024 * 1024,
        files_out=50 * 1024 * 1024,
        album=parts.ALBUM,
        account_rate=Rate(30, 1),
        chat_rate=Rate(1, 1),
        group_rate=Rate(20, 60),
        body=262_144,
    )
    boundary: ClassVar[Boundary] = {"dm": "user", "group": "chat", "topic": "thread"}

    options: BotOptions

    def __init__(self, name: str, options: BotOptions, gate: Gate) -> None:
        super().__init__(name, options, gate)
        token = options.token.get_secret_value()
        self.account = token.partition(":")[0]
        self._api = Api(gate, options.api_base, token)
        self._updates = Updates(name, self.account)
        self._webhook = Webhook(self._api, gate, name, options)
        self._sending = Sending(self._api)

    @property
    def _polls(self) -> bool:
        return self.options.mode == "polling"

    @property
    def hears_every(self) -> float:
        if self._polls:
            return POLL
        return LOOK if self._webhook.looks else 0

    @property
    def alone(self) -> bool:
        return self._polls

    async def open(self) -> None:
        """Ask for our name, and see to it that updates can come. What waits at Telegram stays there."""
        try:
            me = await self._api.call("getMe", {}, probe.Me)
            if self._polls:  # a webhook left by somebody stands in the way of polling
                await self._api.call("deleteWebhook", {"drop_pending_updates": False}, bool)
        except Unknown as error:
            raise Retry(str(error)) from None
        except Refused as error:
            if error.reason == "auth":
                raise
            raise Retry(str(error)) from None
        self.mention = self._updates.ear.username = me.username
        if not self._polls and self._webhook.url:
            await self._webhook.ensure()
            self._webhook.tell()

    async def run(self) -> None:
        """Poll; or, called by webhook, look every few minutes whether Telegram still calls us."""
        if self._polls:
            await Poller(self._api, self.gate, self.account, self._updates).run()
        if not self._webhook.url:
            self.gate.health("up", "server.public_url is not set: the webhook has to be registered by hand")
        await self._webhook.keep()

    async def withdraw(self) -> None:
        if not self._polls:
            await self._webhook.withdraw()

    async def handle(self, call: Call) -> Reply:
        """A call of Telegram's: 200 once it is on disk, 503 when it could not be written."""
        if self._polls:
            return Reply(404)
        if not self._webhook.authentic(call):
            return Reply(401)
        if call.method != "POST":
            return Reply(405, headers={"allow": "POST"})
        update = parse(call.body)
        if update is None:
            return Reply(400)
        found = await self._updates.read(update)
        try:
            if isinstance(found, Drop):
                await self.gate.drop(found.ids, self.account, found.reason)
            else:
                await self.gate.receive(found, call.body)
        except StorageDown:
            return Reply(503, headers={"retry-after": "2"})
        self.gate.heard()
        pressed = callback(found)
        return Reply(200, as_reply(pressed)) if pressed else Reply(200)

    async def send(self, part: Part) -> str:
        """A message with its formatting as entities, so that nothing needs escaping; or files with a caption."""
        return await self._sending.send(part)

    async def edit(self, ref: str, part: Part) -> None:
        """A message keeps its place; a text like the old one is no error."""
        asked = {**parts.target(part.address), **parts.words(part.text, part.entities), "message_id": parts.number(ref)}
        asked.pop("message_thread_id", None)
        if part.buttons:
            asked["reply_markup"] = keyboard.markup(part.buttons)
        try:
            await self._api.call("editMessageText", asked, msgspec.Raw)
        except Refused as error:
            if "message is not modified" not in str(error):
                raise

    async def delete(self, address: Address, ref: str) -> None:
        """Telegram lets us for 48 hours."""
        asked = {"chat_id": parts.number(address.chat), "message_id": parts.number(ref)}
        await self._api.call("deleteMessage", asked, bool)

    async def draft(self, address: Address, key: int, text: str) -> None:
        """Telegram shows drafts in private chats only, for 30 seconds each. Of a long text the end is shown."""
        shown = render(text, "entities", _TEXT, "utf16")
        if address.place != "dm" or not shown:
            return
        words = parts.words(shown[-1].text, shown[-1].entities)
        asked = {**parts.target(address), **words, "draft_id": key}
        await self._api.call("sendMessageDraft", asked, bool, _BRIEF)

    async def typing(self, address: Address) -> None:
        await self._api.call("sendChatAction", {**parts.target(address), "action": "typing"}, bool, _BRIEF)

    async def react(self, address: Address, ref: str, emoji: str) -> None:
        await self._api.call("setMessageReaction", reactions.asked(address, ref, emoji), bool, _BRIEF)

    async def is_admin(self, address: Address) -> bool:
        """Whoever speaks as the group itself is one of its administrators, and anonymous."""
        if address.user == address.chat or not address.user.isdecimal():
            return address.user == address.chat
        asked = {"chat_id": parts.number(address.chat), "user_id": int(address.user)}
        try:
            member = await self._api.call("getChatMember", asked, _Member, _BRIEF)
        except Unknown as error:
            raise Retry(str(error)) from None
        except Refused as error:
            if error.reason in ("auth", "migrated"):
                raise Retry(str(error)) from None
            return False
        return member.status in ("creator", "administrator")

    async def menu(self, commands: menu.Commands, in_groups: menu.Commands) -> None:
        """In private chats and in groups. Raises what `send` may."""
        await menu.show(self._api, self.gate, commands, in_groups)

    async def fetch(self, file: File) -> AsyncIterator[bytes]:
        """Raises `Refused` when Telegram has no such file (any more) or finds it too big, else `Retry`."""
        try:
            path = (await self._api.call("getFile", {"file_id": file.ref}, _Path)).file_path
        except Unknown as error:
            raise Retry(str(error)) from None
        async for piece in self._api.download(path):
            yield piece

    async def leave(self, chat: str) -> None:
        await self._api.call("leaveChat", {"chat_id": parts.number(chat)}, bool)

    async def probe(self) -> list[Finding]:
        return await probe.findings(self._api, self._webhook.url, self._polls)
