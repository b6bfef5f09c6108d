"""People who write to the account's numbers, alone or in a conversation."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from tests.far.twilio.caller import Form

if TYPE_CHECKING:
    from tests.far.twilio.server import TwilioServer


class Person:
    """Somebody with a telephone, who uses one kind of channel: the one of the sender they write to."""

    def __init__(self, server: "TwilioServer", id: str, name: str, sender: str) -> None:
        self._server, self.id, self.name, self.sender = server, id, name, sender
        self.stopped = False
        self.window = False  # whether free text may be sent to them now

    @property
    def kind(self) -> str:
        return self.sender.partition(":")[0] if ":" in self.sender else ""

    @property
    def address(self) -> str:
        return f"{self.kind}:{self.id}" if self.kind else self.id

    def form(self, body: str = "", *, sid: str = "", **fields: Any) -> list[tuple[str, str]]:
        """The webhook that tells of a message; `fields` are more of its fields, or replace ours."""
        sid = sid or self._server.number("MM" if "MediaUrl0" in fields else "SM")
        said = {"SmsMessageSid": sid, "NumMedia": "0", "SmsSid": sid, "SmsStatus": "received", "Body": body}
        said |= {"To": self.sender, "NumSegments": "1", "MessageSid": sid, "AccountSid": self._server.account}
        said |= {"From": self.address, "ApiVersion": "2010-04-01"}
        if self.kind == "whatsapp":
            said |= {"ProfileName": self.name, "WaId": self.id.lstrip("+"), "MessageType": "text"}
        self._server.heard(self, sid, {**said, **fields})
        return [*{**said, **fields}.items()]

    async def says(self, body: str, *, copies: int = 1, **fields: Any) -> int:
        """Write; the HTTP status of the last copy that was handed over."""
        return await self.sends(self.form(body, **fields), copies)

    async def sends(self, form: Form, copies: int = 1) -> int:
        self.window = True
        status = 0
        for _ in range(copies):
            status = await self._server.caller.call(self._server.webhook_of(self.sender), form)
        return status

    async def shows(self, *files: tuple[bytes, str], body: str = "", **fields: Any) -> int:
        """Send files, each as (content, type)."""
        media: dict[str, Any] = {"NumMedia": str(len(files))}
        for number, (content, type) in enumerate(files):
            media[f"MediaUrl{number}"] = self._server.keep(content, type)
            media[f"MediaContentType{number}"] = type
        return await self.says(body, **media, **fields)

    async def presses(self, sent: str, value: str, label: str) -> int:
        """Press a quick reply below a message of ours."""
        more: dict[str, Any] = {"ButtonPayload": value, "ButtonText": label, "OriginalRepliedMessageSid": sent}
        return await self.says(label, MessageType="interactive", **more)

    async def stops(self) -> int:
        self.stopped = True
        return await self.says("STOP", OptOutType="STOP")

    async def starts(self) -> int:
        self.stopped = False
        return await self.says("START", OptOutType="START")


class Conversation:
    """A group conversation of the account."""

    def __init__(self, server: "TwilioServer", sid: str) -> None:
        self._server, self.sid = server, sid
        self.lines: list[tuple[str, str]] = []  # author, body; of a file its type in brackets
        self.files: list[bytes] = []
        self.participants: list[dict[str, Any]] = []
        self.said: dict[str, tuple[str, str]] = {}  # lines by their ids: author, and the attributes they were given
        self.receipts: dict[str, dict[str, str]] = {}

    async def reached(self, line: str, copies: int = 1, **delivery: str) -> int:
        """A telephone reports on a line; by status `delivery` says how many have come to it by then."""
        self.receipts[line] = delivery
        told = {"MessageSid": line, "DeliveryReceiptSid": self._server.number("DY"), "Status": "delivered"}
        return await self.sends(self.form("onDeliveryUpdated", "", **told), copies)

    def joins(self, who: str, role: str = "channel user") -> None:
        """Somebody takes part from now on: a user of the site's chat, or a telephone by its address."""
        bound = {"type": "sms", "address": who, "proxy_address": "+14155550100"}
        named = {"messaging_binding": bound} if ":" in who or who.startswith("+") else {"identity": who}
        found = {"sid": self._server.number("MB"), "conversation_sid": self.sid, "identity": None}
        sid = next((sid for sid, one in self._server.roles.items() if one["friendly_name"] == role), None)
        self.participants.append({**found, "messaging_binding": None, "role_sid": sid, **named})

    def form(self, event: str, author: str, body: str = "", **fields: str) -> list[tuple[str, str]]:
        """The webhook that tells of something; `fields` are more of its fields, or replace ours."""
        said = {"EventType": event, "ConversationSid": self.sid, "AccountSid": self._server.account}
        said |= {"Author": author, "Body": body, "MessageSid": self._server.number("IM"), "Source": "SMS"}
        now = datetime.fromtimestamp(self._server.clock(), UTC).isoformat(timespec="milliseconds")
        said |= {"ChatServiceSid": self._server.service, "DateCreated": now.replace("+00:00", "Z"), "RetryCount": "0"}
        return [*{**said, **fields}.items()]

    async def says(self, author: str, body: str, *, copies: int = 1, **fields: str) -> int:
        return await self.sends(self.form("onMessageAdded", author, body, **fields), copies)

    async def shows(self, author: str, content: bytes, type: str, name: str, body: str = "") -> int:
        media = [{"Sid": self._server.store(content, type), "Filename": name, "ContentType": type}]
        media[0]["Size"] = len(content)  # type: ignore[assignment]
        return await self.says(author, body, Media=orjson.dumps(media).decode())

    async def happens(self, event: str, author: str = "", **fields: Any) -> int:
        return await self.sends(self.form(event, author, **fields))

    async def sends(self, form: Form, copies: int = 1) -> int:
        status = 0
        for _ in range(copies):
            status = await self._server.caller.call(self._server.conversations_url, form)
        return status
