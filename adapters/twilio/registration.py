"""Having Twilio call us: told to the number, the WhatsApp sender, and the account's conversations."""

from urllib.parse import urldefrag

import msgspec

from adapters.twilio.api import Api
from adapters.twilio.conversations import EVENTS
from adapters.twilio.senders import Party
from gateway.errors import Retry, SendError, Unknown

SANDBOX = "+14155238886"


class Number(msgspec.Struct, frozen=True):
    sid: str
    sms_url: str | None = None
    sms_application_sid: str | None = None


class Numbers(msgspec.Struct, frozen=True):
    incoming_phone_numbers: tuple[Number, ...]


class Webhook(msgspec.Struct, frozen=True):
    """A WhatsApp sender's addresses. Those that are not ours to set are handed back as they were."""

    callback_url: str | None = None
    callback_method: str | None = None
    fallback_url: str | None = None
    fallback_method: str | None = None
    status_callback_url: str | None = None
    status_callback_method: str | None = None


class WhatsApp(msgspec.Struct, frozen=True):
    sid: str
    sender_id: str = ""
    webhook: Webhook | None = None


class WhatsApps(msgspec.Struct, frozen=True):
    senders: tuple[WhatsApp, ...]


class ForAll(msgspec.Struct, frozen=True):
    """The one webhook of all conversations of an account."""

    post_webhook_url: str | None = None
    filters: tuple[str, ...] | None = None


class ByHand(Exception):
    """There is no way to set this webhook by the API; says what to do."""


class Registration:
    """The webhooks of one channel."""

    def __init__(self, api: Api, us: Party, *, conversations: bool) -> None:
        self._api, self._us, self._conversations = api, us, conversations

    async def ensure(self, url: str) -> None:
        """Have Twilio call us at a URL. Raises `ByHand`, `Retry` or `Refused`."""
        by_hand: list[str] = []
        try:
            for ensure in (self._ensure_conversations, self._ensure_sender):
                try:
                    await ensure(url)
                except ByHand as error:
                    by_hand.append(str(error))
        except Unknown as error:
            raise Retry(str(error)) from None
        if by_hand:
            raise ByHand("; ".join(by_hand))

    async def withdraw(self, url: str) -> None:
        """Take back what still points at a URL of ours. Raises nothing: we are leaving, and others may have come."""
        try:
            if self._conversations and same((await self._for_all()).post_webhook_url, url):
                await self._set_for_all("")
            found = await self._find()
            if same(_url(found), url):
                await self._point(found, "")
        except (SendError, ByHand):
            return

    async def _ensure_sender(self, url: str) -> None:
        found = await self._find()
        if not same(_url(found), url):
            await self._point(found, url)

    async def current(self) -> str:
        """Where the sender's messages go now. Raises `ByHand`, `Retry` or `Refused`."""
        return _url(await self._find()) or ""

    async def for_conversations(self) -> str | None:
        """Where events of conversations go now, None when they are not wanted. Raises `Retry` or `Refused`."""
        return (await self._for_all()).post_webhook_url or "" if self._conversations else None

    async def _find(self) -> Number | WhatsApp:
        if self._us.kind == "":
            return await self._number()
        if self._us.kind == "whatsapp":
            return await self._whatsapp()
        raise ByHand(f"the webhook of a {self._us.kind} sender is set by hand in Twilio's console")

    async def _number(self) -> Number:
        url = self._api.of_account("/IncomingPhoneNumbers.json")
        found = (await self._api.get("numbers", url, [("PhoneNumber", self._us.id)], Numbers)).incoming_phone_numbers
        if not found:
            raise ByHand(f"{self._us.id} is not a number of the account: its webhook is set by hand")
        if found[0].sms_application_sid:  # then Twilio does not look at the number's own address
            raise ByHand(f"a TwiML app is set for messages to {self._us.id}: take it off, or set the webhook in it")
        return found[0]

    async def _whatsapp(self) -> WhatsApp:
        if self._us.id == SANDBOX:
            raise ByHand("the sandbox's webhook is set by hand: Messaging, Try it out, Sandbox settings")
        url, query = self._api.at("messaging", "/v2/Channels/Senders"), [("Channel", "whatsapp"), ("PageSize", "1000")]
        for sender in (await self._api.get("senders", url, query, WhatsApps)).senders:
            if sender.sender_id == str(self._us):
                return sender
        raise ByHand(f"{self._us} is not a WhatsApp sender of the account: its webhook is set by hand")

    async def _point(self, found: Number | WhatsApp, url: str) -> None:
        if isinstance(found, Number):
            at = self._api.of_account(f"/IncomingPhoneNumbers/{found.sid}.json")
            await self._api.post("number", at, [("SmsUrl", url), ("SmsMethod", "POST")], msgspec.Raw)
            return
        webhook = msgspec.structs.replace(found.webhook or Webhook(), callback_url=url, callback_method="POST")
        given = {name: value for name, value in msgspec.structs.asdict(webhook).items() if value is not None}
        at = self._api.at("messaging", f"/v2/Channels/Senders/{found.sid}")
        await self._api.post_json("sender", at, {"webhook": given}, msgspec.Raw)

    async def _ensure_conversations(self, url: str) -> None:
        if not self._conversations:
            return
        now = await self._for_all()
        if same(now.post_webhook_url, url) and set(EVENTS) <= set(now.filters or ()):
            return
        if now.post_webhook_url and not same(
            now.post_webhook_url, url
        ):  # it is the whole account's, and somebody may live by it
            raise ByHand("the webhook of the account's conversations is set to somebody else: change it by hand")
        await self._set_for_all(url)

    async def _for_all(self) -> ForAll:
        url = self._api.at("conversations", "/v1/Configuration/Webhooks")
        return await self._api.get("conversations", url, (), ForAll)

    async def _set_for_all(self, url: str) -> None:
        form = [("PostWebhookUrl", url), ("Method", "POST"), ("Target", "webhook")]
        form += [("Filters", event) for event in EVENTS]
        at = self._api.at("conversations", "/v1/Configuration/Webhooks")
        await self._api.post("conversations", at, form, msgspec.Raw)


def _url(found: Number | WhatsApp) -> str | None:
    if isinstance(found, Number):
        return found.sms_url
    return found.webhook.callback_url if found.webhook else None


def same(one: str | None, other: str) -> bool:
    """Whether two addresses are one place; how often Twilio is to try again there does not count."""
    return bool(one) and urldefrag(str(one)).url == urldefrag(other).url
