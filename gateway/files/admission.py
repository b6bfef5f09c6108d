"""Which files are taken in: judged by what they are, and by whether they are what they claim to be."""

from collections.abc import Collection
from mimetypes import MimeTypes
from pathlib import PurePath

from gateway.files import sniff

_NAMES = MimeTypes()  # the library's own table: that of a machine would judge differently from machine to machine
# What some desktops run when it is opened, whatever is in it.
_RUN = frozenset(
    (".exe", ".com", ".scr", ".pif", ".msi", ".bat", ".cmd", ".vbs", ".wsf", ".hta", ".lnk", ".jar", ".apk")
)
_SOUND = ("audio", "video")  # one container serves both, and senders call it as they like


def admitted(head: bytes, mime: str, name: str, allow: Collection[str], claimed: str = "", kind: str = "") -> bool:
    """Whether a file of this type, beginning with `head`, may come in. `claimed` is the type that its sender says."""
    if (
        sniff.is_program(head)
        or PurePath(name.lower()).suffix in _RUN
        or not (allowed(mime, allow) or (kind == "sticker" and mime == sniff.STICKER))
    ):
        return False
    named = _NAMES.guess_type(name, strict=True)[0] or ""
    if named == "video/mp2t":  # `.ts` is TypeScript as well
        named = ""
    family = _family(mime)
    return all(_family(claim) in ("", family) for claim in (claimed.partition(";")[0].strip().lower(), named))


def allowed(mime: str, allow: Collection[str]) -> bool:
    """Whether a list of types holds one: by name, as `image/*`, or as the word `office`."""
    return mime in allow or mime.partition("/")[0] + "/*" in allow or ("office" in allow and mime in sniff.OFFICE)


def _family(mime: str) -> str:
    """What can be told apart for sure; "" for a claim that claims nothing."""
    main = mime.partition("/")[0]
    if main in _SOUND:
        return "sound"
    return main if main == "image" else mime if mime == "application/pdf" else ""
