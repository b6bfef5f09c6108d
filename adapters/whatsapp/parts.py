"""A part of an answer as the Graph API wants it: one message, or a few where WhatsApp has no single one for it."""

import re
from typing import Any, NamedTuple

from adapters.whatsapp import interactive, media
from adapters.whatsapp.people import is_phone
from gateway.errors import Refused
from gateway.message import Address, File, Part

TEXT, CAPTION = 4096, 1024
_VARIABLE = 1024
_LANGUAGE = "en"


class Outgoing(NamedTuple):
    """One message: its type and content, and a file that has to be uploaded into it first."""

    type: str
    content: dict[str, Any]
    file: File | None = None
    quotes: bool = True


def target(address: Address) -> dict[str, str]:
    """Whom a message is for. User ids go under another name than numbers."""
    if address.place == "group":
        return {"recipient_type": "group", "to": address.chat}
    key = "to" if is_phone(address.chat) else "recipient"
    return {"recipient_type": "individual", key: address.chat}


def messages(part: Part) -> list[Outgoing]:
    """What is to be sent, in order. Raises `Refused` for what we cannot send."""
    if part.template:
        return [_template(part)]
    text = part.text
    if not text.strip() and not part.files and not part.buttons:
        raise Refused("rejected", "there is nothing to send")
    caption = len(part.files) == 1 and not part.buttons and len(text) <= CAPTION and media.captioned(part.files[0])
    found = [Outgoing("file", {"caption": text} if caption and text.strip() else {}, file) for file in part.files]
    if part.buttons:
        composed = interactive.compose(text, part.buttons, group=part.address.place == "group")
        found += [Outgoing(kind, content) for kind, content in composed]
    elif text.strip() and not caption:
        found.insert(0, Outgoing("text", {"body": text}))
    if any(len(one.content.get("body", "")) > TEXT for one in found if one.type == "text"):
        raise Refused("too_long", f"WhatsApp takes {TEXT} characters")
    return found


def _template(part: Part) -> Outgoing:
    """The operator's template, `name` or `name:language`, with the text as the one variable of its body."""
    name, _, language = part.template.partition(":")
    # A variable may hold neither line breaks nor runs of spaces.
    variable = re.sub(r"\s+", " ", part.plain or part.text).strip()[:_VARIABLE]
    body = {"type": "body", "parameters": [{"type": "text", "text": variable or "\u2026"}]}
    content = {"name": name, "language": {"code": language or _LANGUAGE}, "components": [body]}
    return Outgoing("template", content, quotes=False)


def payload(part: Part, message: Outgoing, mark: str, *, first: bool) -> dict[str, Any]:
    """The arguments of a call. `mark` comes back in what is reported of the message."""
    found: dict[str, Any] = {
        "messaging_product": "whatsapp",
        **target(part.address),
        "type": message.type,
        message.type: message.content,
    }
    if part.reply_to and first and message.quotes:
        found["context"] = {"message_id": part.reply_to}
    if mark:
        found["biz_opaque_callback_data"] = mark
    return found
