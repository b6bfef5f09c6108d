"""A part of an answer as the Bot API wants it."""

from collections.abc import Sequence
from typing import Any

from gateway.errors import Refused
from gateway.message import Address, Entity, Part

_ENTITIES = {"bold", "italic", "underline", "strikethrough", "spoiler", "code", "pre", "text_link", "blockquote"}


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
    found = {**target(part.address), **words(part.text, part.entities)}
    if part.reply_to.isdecimal():
        # the answer matters more than the quote: the message may have been deleted meanwhile
        found["reply_parameters"] = {"message_id": int(part.reply_to), "allow_sending_without_reply": True}
    return found


def words(text: str, formatted: Sequence[Entity]) -> dict[str, Any]:
    """A text and its formatting; a kind of stretch that Telegram does not have stays plain."""
    entities = [_entity(entity) for entity in formatted if entity.type in _ENTITIES]
    return {"text": text, "entities": entities} if entities else {"text": text}


def _entity(entity: Entity) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": entity.type,
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
