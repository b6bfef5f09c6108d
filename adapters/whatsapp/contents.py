"""What a message holds besides who and where: words, files, and structured things with readable words for them."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from gateway.message import File, Json, Kind


class Content(NamedTuple):
    """`text` stands in, readably, for what is no file either. `ref` is the message that a reaction is about."""

    kind: Kind = "message"
    text: str = ""
    files: tuple[File, ...] = ()
    extra: Mapping[str, Json] = {}
    ref: str = ""


class _Media(msgspec.Struct, frozen=True):
    id: str
    mime_type: str = ""
    caption: str = ""
    filename: str = ""
    voice: bool = False


class _Text(msgspec.Struct, frozen=True):
    body: str


class _Reaction(msgspec.Struct, frozen=True):
    message_id: str
    emoji: str = ""


class _Location(msgspec.Struct, frozen=True):
    latitude: float
    longitude: float
    name: str = ""
    address: str = ""


class _Reply(msgspec.Struct, frozen=True):
    id: str
    title: str = ""


class _Form(msgspec.Struct, frozen=True):
    response_json: str = ""
    body: str = ""


class _Interactive(msgspec.Struct, frozen=True):
    button_reply: _Reply | None = None
    list_reply: _Reply | None = None
    nfm_reply: _Form | None = None


class _Button(msgspec.Struct, frozen=True):
    """A press on a quick reply of a template."""

    payload: str = ""
    text: str = ""


class _Order(msgspec.Struct, frozen=True):
    product_items: tuple[dict[str, Any], ...] = ()
    text: str = ""


# How files are when they do not say so themselves: kind, type, name.
_FILES = {
    "image": ("photo", "image/jpeg", "photo.jpg"),
    "video": ("video", "video/mp4", "video.mp4"),
    "audio": ("audio", "audio/mpeg", "audio.mp3"),
    "document": ("document", "application/octet-stream", "document"),
    "sticker": ("sticker", "image/webp", "sticker.webp"),
}
_VOICE = ("voice", "audio/ogg", "voice.ogg")
_ENDINGS = {"audio/ogg": "ogg", "audio/mp4": "m4a", "audio/aac": "aac", "audio/amr": "amr", "image/png": "png"}


def read(kind: str, held: Any, answered: str) -> Content | None:
    """The content of a message of a type; `answered` is the message it answers, if any. None for an unknown type.

    Raises `msgspec.ValidationError` when it is malformed.
    """
    if kind in _FILES:
        return _file(kind, msgspec.convert(held, _Media))
    reader = _READERS.get(kind)
    return reader(held, answered) if reader else None


def _file(kind: str, media: _Media) -> Content:
    form, mime, name = _VOICE if media.voice else _FILES[kind]
    mime = media.mime_type.partition(";")[0].strip() or mime
    ending = _ENDINGS.get(mime)
    named = f"{name.partition('.')[0]}.{ending}" if ending else name
    return Content(text=media.caption, files=(File(ref=media.id, kind=form, mime=mime, name=media.filename or named),))


def _text(held: Any, answered: str) -> Content:
    return Content(text=msgspec.convert(held, _Text).body)


def _reaction(held: Any, answered: str) -> Content:
    reaction = msgspec.convert(held, _Reaction)
    told = {"emoji": reaction.emoji, "removed": not reaction.emoji}
    return Content("reaction", extra={"reaction": told}, ref=reaction.message_id)


def _location(held: Any, answered: str) -> Content:
    it = msgspec.convert(held, _Location)
    words = [f"{it.latitude},{it.longitude}", ", ".join(filter(None, (it.name, it.address)))]
    return Content(text=_note("location", *words), extra={"location": held})


def _contacts(held: Any, answered: str) -> Content:
    found = []
    for card in msgspec.convert(held, list[dict[str, Any]]):
        name, phones = card.get("name"), card.get("phones")
        shown = str(name.get("formatted_name") or "") if isinstance(name, dict) else ""
        first = phones[0] if isinstance(phones, list) and phones and isinstance(phones[0], dict) else {}
        found.append(f"{shown} {first.get('phone') or ''}".strip())
    return Content(text=_note("contact", "; ".join(found)), extra={"contacts": held})


def _interactive(held: Any, answered: str) -> Content | None:
    it = msgspec.convert(held, _Interactive)
    reply = it.button_reply or it.list_reply
    if reply is not None:
        return _press(reply.id, reply.title, answered)
    if it.nfm_reply is None:
        return None
    try:
        filled = msgspec.json.decode(it.nfm_reply.response_json)
    except (msgspec.DecodeError, RecursionError):
        filled = it.nfm_reply.response_json
    return Content(text=_note("form", it.nfm_reply.body), extra={"form": filled})


def _button(held: Any, answered: str) -> Content:
    it = msgspec.convert(held, _Button)
    return _press(it.payload or it.text, it.text, answered)


def _press(value: str, label: str, below: str) -> Content:
    return Content("button", text=value, extra={"button": {"ref": below, "text": label}})


def _order(held: Any, answered: str) -> Content:
    it = msgspec.convert(held, _Order)
    items = [f"{item.get('quantity', 1)} x {item.get('product_retailer_id', '?')}" for item in it.product_items]
    return Content(text=" ".join(filter(None, (_note("order", ", ".join(items)), it.text))), extra={"order": held})


def _note(kind: str, *words: str) -> str:
    return f"[{' '.join((kind, *filter(None, (' '.join(word.split()) for word in words))))}]"


_READERS: dict[str, Callable[[Any, str], Content | None]] = {
    "text": _text,
    "reaction": _reaction,
    "location": _location,
    "contacts": _contacts,
    "interactive": _interactive,
    "button": _button,
    "order": _order,
}
