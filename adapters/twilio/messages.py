"""A message that a user sent to our number, as an `Inbound`, or the reason why it is none."""

import re
from collections.abc import Mapping
from typing import NamedTuple

import orjson
from msgspec.structs import replace

from adapters.twilio.fields import Fields
from adapters.twilio.media import incoming
from adapters.twilio.senders import Party, party
from gateway.message import Address, File, Inbound, Json, Kind, Sender

_OPTED = {"STOP": "blocked", "START": "unblocked"}
_REFERRAL = "Referral"
SID = re.compile(r"[A-Z]{2}[0-9a-fA-F]{32}", re.ASCII)
"""An id of Twilio's. Its signatures have no seams between names and values: what is longer has had some moved."""

_NUMBER = re.compile(r"\+?[0-9]{1,20}", re.ASCII)  # of a telephone or a page; for the same reason nothing else will do


class Drop(NamedTuple):
    """An authentic event that is let go."""

    ids: tuple[str, ...]
    reason: str


class Stray(NamedTuple):
    """A message to a sender of the account that is not this channel's, and may be tomorrow."""

    inbound: Inbound


class Content(NamedTuple):
    """What a message holds. `text` is what the user reads of it; `ref` another message that it is about."""

    kind: Kind
    text: str
    files: tuple[File, ...]
    extra: Mapping[str, Json]
    ref: str = ""


class Messages:
    """Reads messages to one sender of one account."""

    def __init__(self, channel: str, account_sid: str, us: Party) -> None:
        self._channel, self._account_sid, self.us = channel, account_sid, us

    def read(self, fields: Fields) -> Inbound | Stray | Drop | None:
        """Never raises because of what the fields hold; None when they are no message."""
        sid = fields.first("MessageSid") or fields.first("SmsMessageSid")
        if not SID.fullmatch(sid):
            return None
        ids = (f"message:{sid}",)
        them, there = party(fields.first("From")), party(fields.first("To"))
        ours = fields.first("AccountSid") == self._account_sid
        if not ours or them is None or there is None or them.kind != there.kind:
            return Drop(ids, "unroutable")
        if them in (self.us, there):
            return Drop(ids, "own_echo")
        if fields.first("OptOutType").upper() == "HELP":
            return Drop(ids, "service")  # Twilio has answered it with the text that the account set for that
        content = _content(fields)
        if content is None:
            return Drop(ids, "unsupported")
        account = there.id if there.kind == self.us.kind else there.qualified
        told = Inbound(
            channel=self._channel,
            account=account,
            ids=ids,
            kind=content.kind,
            address=Address(chat=them.id, user=them.id),
            sender=_sender(them, fields),
            text=content.text,
            files=content.files,
            ref=content.ref or sid,
            reply_to="" if content.ref else fields.first("OriginalRepliedMessageSid"),
            extra=content.extra,
        )
        if there == self.us:
            return told
        if told.kind not in ("message", "button") or not _NUMBER.fullmatch(there.id):
            return Drop(ids, "unroutable")
        return Stray(replace(told, address=replace(told.address, account=account)))


def _sender(them: Party, fields: Fields) -> Sender:
    profile = {"phone": them.phone} if them.phone else {}
    if user := fields.first("ExternalUserId"):
        profile["user_id"] = user.removeprefix("whatsapp:")
    return Sender(id=them.id, name=fields.first("ProfileName"), profile=profile)


def _content(fields: Fields) -> Content | None:
    """Nothing where there is neither a word nor a file, and no word for what it is either."""
    extra = {**_forwarded(fields), **_referral(fields)}
    body = fields.first("Body")
    opted = _OPTED.get(fields.first("OptOutType").upper())
    if opted == "blocked":
        return Content("blocked", body, (), extra)
    if opted == "unblocked":
        return Content("unblocked", body, (), extra)
    if (pressed := _pressed(fields)) is not None:
        return pressed._replace(extra={**extra, **pressed.extra})
    if fields.first("MessageType") == "reaction" and (ref := fields.first("OriginalRepliedMessageSid")):
        return Content("reaction", "", (), {"reaction": {"emoji": body, "removed": not body}}, ref)
    files = incoming(fields)
    stands_in, more = _stand_in(fields)
    text = " ".join(filter(None, (stands_in, body)))
    if not text and not files:
        unknown = fields.first("MessageType")
        return Content("message", "", (), {"kind": unknown[:64]}) if unknown not in ("", "text") else None
    return Content("message", text, files, {**extra, **more})


def _pressed(fields: Fields) -> Content | None:
    """A button below one of our messages, or a line of its list."""
    for value, label in (("ButtonPayload", "ButtonText"), ("ListId", "ListTitle")):
        if given := fields.first(value) or fields.first(label):
            shown = fields.first(label) or fields.first("Body") or given
            button = {"ref": fields.first("OriginalRepliedMessageSid"), "text": shown}
            return Content("button", given, (), {"button": button})
    return None


def _stand_in(fields: Fields) -> tuple[str, dict[str, Json]]:
    """Readable words for what is neither text nor file, and the same as data."""
    if fields.first("Latitude") and fields.first("Longitude"):
        return _location(fields)
    if data := fields.first("FlowData") or fields.first("InteractiveData"):
        try:
            return "[form]", {"form": orjson.loads(data)}
        except orjson.JSONDecodeError:
            return "[form]", {}
    return "", {}


def _location(fields: Fields) -> tuple[str, dict[str, Json]]:
    try:
        latitude, longitude = (float(fields.first(name)[:32]) for name in ("Latitude", "Longitude"))
    except ValueError:
        return "[location]", {}
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):  # which no NaN is
        return "[location]", {}
    place: dict[str, Json] = {"latitude": latitude, "longitude": longitude}
    named = {"name": fields.first("Label"), "address": fields.first("Address")}
    place.update({name: value for name, value in named.items() if value})
    words = ", ".join(value for value in named.values() if value)
    note = f"[location {latitude:g},{longitude:g} {words}".rstrip() + "]"
    return note, {"location": place}


def _forwarded(fields: Fields) -> dict[str, Json]:
    return {"forwarded": True} if "true" in (fields.first("Forwarded"), fields.first("FrequentlyForwarded")) else {}


def _referral(fields: Fields) -> dict[str, Json]:
    """The advertisement that brought the user here."""
    found = {
        name.removeprefix(_REFERRAL): values[0]
        for name, values in fields.items()
        if name.startswith(_REFERRAL) and name != "ReferralNumMedia" and values[0]
    }
    return {"referral": found} if found else {}
