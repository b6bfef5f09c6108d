"""A part of an answer as the messages that Twilio sends for it: mostly one, each with what its channel can take."""

from collections.abc import Sequence
from typing import NamedTuple

from adapters.twilio.content import LONGEST, shape
from gateway.errors import Refused
from gateway.message import Button, File, Part

TEXT, CAPTION = 1600, 1024
MB = 1024 * 1024
_SEPARATE = "\n\n"
_POINTER = "\u2193"  # what buttons stand below when the words are too long for that

_CAPTIONED = ("image/jpeg", "image/png", "video/mp4", "video/3gpp")
_OFFICE = "application/vnd.openxmlformats-officedocument."
_NATIVE = {
    "whatsapp": (
        *_CAPTIONED,
        *("image/webp", "audio/ogg", "audio/amr", "audio/3gpp", "audio/aac", "audio/mpeg", "text/vcard"),
        *("application/pdf", "application/msword", f"{_OFFICE}wordprocessingml.document"),
        *(f"{_OFFICE}presentationml.presentation", f"{_OFFICE}spreadsheetml.sheet"),
    ),
    "messenger": (*_CAPTIONED, "image/gif", "audio/mpeg", "audio/mp4", "application/pdf"),
    "": ("image/jpeg", "image/png", "image/gif"),
}
_LARGEST = {"whatsapp": 16 * MB, "messenger": 16 * MB, "": 5 * MB}
_LARGEST_IMAGE = 5 * MB


_IN_CONVERSATION = ("image/jpeg", "image/png", "audio/mpeg", "audio/amr", "video/mp4", "application/pdf")
"""What the conversations of an SMS number hand on to telephones."""

OF_FILES = ("unsupported", "rejected", "too_long")
"""Reasons to refuse a message that may be those of its files."""


class Piece(NamedTuple):
    """One message of Twilio's."""

    text: str = ""
    files: tuple[File, ...] = ()
    buttons: tuple[Button, ...] = ()


def pieces(part: Part, kind: str) -> list[Piece]:
    """What is sent for a part, in order, to a channel of this kind; buttons come last, below the words.

    Raises `Refused` for files that the channel does not take: then links go out in their place.
    """
    for file in part.files:
        _check(file, kind)
    if kind == "" and sum(file.size for file in part.files) > _LARGEST[""]:
        raise Refused("unsupported", "the files are too large for one MMS")
    sets = [part.files] if kind == "" and part.files else [(file,) for file in part.files]
    if not sets or part.buttons:
        return [*(Piece("", some) for some in sets), *_worded(part.text, part.buttons, kind)]
    if not part.text or _fits_below(part.text, sets[0], kind):
        return [Piece(part.text, sets[0]), *(Piece("", some) for some in sets[1:])]
    return [Piece(part.text), *(Piece("", some) for some in sets)]


def _worded(text: str, buttons: Sequence[Button], kind: str) -> list[Piece]:
    """Words with what stands below them: addresses in words, choices as buttons where the channel has such."""
    choices = tuple(button for button in buttons if not button.url)
    if shape(_POINTER, choices, kind) is None:
        return [Piece(some) for some in _fitting(text, buttons)] or [Piece()]
    above, last = _parted(text, [button for button in buttons if button.url])
    return [*(Piece(some) for some in above), Piece(last or _POINTER, (), choices)]


def _parted(text: str, links: Sequence[Button]) -> tuple[list[str], str]:
    """What is said before, and what stands above the buttons: a last paragraph of one line, since a template's words
    may hold no line breaks.
    """
    head, _, last = text.rpartition("\n\n")
    last = last.strip(" ")
    if links or "\n" in last or "```" in last or _length(last) > LONGEST:
        return _fitting(text, links), ""
    return _fitting(head.strip(), ()), last


def _fitting(text: str, buttons: Sequence[Button]) -> list[str]:
    """A text with choices and addresses below it, in one message or two; none where nothing is said."""
    whole = with_choices(text, buttons)
    return [some for some in ([whole] if _length(whole) <= TEXT else [text, with_choices("", buttons)]) if some]


def _length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _check(file: File, kind: str) -> None:
    if not file.url.startswith(("http://", "https://")):
        raise Refused("rejected", "a file has no address that Twilio could fetch it from: is server.public_url set?")
    _fits(file, kind, _NATIVE.get(kind, ()))


def carried(file: File, kind: str) -> None:
    """Raises `Refused` for a file that conversations of a channel of this kind do not hand on to everybody."""
    _fits(file, kind, _NATIVE.get(kind, ()) if kind else _IN_CONVERSATION)


def _fits(file: File, kind: str, types: Sequence[str]) -> None:
    largest = _LARGEST_IMAGE if file.mime.startswith("image/") else _LARGEST.get(kind, 0)
    if file.mime not in types or file.size > largest:
        raise Refused("unsupported", f"a file of type {file.mime[:80]} and {file.size} bytes is not taken there")


def _fits_below(text: str, files: Sequence[File], kind: str) -> bool:
    """Whether a text is shown with the file: WhatsApp drops what stands with a document or a recording."""
    return kind == "" or (kind == "whatsapp" and files[0].mime in _CAPTIONED and len(text) <= CAPTION)


def with_links(files: Sequence[File]) -> str:
    """Where files can be had, in words."""
    return "\n".join(f"{file.name}: {file.url}" for file in files)


def with_choices(text: str, buttons: Sequence[Button]) -> str:
    """A text followed by its choices in words, and by pages with their addresses: whoever types a choice takes it."""
    lines = [f"{button.text}: {button.url}" if button.url else f"• {button.text}" for button in buttons]
    return _SEPARATE.join(filter(None, (text, "\n".join(lines))))
