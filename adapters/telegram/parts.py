"""A part of an answer as the calls that send it."""

from collections.abc import Iterator, Sequence
from typing import Any

from adapters.telegram import keyboard, media
from adapters.telegram.addressing import units
from adapters.telegram.media import Shipment
from gateway.message import Address, Entity, Part

_ENTITIES = {"bold", "italic", "underline", "strikethrough", "spoiler", "code", "pre", "text_link", "blockquote"}
CAPTION = 1024
ALBUM = 10


def target(address: Address) -> dict[str, Any]:
    """The chat, and the topic within it."""
    found: dict[str, Any] = {"chat_id": number(address.chat)}
    if address.thread:
        found["message_thread_id"] = number(address.thread)
    return found


def message(part: Part) -> dict[str, Any]:
    """The arguments of `sendMessage`, for a part without files."""
    asked = {**target(part.address), **_said(part)}
    if part.reply_to:
        asked |= _quoted(part)
    if part.buttons:
        asked["reply_markup"] = keyboard.markup(part.buttons)
    return asked


def shipments(part: Part, *, plainly: bool = False) -> list[Shipment]:
    """The calls of a part with files, in order: one, but for what Telegram does not take together. The last one bears
    the buttons.
    """
    calls = list(_calls(part, plainly))
    calls[0].asked.update(_quoted(part))
    if part.buttons:
        calls[-1].asked["reply_markup"] = keyboard.markup(part.buttons)
    return [call._replace(asked={**target(part.address), **call.asked}) for call in calls]


def _quoted(part: Part) -> dict[str, Any]:
    if not part.reply_to.isdecimal():
        return {}
    # the answer matters more than the quote: the message may have been deleted meanwhile
    return {"reply_parameters": {"message_id": int(part.reply_to), "allow_sending_without_reply": True}}


def _said(part: Part) -> dict[str, Any]:
    return words(part.text or ("⬇️" if part.buttons else ""), part.entities)


def _calls(part: Part, plainly: bool) -> Iterator[Shipment]:
    several = len(part.files) > 1
    # an album has no buttons, and a long text is no caption
    apart = bool(part.text) and (units(part.text) > CAPTION or (several and bool(part.buttons)))
    said = captioned(part) if part.text and not apart else {}
    if several:
        yield media.album(part.files[:ALBUM], said, plainly=plainly)
    else:
        yield media.single(part.files[0], said, plainly=plainly)
    if apart or (several and part.buttons):
        yield Shipment("sendMessage", _said(part))


def captioned(part: Part) -> dict[str, Any]:
    said = words(part.text, part.entities)
    return {"caption" if name == "text" else "caption_entities": value for name, value in said.items()}


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
