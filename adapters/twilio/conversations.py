"""Twilio's group conversations: who said what in which, and what else happens there."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from adapters.twilio import receipts
from adapters.twilio.fields import Fields
from adapters.twilio.media import described
from adapters.twilio.messages import SID, Drop
from adapters.twilio.senders import party
from gateway.message import Address, File, Inbound, Kind, Sender

_KINDS: Mapping[str, Kind] = {
    "onMessageAdded": "message",
    "onMessageUpdated": "edit",
    "onMessageRemoved": "revoke",
    "onConversationAdded": "added",
    "onConversationRemoved": "removed",
}
EVENTS = (*_KINDS, receipts.EVENT)
"""What we ask to be told of."""

_DATES = {"edit": "DateUpdated", "revoke": "DateRemoved"}
_MOST = 32


class Conversations:
    """Reads events of one account's conversations. `name` is the bot's in them."""

    def __init__(self, channel: str, account_sid: str, account: str, name: str) -> None:
        self._channel, self._account_sid, self._account = channel, account_sid, account
        self.name = name
        self._called = re.compile(rf"(?<![\w@])@{re.escape(name)}(?![\w-])", re.IGNORECASE)

    def read(self, fields: Fields) -> Inbound | Drop | None:
        """Never raises because of what the fields hold; None when they are no event."""
        event, chat = fields.first("EventType"), fields.first("ConversationSid")
        sid = fields.first("MessageSid")
        if not re.fullmatch(r"CH[0-9A-Za-z]{1,62}", chat, re.ASCII):
            return None
        ids = (f"{event}:{chat}:{sid}:{fields.first('DateUpdated')}",)
        kind = _KINDS.get(event)
        if fields.first("AccountSid") != self._account_sid:
            return Drop(ids, "unroutable")
        if kind is None:  # people joining, and what Twilio asks before it does something
            return Drop(ids, "service")
        author = fields.first("Author")
        if kind in ("added", "removed"):
            return self._inbound(kind, ids, Address(chat=chat, place="group"), None, fields)
        if not SID.fullmatch(sid) or not author or not author.isprintable():
            return Drop(ids, "unsupported")
        if author == self.name:
            return Drop(ids, "own_echo")
        sender = _speaker(author, bot=fields.first("Source") == "API")  # a program's line, of which somebody told us
        return self._inbound(kind, ids, Address(chat=chat, user=sender.id, place="group"), sender, fields)

    def _inbound(
        self, kind: Kind, ids: tuple[str, ...], address: Address, sender: Sender | None, fields: Fields
    ) -> Inbound | Drop:
        sid, body = fields.first("MessageSid"), fields.first("Body")
        files = _files(fields)
        if kind == "message":
            ids = (f"message:{sid}",)
            if not body and not files:
                return Drop(ids, "unsupported")
        return Inbound(
            channel=self._channel,
            account=self._account,
            ids=ids,
            kind=kind,
            address=address,
            sender=sender,
            text=self._bare(body),
            files=files,
            addressed=self._hears(body),
            ref=sid,
            sent_at=_milliseconds(fields.first(_DATES.get(kind, "DateCreated"))),
        )

    def _bare(self, text: str) -> str:
        """The text without our name at its start or end. Our name alone stays: no text becomes empty."""
        bare = text.strip()
        for called in self._called.finditer(bare):
            if called.start() == 0:
                return bare[called.end() :].lstrip(" \t\r\n,:") or text
            if called.end() == len(bare):
                return bare[: called.start()].rstrip(" \t\r\n,") or text
        return text

    def _hears(self, text: str) -> bool:
        """Called by name, or a command that is not another bot's."""
        command = re.match(r"\s*/\w+(?:@([\w.-]+))?", text)
        if command:
            return command[1] is None or command[1].lower() == self.name.lower()
        return bool(self._called.search(text))


def _speaker(author: str, *, bot: bool) -> Sender:
    """People from telephones are named by their number, members of the chat by the identity the site gave them."""
    them = party(author) if author.startswith(("+", "whatsapp:+", "messenger:")) else None
    if them is None:
        return Sender(id=author, name=author, bot=bot)
    return Sender(id=them.id, name=them.id, profile={"phone": them.phone} if them.phone else {}, bot=bot)


def _files(fields: Fields) -> tuple[File, ...]:
    """The files of a line: a JSON list, each with the id that Twilio's store of media knows it by."""
    try:
        told: Any = orjson.loads(fields.first("Media") or "[]")
    except orjson.JSONDecodeError:
        return ()
    service = fields.first("ChatServiceSid")
    if not isinstance(told, list) or not re.fullmatch(r"IS[0-9A-Za-z]{1,62}", service, re.ASCII):
        return ()
    found = []
    for one in told[:_MOST]:
        sid = one.get("Sid") if isinstance(one, dict) else None
        if isinstance(sid, str) and re.fullmatch(r"ME[0-9A-Za-z]{1,62}", sid, re.ASCII):
            found.append(_file(f"/v1/Services/{service}/Media/{sid}", one))
    return tuple(found)


def _file(path: str, told: Mapping[str, Any]) -> File:
    mime, name, size = told.get("ContentType"), told.get("Filename"), told.get("Size")
    return described(
        path,
        mime if isinstance(mime, str) else "",
        name[:200] if isinstance(name, str) else "",
        size if isinstance(size, int) and 0 <= size < 1 << 40 else 0,
    )


def _milliseconds(date: str) -> int:
    try:
        return max(0, round(datetime.fromisoformat(date).timestamp() * 1000))
    except (ValueError, OverflowError, OSError):
        return 0
