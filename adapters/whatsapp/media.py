"""Files that go out: as which kind WhatsApp shows them, and with how many words below."""

from typing import NamedTuple

from gateway.message import File

LARGEST = 100 * 1024 * 1024  # of a document; what is shown as more must be smaller
_MB = 1024 * 1024


class _Form(NamedTuple):
    type: str
    most: int
    mimes: tuple[str, ...]


_FORMS = (
    _Form("sticker", _MB // 10, ("image/webp",)),
    _Form("image", 5 * _MB, ("image/jpeg", "image/png")),
    _Form("video", 16 * _MB, ("video/mp4", "video/3gpp")),
    _Form("audio", 16 * _MB, ("audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg")),
)


def form(file: File, size: int) -> str:
    """The type of message that a file is sent as: what WhatsApp does not show is a document."""
    mime = bare(file)
    for kind in _FORMS:
        if mime in kind.mimes and size <= kind.most and file.kind != "document":
            return kind.type
    return "document"


def bare(file: File) -> str:
    """The media type without what follows it."""
    return file.mime.partition(";")[0].strip().lower() or "application/octet-stream"


def captioned(file: File) -> bool:
    """Whether words can stand below it, whichever of its forms it takes."""
    return file.kind == "document" or not (bare(file).startswith("audio/") or file.kind == "sticker")
