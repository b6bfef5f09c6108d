"""Files that go out: by which method of the Bot API, and as which kind of thing Telegram shows them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from gateway.message import File

_PHOTO = 10 * 1024 * 1024  # a larger picture is only taken as a document

# What Telegram shows as more than a document; all else it would refuse as that kind.
_SHOWN: dict[str, tuple[str, ...]] = {
    "photo": ("image/jpeg", "image/png", "image/webp"),
    "animation": ("image/gif",),
    "audio": ("audio/mpeg", "audio/mp3", "audio/mp4", "audio/x-m4a", "audio/m4a"),
    "voice": ("audio/ogg", "audio/opus", "audio/mpeg", "audio/mp4", "audio/x-m4a"),
    "video": ("video/mp4",),
    "sticker": ("image/webp",),
}
_METHODS = {
    "photo": "sendPhoto",
    "animation": "sendAnimation",
    "audio": "sendAudio",
    "voice": "sendVoice",
    "video": "sendVideo",
    "sticker": "sendSticker",
    "document": "sendDocument",
}
_ALBUMS = ({"photo", "video"}, {"audio"}, {"document"})  # what may stand together in one album

_NOT_SHOWN = ("photo_invalid", "photo_ext_invalid", "image_process_failed", "wrong type of", "failed to get http url")


class Shipment(NamedTuple):
    """One call: its method, its arguments besides where to, and the files that go along under their names."""

    method: str
    asked: dict[str, Any]
    files: tuple[tuple[str, File], ...] = ()


def form(file: File) -> str:
    """As what a file is sent: what its kind says, where Telegram takes its type for that."""
    kind = "animation" if file.mime == "image/gif" and file.kind == "photo" else file.kind
    if kind not in _SHOWN or file.mime.partition(";")[0].lower() not in _SHOWN[kind]:
        return "document"
    return "document" if kind == "photo" and file.size > _PHOTO else kind


def together(files: Sequence[File]) -> list[str]:
    """As what the files of one album are sent: all as documents, where Telegram would not let them stand together."""
    forms = [form(file) for file in files]
    if any(set(forms) <= album for album in _ALBUMS):
        return forms
    return ["document"] * len(forms)


def single(file: File, said: dict[str, Any], *, plainly: bool = False) -> Shipment:
    """The call that sends one file with its caption; `plainly` as no more than a document."""
    kind = "document" if plainly else form(file)
    if kind == "sticker" and said.get("caption"):  # a sticker says nothing besides
        kind = "document"
    return Shipment(_METHODS[kind], {kind: "attach://file0", **said}, (("file0", file),))


def album(files: Sequence[File], said: dict[str, Any], *, plainly: bool = False) -> Shipment:
    """The call that sends several files as one album. Its caption is read below the last document, the first photo."""
    forms = ["document"] * len(files) if plainly else together(files)
    media: list[dict[str, Any]] = [{"type": kind, "media": f"attach://file{index}"} for index, kind in enumerate(forms)]
    media[-1 if forms[0] == "document" else 0].update(said)
    return Shipment("sendMediaGroup", {"media": media}, tuple((f"file{i}", file) for i, file in enumerate(files)))


def not_shown(refusal: str) -> bool:
    """Whether a refusal means that the file is fine, only not as a picture or film."""
    return any(words in refusal.lower() for words in _NOT_SHOWN)
