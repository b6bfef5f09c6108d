"""The Twilio adapter."""

from collections import OrderedDict
from collections.abc import AsyncIterator
from functools import partial
from typing import ClassVar

import msgspec
from msgspec.structs import replace

from adapters.twilio import parts, probe, receipts
from adapters.twilio.api import BRIEF, Api
from adapters.twilio.content import ITEM_TITLE, ITEMS, REPLIES, REPLY_TITLE, Contents
from adapters.twilio.conversations import Conversations
from adapters.twilio.fields import Fields
from adapters.twilio.lines import Lines
from adapters.twilio.media import Media
from adapters.twilio.messages import Drop, Messages, Stray
from adapters.twilio.missed import Missed
from adapters.twilio.options import Options as SenderOptions
from adapters.twilio.order import Order
from adapters.twilio.receipts import Receipts
from adapters.twilio.refusal import GONE_FOR_GOOD, WINDOW
from adapters.twilio.registration import Registration
from adapters.twilio.rulers import Rulers
from adapters.twilio.senders import Party, party
from adapters.twilio.signature import Signature
from adapters.twilio.speech import Speech
from adapters.twilio.statuses import read_status
from adapters.twilio.upkeep import Upkeep
from gateway import adapter
from gateway.adapter import Boundary, Call, Finding, Gate, Limits, Reply
from gateway.errors import Refused, Retry, StorageDown
from gateway.message import Address, File, Inbound, Part
from gateway.units import Rate

MB = 1024 * 1024
DAY = 24 * 3600.0
REMEMBERED = 20_000  # people whose last message is known
_TWIML = b'<?xml version="1.0" encoding="UTF-8"?><Response/>'


class LastMessages(msgspec.Struct, frozen=True):
    messages: tuple["LastMessage", ...]


class LastMessage(msgspec.Struct, frozen=True):
    sid: str


class Adapter(adapter.Adapter):
    """One sender of a Twilio account: a WhatsApp number, a number for SMS, or a Messenger page."""

    Options = SenderOptions
    limits = Limits(
        text=1600,
        unit="utf16",
        dialect="asterisk",
        caption=parts.CAPTION,
        typing=20,
        groups=True,
        buttons=True,
        most_buttons=ITEMS,
        button_label=ITEM_TITLE,
        group_buttons=False,
        reports=30,
        files_in=16 * MB,
        files_out=16 * MB,
        window=DAY,
        account_rate=Rate(10, 1),
        body=65_536,
    )
    boundary: ClassVar[Boundary] = {"dm": "user", "group": "chat"}

    options: SenderOptions

    def __init__(self, name: str, options: SenderOptions, gate: Gate) -> None:
        super().__init__(name, options, gate)
        token = options.auth_token
        self._us = party(options.sender) or Party("", options.sender)
        self.account = self._us.id
        self.mention = options.name or name
        # The class says what WhatsApp can do; the other kinds can do less.
        vars(self)["limits"] = _limits(self._us.kind, told=bool(gate.public_url))
        self._api = api = Api(gate, options.api_base, options.account_sid, token.get_secret_value())
        self._signature = Signature(name, token, options.webhook_key)
        self._messages = Messages(name, options.account_sid, self._us)
        self._conversations = Conversations(name, options.account_sid, self.account, self.mention)
        self._order = Order(options.order_wait)
        address = partial(self._signature.address, gate.public_url)
        self._speech = Speech(api, self._us, Contents(gate, api), self._order, lambda **query: address(query))
        self._lines = Lines(gate, api, self._us.kind, self.mention)
        self._receipts = Receipts(gate, api, self.mention)
        self._rulers = Rulers(api)
        self._registration = Registration(api, self._us, conversations=options.conversations)
        self._upkeep = Upkeep(gate, self._registration, address() if options.register_webhook else "")
        self._missed = Missed(api, options.account_sid, self._us)
        self._media = Media(gate, api, options.api_base)
        self._heard: OrderedDict[str, str] = OrderedDict()

    @property
    def hears_every(self) -> float:
        return self._upkeep.hears_every

    async def open(self) -> None:
        """See that the account is ours to speak for, and have Twilio call us."""
        await probe.account(self._api)
        await self._upkeep.look()

    async def run(self) -> None:
        """Look every few minutes whether Twilio still calls us."""
        await self._upkeep.keep()

    @property
    def catches_up(self) -> bool:
        return self.options.catch_up

    async def catch_up(self, since: int) -> None:
        """Messages to the sender itself; group conversations have lists of their own, which are not asked for."""
        for told in await self._missed.since(since):
            found = self._messages.read(told.fields)
            if isinstance(found, Inbound):
                self._note(found)
                await self.gate.receive(replace(found, sent_at=told.at))

    async def withdraw(self) -> None:
        if self.options.register_webhook and self.gate.public_url:
            await self._registration.withdraw(self._signature.address(self.gate.public_url))

    async def handle(self, call: Call) -> Reply:
        """A call of Twilio's: 200 with empty instructions once it is on disk, 503 when it could not be written."""
        fields = self._signature.fields(self.gate.public_url, call)
        if fields is None:
            return Reply(401)
        if call.method != "POST":
            return Reply(405, headers={"allow": "POST"})
        try:
            known = await self._take(fields, call)
        except (StorageDown, Retry):
            return Reply(503, headers={"retry-after": "2"})
        if not known:
            return Reply(400)
        self.gate.heard()
        return Reply(200, _TWIML, "text/xml")

    async def _take(self, fields: Fields, call: Call) -> bool:
        """Write down what was told. False when it is nothing that we know of."""
        found: Inbound | Stray | Drop | None
        if "EventType" in fields:
            if self.options.conversations and fields.first("EventType") == receipts.EVENT:
                return await self._receipt(fields)
            found = self._conversations.read(fields)
            if isinstance(found, Inbound) and not self.options.conversations:
                found = Drop(found.ids, "unsupported")
        elif "MessageStatus" in fields:
            return await self._settle(fields, call)
        else:
            found = self._messages.read(fields)
        if isinstance(found, Drop):
            await self.gate.drop(found.ids, self.account, found.reason)
        elif isinstance(found, Stray):
            await self.gate.bury(found.inbound, call.body, "unroutable")
        elif found is not None:
            self._note(found)
            await self.gate.receive(found, call.body)
        return found is not None

    async def _receipt(self, fields: Fields) -> bool:
        if fields.first("AccountSid") == self.options.account_sid:
            return await self._receipts.take(fields)
        ids = (f"receipt:{fields.first('DeliveryReceiptSid')}",)
        await self.gate.drop(ids, self.account, "unroutable")
        return True

    async def _settle(self, fields: Fields, call: Call) -> bool:
        status = read_status(fields)
        if status is None:
            return False
        if fields.first("AccountSid") != self.options.account_sid:
            await self.gate.drop((f"status:{status.sid}",), self.account, "unroutable")
            return True
        part, message = call.query.get("part", ""), call.query.get("message", "")
        if part and status.outcome is not None:
            closed = status.outcome == "failed" and status.error in WINDOW
            await self.gate.settle(part, "window" if closed else status.outcome, status.sid)
        if status.outcome == "failed" and status.error in GONE_FOR_GOOD:
            await self._shut_out(fields.first("To"), status.sid)
        if status.over:
            self._order.arrived(message)
        return True

    async def _shut_out(self, to: str, sid: str) -> None:
        """Nothing reaches this person until they write again."""
        them = party(to)
        if them is not None and them.kind == self._us.kind:
            address = Address(chat=them.id, user=them.id)
            ids = (f"status:{sid}:blocked",)
            await self.gate.receive(
                Inbound(channel=self.name, account=self.account, ids=ids, kind="blocked", address=address)
            )

    def _note(self, inbound: Inbound) -> None:
        """Typing is shown below a person's last message."""
        if self.limits.typing and inbound.address.place == "dm" and inbound.ref:
            self._heard[inbound.address.chat] = inbound.ref
            self._heard.move_to_end(inbound.address.chat)
            if len(self._heard) > REMEMBERED:
                self._heard.popitem(last=False)

    def serves(self, account: str) -> bool:
        return account in (self.account, self._us.qualified)

    async def send(self, part: Part) -> str:
        """A message, or several where files cannot go with the words. The other end of its status is our webhook."""
        if part.address.place == "group":
            return await self._lines.say(part)
        return await self._speech.say(part)

    async def typing(self, address: Address) -> None:
        if address.place != "dm" or not self.limits.typing:
            return
        last = self._heard.get(address.chat) or await self._last(address.chat)
        if last:
            url = self._api.at("messaging", "/v2/Indicators/Typing.json")
            await self._api.post("typing", url, [("messageId", last), ("channel", "whatsapp")], msgspec.Raw, BRIEF)

    async def _last(self, chat: str) -> str:
        """A person's last message, as Twilio remembers it: we may have been started since."""
        them = str(Party(self._us.kind, chat))
        if not them.isprintable():
            raise Refused("gone", "nobody has such an id")
        query = [("From", them), ("To", str(self._us)), ("PageSize", "1")]
        found = (await self._api.get("messages", self._api.of_account("/Messages.json"), query, LastMessages)).messages
        return found[0].sid if found else ""

    async def is_admin(self, address: Address) -> bool:
        """Whoever may remove others from a conversation, by the role that Twilio knows them to have there."""
        return address.place == "group" and await self._rulers.has(address.chat, address.user)

    def fetch(self, file: File) -> AsyncIterator[bytes]:
        """Raises `Refused` when it is not to be had from Twilio (any more), else `Retry`."""
        return self._media.fetch(file)

    async def probe(self) -> list[Finding]:
        return await probe.findings(self._api, self._registration, self._signature.address(self.gate.public_url))

    async def close(self) -> None:
        self._order.close()


def _limits(kind: str, *, told: bool) -> Limits:
    whole = Adapter.limits if told else replace(Adapter.limits, reports=0)
    if kind == "whatsapp":
        return whole
    plain = replace(whole, dialect="plain", typing=0)
    if kind == "messenger":
        return replace(plain, most_buttons=REPLIES, button_label=REPLY_TITLE)
    return replace(plain, buttons=False, most_buttons=0, button_label=0, window=0, files_out=5 * MB, album=10)
