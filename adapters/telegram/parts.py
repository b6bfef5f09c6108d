"""A part of an answer as the Bot API wants it."""

from typing import Any

from gateway.errors import Refused
from gateway.message import Address, Entity, Part

# Our names for stretches of text, and Telegram's.
_ENTITIES = {
    "bold": "bold",
    "italic": "italic",
    "underline": "underline",
    "strikethrough": "strikethrough",
    "spoiler": "spoiler",
    "code": "code",
    "pre": "pre",
    "text_link": "text_link",
    "blockquote": "blockquote",
}


def target(address: Address) -> dict[str, Any]:
    """The chat, and the topic within it."""
    found: dict[str, Any] = {"chat_id": number(address.chat)}
    if address.thread:
        found["message_thread_id"] = number(address.thread)
    return found


def message(part: Part) -> dict[str, Any]:
    """The arguments of `sendMessage`. Raises `Refused` for what we cannot send."""
    if part.files or part.buttons:
        raise Refused("unsupported", "files and buttons are not sent to this platform yet")
    found = {**target(part.address), **text(part)}
    if part.reply_to.isdecimal():
        # the answer matters more than the quote: the message may have been deleted meanwhile
        found["reply_parameters"] = {"message_id": int(part.reply_to), "allow_sending_without_reply": True}
    return found


def text(part: Part) -> dict[str, Any]:
    """The text and its formatting; a kind of stretch that Telegram does not have stays plain."""
    entities = [_entity(entity) for entity in part.entities if entity.type in _ENTITIES]
    return {"text": part.text, "entities": entities} if entities else {"text": part.text}


def _entity(entity: Entity) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": _ENTITIES[entity.type],
        "offset": entity.offset,
        "length": entity.length,
    }
    if entity.url:
        found["url"] = entity.url
    if entity.language:
        found["language"] = entity.language
    return found


def number(identity: str) -> int | str:
    """Ids are numbers; the name of a public chat, as in `@name`, is taken as well."""
    return int(identity) if identity.removeprefix("-").isdecimal() else identity
