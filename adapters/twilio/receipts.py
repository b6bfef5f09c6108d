"""What became of a line of ours in a conversation: Twilio tells it of each telephone, and of all when it is asked."""

import re
from typing import Any, Literal

import msgspec
import orjson

from adapters.twilio.api import Api, segment
from adapters.twilio.fields import Fields
from gateway.adapter import Gate
from gateway.errors import Refused

EVENT = "onDeliveryUpdated"
_MARK = "part"
_IDS = re.compile(r"CH[0-9A-Za-z]{1,62}/IM[0-9A-Za-z]{1,62}", re.ASCII)

Fate = Literal["read", "delivered", "sent", "failed"]


class _Line(msgspec.Struct, frozen=True):
    """`delivery` says by status how many of the telephones there have come to it: all, some or none."""

    author: str = ""
    attributes: str = ""
    delivery: dict[str, Any] | None = None


class Receipts:
    """Asks what receipts come to, and settles the part that a line was the last of."""

    def __init__(self, gate: Gate, api: Api, name: str) -> None:
        self._gate, self._api, self._name = gate, api, name

    async def take(self, fields: Fields) -> bool:
        """False when it is no receipt that could be ours. Raises `Retry` when Twilio cannot be asked now."""
        chat, sid = fields.first("ConversationSid"), fields.first("MessageSid")
        if not _IDS.fullmatch(f"{chat}/{sid}"):
            return False
        url = self._api.at("conversations", f"/v1/Conversations/{segment(chat)}/Messages/{segment(sid)}")
        try:
            line = await self._api.get("receipt", url, (), _Line)
        except Refused:  # the line is gone
            return True
        # Members of a chat may mark their own lines as they like.
        part = marked(line.attributes) if line.author == self._name else ""
        fate = _fate(line.delivery or {})
        if part and fate is not None:
            await self._gate.settle(part, fate, sid)
        return True


def mark(part: str) -> str:
    """What a line is given along, so that receipts of it can be told from others."""
    return orjson.dumps({_MARK: part}).decode()


def marked(attributes: str) -> str:
    """The part that a line was marked with, "" when it was not by us."""
    try:
        held = orjson.loads(attributes)
    except orjson.JSONDecodeError:
        return ""
    part = held.get(_MARK) if isinstance(held, dict) else None
    return part if isinstance(part, str) else ""


def _fate(delivery: dict[str, Any]) -> Fate | None:
    """What is true of all telephones; one that it could not reach does not make it a failure for the others."""
    for status in ("read", "delivered", "sent"):
        if delivery.get(status) == "all":
            return status
    lost = delivery.get("failed") == "all" or delivery.get("undelivered") == "all"
    return "failed" if lost else None
