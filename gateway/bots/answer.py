"""The answer document: what a bot may say in JSON, declared once for the reader and for its JSON Schema."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from gateway.speech import MESSAGES

INLINE = 1_048_576  # characters of a data: address; an answer is no longer than that anyway
_Address = Annotated[str, Meta(max_length=4096)]
_Variable = Annotated[str, Meta(pattern="^[A-Za-z_][A-Za-z0-9_.]{0,63}$")]


class File(msgspec.Struct):
    """A file to send: its `url` (http, https, or data: with the content itself), or the `id` of one that came in."""

    url: Annotated[str, Meta(max_length=INLINE)] | None = None
    id: Annotated[str, Meta(max_length=64)] | None = None
    name: str | None = None
    mime: str | None = None


class Button(msgspec.Struct):
    """A choice below a message: `value` (else the text) comes back when pressed, `url` opens a page."""

    text: Annotated[str, Meta(min_length=1, max_length=256)]
    value: Annotated[str, Meta(max_length=1024)] | None = None
    url: _Address | None = None


class Message(msgspec.Struct):
    """One message; `text` is Markdown."""

    text: str | None = None
    files: Annotated[list[File], Meta(max_length=10)] | None = None
    buttons: Annotated[list[Button], Meta(max_length=100)] | None = None


class Participant(msgspec.Struct):
    """Changes to what is remembered of the participant, across sessions."""

    set: dict[str, Any] | None = None
    unset: list[str] | None = None
    append: dict[str, Any] | None = None
    increment: dict[str, int | float] | None = None


class Answer(msgspec.Struct):
    """A whole answer, or one event of a streamed one. All is optional; `null` is the same as nothing."""

    delta: str | None = None
    progress: str | None = None
    text: str | None = None
    messages: Annotated[list[Message], Meta(max_length=MESSAGES)] | None = None
    set: dict[_Variable, Any] | None = None
    participant: Participant | None = None
    context: dict[str, Any] | None = None
    template: str | None = None
    end_session: bool | None = None
    resolved: bool | None = None
    handoff: dict[str, Any] | bool | None = None
    transfer: dict[str, Any] | str | None = None
    silent: bool | None = None


def unknown(document: dict[str, Any]) -> list[str]:
    """The names in a document (read without error) that mean nothing here."""
    found = _unknown(document, Answer, "")
    for message in document.get("messages") or ():
        found += _unknown(message, Message, "messages[].")
        for kind, where in ((File, "files"), (Button, "buttons")):
            for one in message.get(where) or ():
                found += _unknown(one, kind, f"messages[].{where}[].")
    return found + _unknown(document.get("participant") or {}, Participant, "participant.")


def _unknown(value: dict[str, Any], kind: type[msgspec.Struct], where: str) -> list[str]:
    return [where + name for name in value if name not in kind.__struct_fields__]
