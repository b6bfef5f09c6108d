"""The WhatsApp adapter."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from typing import ClassVar

import msgspec

from adapters.whatsapp import parts, probe
from adapters.whatsapp.api import Api, segment
from adapters.whatsapp.events import Arrived, Drop, Events, Stray
from adapters.whatsapp.media import LARGEST
from adapters.whatsapp.options import Options as AppOptions
from adapters.whatsapp.people import REMEMBERED
from adapters.whatsapp.refusal import window_closed
from adapters.whatsapp.reports import Report
from adapters.whatsapp.sending import Sending
from adapters.whatsapp.webhook import Webhook
from adapters.whatsapp.wire import items, parse
from gateway import adapter
from gateway.adapter import Boundary, Call, Finding, Gate, Limits, Reply
from gateway.errors import Refused, Retry, SendError, StorageDown
from gateway.message import Address, File, Part
from gateway.units import Rate

_BRIEF = 10.0  # seconds
CHECK = 300.0
_DAY = 24 * 3600.0


class _Done(msgspec.Struct, frozen=True):
    success: bool = True


class _Media(msgspec.Struct, frozen=True):
    url: str


class Adapter(adapter.Adapter):
    """One WhatsApp app with its business numbers."""

    Options = AppOptions
    limits = Limits(
        text=parts.TEXT,
        dialect="asterisk",
        caption=parts.CAPTION,
        typing=20,  # shown for 25 seconds
        groups=True,
        reactions=True,
        buttons=True,
        most_buttons=10,
        button_label=72,
        reports=30,
        group_buttons=False,
        receipts=True,
        files_in=LARGEST,
        files_out=LARGEST,
        window=_DAY,
        account_rate=Rate(80, 1),
        rate_is_shared=True,
        chat_rate=Rate(10, 60, burst=10),  # Meta lets 45 go at once; what is borrowed has to be waited for afterwards
        body=3 * 1024 * 1024,
    )
    boundary: ClassVar[Boundary] = {"dm": "user", "group": "chat"}

    options: AppOptions

    def __init__(self, name: str, options: AppOptions, gate: Gate) -> None:
        super().__init__(name, options, gate)
        self._accounts = options.accounts
        self.account = self._accounts[0]
        self._api = Api(gate, options.api_base, options.api_version, options.access_token.get_secret_value())
        self._webhook = Webhook(options.app_secret.get_secret_value(), options.verify_token.get_secret_value())
        self._events = Events(name, self._accounts)
        self._sending = Sending(self._api, gate, name)
        self._heard: OrderedDict[tuple[str, str], str] = OrderedDict()  # the last message of each chat
        self._trouble = ""

    @property
    def hears_every(self) -> float:
        return CHECK + 30

    async def open(self) -> None:
        """See that the token may use each number, and have Meta tell this app of what happens to them."""
        self._trouble = "" if self.gate.public_url else "server.public_url is not set: Meta has no address to call"
        await self._look()

    async def _look(self) -> None:
        try:
            for account in self._accounts:
                await probe.number(self._api, account)
            if self.options.business_account_id:
                await self._api.post(f"{segment(self.options.business_account_id)}/subscribed_apps", {}, _Done)
        except SendError as error:
            if isinstance(error, Refused) and error.reason == "auth":
                raise
            raise Retry(str(error)) from None
        self.gate.heard()

    async def run(self) -> None:
        """All is pushed. But that Meta still does is looked after: a number or an app may be taken from us."""
        while True:
            if self._trouble:
                self.gate.health("up", self._trouble)
            await self.gate.pause(CHECK)
            await self._look()

    async def handle(self, call: Call) -> Reply:
        """A call of Meta's: 200 once all that it tells is on disk, 503 when it could not be written."""
        if call.method == "GET":
            return self._webhook.shake(call)
        if not self._webhook.authentic(call):
            return Reply(401)
        if call.method != "POST":
            return Reply(405, headers={"allow": "GET, POST"})
        webhook = parse(call.body)
        if webhook is None:
            return Reply(400)
        told = [one for item in items(webhook, call.body) for one in self._events.read(item)]
        try:
            await self._take([one for one in told if isinstance(one, Arrived)])
            for one in told:
                if isinstance(one, Stray):
                    await self.gate.bury(*one, "unroutable")
                elif isinstance(one, Drop):
                    await self.gate.drop(*one)
            # Asked for within one turn of the loop, they join one commit.
            await asyncio.gather(*(self._settle(one) for one in told if isinstance(one, Report)))
        except StorageDown:
            return Reply(503, headers={"retry-after": "2"})
        self.gate.heard()
        return Reply(200)

    async def _take(self, events: list[Arrived]) -> None:
        if len(events) == 1:
            await self.gate.receive(*events[0])
        elif events:
            await self.gate.receive_all([(event.inbound, event.raw) for event in events])
        for inbound, _ in events:
            if inbound.kind in ("message", "button") and inbound.address.place == "dm":
                self._hear(inbound.account, inbound.address.chat, inbound.ids[0].partition(":")[2])

    def _hear(self, account: str, chat: str, message: str) -> None:
        self._heard[account, chat] = message
        self._heard.move_to_end((account, chat))
        if len(self._heard) > REMEMBERED:
            self._heard.popitem(last=False)

    async def _settle(self, report: Report) -> None:
        part = self._sending.part(report.mark)
        if part:
            closed = report.outcome == "failed" and window_closed(report.codes)
            await self.gate.settle(part, "window" if closed else report.outcome, report.ref)

    def _account(self, address: Address) -> str:
        account = address.account or self.account
        if account not in self._accounts:
            raise Refused("rejected", f"{account} is no number of this channel any more")
        return account

    def serves(self, account: str) -> bool:
        return account in self._accounts

    async def send(self, part: Part) -> str:
        """One part; a file with many words below it, or with buttons, takes more than one message."""
        return await self._sending.send(self._account(part.address), part)

    async def typing(self, address: Address) -> None:
        """Shown as an answer to the last message, which is marked as read thereby; only in private chats."""
        account = self._account(address)
        message = self._heard.get((account, address.chat), "")
        if message:
            await self._mark(account, message, {"typing_indicator": {"type": "text"}})

    async def read(self, address: Address, ref: str) -> None:
        if address.place == "dm" and ref:
            await self._mark(self._account(address), ref, {})

    async def _mark(self, account: str, message: str, more: dict[str, object]) -> None:
        asked = {"messaging_product": "whatsapp", "status": "read", "message_id": message, **more}
        await self._api.post(f"{account}/messages", asked, _Done, _BRIEF)

    async def react(self, address: Address, ref: str, emoji: str) -> None:
        reaction = {"type": "reaction", "reaction": {"message_id": ref, "emoji": emoji}}
        asked = {"messaging_product": "whatsapp", **parts.target(address), **reaction}
        await self._api.post(f"{self._account(address)}/messages", asked, _Done, _BRIEF)

    async def fetch(self, file: File) -> AsyncIterator[bytes]:
        """Raises `Refused` when Meta has no such file (any more), else `Retry`."""
        if not file.ref:
            raise Refused("gone", "media: without an id")
        address = (await self._api.get(segment(file.ref), _Media)).url
        async for piece in self._api.download(address):
            yield piece

    async def probe(self) -> list[Finding]:
        webhook = f"{self.gate.public_url}/c/{self.name}" if self.gate.public_url else ""
        return await probe.findings(self._api, self._accounts, webhook)
