"""What a file is, by its first bytes: its name and the sender's word count for nothing."""

import re
from typing import Literal

_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"%PDF-", "application/pdf"),
    (b"{\\rtf", "application/rtf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"fLaC", "audio/flac"),
    (b"#!AMR", "audio/amr"),
    (b"caff", "audio/x-caf"),
    (b"\x1a\x45\xdf\xa3", "video/webm"),
    (b"\x00\x00\x01\xba", "video/mpeg"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_BRANDS = {
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heic",
    b"avif": "image/avif",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"qt  ": "video/quicktime",
}
# What an archive is besides an archive, by its ending: no more than a way to call it, and only if it begins so.
_OFFICE = {
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".odp": "application/vnd.oasis.opendocument.presentation",
}
_OLD_OFFICE = {
    ".doc": "application/msword",
    ".xls": "application/vnd.ms-excel",
    ".ppt": "application/vnd.ms-powerpoint",
}
_IN_OFFICE = (b"[Content_Types].xml", b"_rels/", b"docProps/", b"word/", b"xl/", b"ppt/", b"mimetype")
_TEXTS = {".csv": "text/csv", ".md": "text/markdown"}
OFFICE = frozenset(("application/rtf", *_OFFICE.values(), *_OLD_OFFICE.values()))
STICKER = "application/x-tgsticker"  # an animation, packed; nothing else about it tells what it is
_PROGRAMS = (
    *(b"MZ", b"\x7fELF", b"#!", b"\xca\xfe\xba\xbe", b"dex\n"),
    *(b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe"),
)
_CARD = re.compile(rb"(?:\xef\xbb\xbf)?\s*BEGIN:VCARD\b", re.IGNORECASE)
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f]")
_ENDINGS = {
    "image/jpeg": ".jpg",
    "audio/mpeg": ".mp3",
    "audio/mp4": ".m4a",
    "text/plain": ".txt",
    "application/pdf": ".pdf",
    "text/vcard": ".vcf",
    "application/zip": ".zip",
    **{type: end for end, type in (_OFFICE | _OLD_OFFICE).items()},
}


def is_program(head: bytes) -> bool:
    """Whether somebody who opens it would run it."""
    return head.startswith(_PROGRAMS) and not head.startswith(b"#!AMR")


def mime(head: bytes, name: str) -> str:
    """The type of a file. The name only tells kinds of archives and of texts apart."""
    end = name[name.rfind(".") :].lower()
    for start, type in _STARTS:
        if head.startswith(start):
            return _further(type, head, end)
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12], "application/octet-stream")
    if head[4:8] == b"ftyp":
        return "video/3gpp" if head[8:10] == b"3g" else _BRANDS.get(head[8:12], "video/mp4")
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and (sound := _frames(head[1])):
        return sound
    if not _is_text(head):
        return "application/octet-stream"
    return "text/vcard" if _CARD.match(head) else _TEXTS.get(end, "text/plain")


def ending(mime: str) -> str:
    """How the name of such a file ends, "" when that is open."""
    family, _, kind = mime.partition("/")
    return _ENDINGS.get(mime, f".{kind}" if family in ("image", "audio", "video") and kind.isalnum() else "")


def kind(mime: str) -> Literal["photo", "audio", "video", "document"]:
    """How platforms would call it."""
    known: dict[str, Literal["photo", "audio", "video"]] = {"image": "photo", "audio": "audio", "video": "video"}
    return known.get(mime.partition("/")[0], "document")


def _further(type: str, head: bytes, end: str) -> str:
    if type == "application/zip":
        return _OFFICE.get(end, type) if head[30:].startswith(_IN_OFFICE) else type
    if type == "application/x-ole-storage":
        return _OLD_OFFICE.get(end, type)
    if type == "application/gzip" and end == ".tgs":
        return STICKER
    return "video/ogg" if type == "audio/ogg" and b"\x80theora" in head[:200] else type


def _frames(second: int) -> str:
    """Sound that begins with a frame: MPEG, or AAC in ADTS, by the header's second byte."""
    if second & 0xF6 == 0xF0:
        return "audio/aac"
    return "audio/mpeg" if second & 0x18 != 0x08 and second & 0x06 in (0x02, 0x04) else ""


def _is_text(head: bytes) -> bool:
    """Whether it can be read: no control characters in an encoding that goes byte by byte, or in UTF-16."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = head.decode("utf-16", "ignore")
        return bool(text) and "\x00" not in text
    return not _CONTROL.search(head)
