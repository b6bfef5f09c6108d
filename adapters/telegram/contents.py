"""What a message other than plain text holds, by aiogram's types: files, readable text, or a service note."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from adapters.telegram.sdk import ContentType, Message
from adapters.telegram.wire import Content
from gateway.message import File, Json

# aiogram is strict, and what hangs on a message is not the message:
# a photo that answers an odd poll is still a photo.
_BESIDE = frozenset({"reply_to_message", "external_reply", "quote", "reply_markup", "link_preview_options"})


class _Form(NamedTuple):
    """How files of one content type are when they do not say so themselves."""

    kind: str
    mime: str
    name: str


_FILES: dict[str, _Form] = {
    ContentType.PHOTO: _Form("photo", "image/jpeg", "photo.jpg"),
    ContentType.LIVE_PHOTO: _Form("video", "video/mp4", "live_photo.mp4"),
    ContentType.DOCUMENT: _Form("document", "application/octet-stream", "document"),
    ContentType.AUDIO: _Form("audio", "audio/mpeg", "audio.mp3"),
    ContentType.VOICE: _Form("voice", "audio/ogg", "voice.ogg"),
    ContentType.VIDEO: _Form("video", "video/mp4", "video.mp4"),
    ContentType.VIDEO_NOTE: _Form("video", "video/mp4", "video.mp4"),
    ContentType.ANIMATION: _Form("video", "video/mp4", "animation.mp4"),
    ContentType.STICKER: _Form("sticker", "image/webp", "sticker.webp"),
}
_ANIMATED_STICKER = _Form("sticker", "application/x-tgsticker", "sticker.tgs")
_VIDEO_STICKER = _Form("sticker", "video/webm", "sticker.webm")

# The words after the kind's own name, as in `[location 1.2,3.4]`. What has none says nothing that could be answered.
_READABLE: dict[str, Callable[[Any], str]] = {
    ContentType.LOCATION: lambda it: f"{it.latitude},{it.longitude}",
    ContentType.VENUE: lambda it: f"{it.location.latitude},{it.location.longitude} {it.title}, {it.address}",
    ContentType.CONTACT: lambda it: f"{it.first_name} {it.last_name or ''} {it.phone_number}",
    ContentType.POLL: lambda it: f"{it.question} / {' / '.join(option.text for option in it.options)}",
    ContentType.CHECKLIST: lambda it: f"{it.title} / {' / '.join(task.text for task in it.tasks)}",
    ContentType.DICE: lambda it: f"{it.emoji} {it.value}",
    ContentType.GAME: lambda it: it.title,
    ContentType.INVOICE: lambda it: it.title,
    ContentType.STORY: lambda it: "",
    ContentType.GIVEAWAY: lambda it: "",
    ContentType.PAID_MEDIA: lambda it: "",
    ContentType.RICH_MESSAGE: lambda it: "",
}
_CALLED: dict[str, str] = {ContentType.VENUE: "location"}
_KNOWN = {field.alias or name for name, field in Message.model_fields.items()}


def read(data: Mapping[str, Any]) -> Content | None:
    """The content of a message, by name for a kind that not even aiogram knows; nothing when there is none."""
    held_by = {key: value for key, value in data.items() if key not in _BESIDE}
    try:
        message = Message.model_validate(held_by)
    except ValueError:
        return _unread(held_by)
    content = _name(message)
    if content == ContentType.UNKNOWN:
        return _new_kind(held_by)
    held = getattr(message, content)
    if content in _FILES:
        return Content(files=(_file(content, held),), extra=_emoji(held))
    if content in _READABLE:
        words = " ".join(_READABLE[content](held).split())
        extra = {content: data[content]} if words else {content: data[content], "kind": _called(content)}
        return Content(text=_note(content, words), extra=extra)
    return Content(kind="service", extra={"service": content})


def _unread(held_by: Mapping[str, Any]) -> Content | None:
    """What aiogram cannot read, since its Bot API is older or newer than Telegram's, is at least called by name."""
    content = _name(Message.model_construct(**held_by))
    if content == ContentType.UNKNOWN:
        return _new_kind(held_by)
    if content in _FILES or content in _READABLE:
        return Content(text=_note(content))
    return Content(kind="service", extra={"service": content})


def _new_kind(held_by: Mapping[str, Any]) -> Content | None:
    """What came into the Bot API after us."""
    new = next((key for key in held_by if key not in _KNOWN), "")
    return Content(extra={"kind": new.replace("_", " ")[:64]}) if new else None


def warm() -> None:
    """Have aiogram build what a message is: it does so at the first one, which takes a while."""
    read({"message_id": 1, "date": 1, "chat": {"id": 1, "type": "private"}, "dice": {"emoji": "x", "value": 1}})


def _name(message: Message) -> str:
    """As in the message itself: `photo`, `new_chat_title`."""
    return ContentType(message.content_type).value


def _called(content: str) -> str:
    return _CALLED.get(content, content.replace("_", " "))


def _note(content: str, words: str = "") -> str:
    name = _called(content)
    return f"[{name} {words}]" if words else f"[{name}]"


def _file(content: str, held: Any) -> File:
    form = _FILES[content]
    if content == ContentType.PHOTO:
        held = max(held, key=lambda size: size.width * size.height)
    elif content == ContentType.STICKER and held.is_animated:
        form = _ANIMATED_STICKER
    elif content == ContentType.STICKER and held.is_video:
        form = _VIDEO_STICKER
    return File(
        ref=held.file_id,
        kind=form.kind,
        size=held.file_size or 0,
        mime=getattr(held, "mime_type", None) or form.mime,
        name=getattr(held, "file_name", None) or form.name,
    )


def _emoji(held: Any) -> Mapping[str, Json]:
    emoji = getattr(held, "emoji", None)
    return {"emoji": emoji} if emoji else {}
