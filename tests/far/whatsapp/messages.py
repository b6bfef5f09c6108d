"""What may be sent: the checks that the Graph API makes on a message, and its words as people see them."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.far.whatsapp.refusal import Refusal, bad

_MEDIA = {"image", "video", "audio", "document", "sticker"}
_TAKEN = {
    "image": {"image/jpeg", "image/png"},
    "video": {"video/mp4", "video/3gpp"},
    "audio": {"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"},
    "sticker": {"image/webp"},
}


def check(asked: Mapping[str, Any], media: Mapping[str, tuple[bytes, str]], templates: set[tuple[str, str]]) -> str:
    """The words of a message, as they are seen. Raises what a wrong one earns."""
    kind = asked.get("type")
    content = asked.get(str(kind))
    if not isinstance(kind, str) or not isinstance(content, dict):
        raise bad("The parameter type is required, with an object of that name")
    if kind in _MEDIA:
        return _media(kind, content, media)
    if kind == "template":
        return _template(content, templates)
    checked = _CHECKS.get(kind)
    if checked is None:
        raise Refusal(131051, f"Message type {kind} is not supported")
    if kind == "interactive" and asked.get("recipient_type") == "group":
        raise Refusal(131051, "Interactive messages are not supported in groups")
    return checked(content)


def _length(what: str, held: Any, most: int, least: int = 1) -> str:
    if not isinstance(held, str) or not least <= len(held) <= most:
        raise bad(f"Param {what} must be between {least} and {most} characters long.")
    return held


def _text(content: Mapping[str, Any]) -> str:
    return _length("text['body']", content.get("body"), 4096)


def _reaction(content: Mapping[str, Any]) -> str:
    _length("reaction['message_id']", content.get("message_id"), 512)
    return _length("reaction['emoji']", content.get("emoji"), 16, 0)


def _interactive(content: Mapping[str, Any]) -> str:
    body = _length("interactive['body']['text']", (content.get("body") or {}).get("text"), 1024)
    form, action = content.get("type"), content.get("action") or {}
    if form == "button":
        buttons = [button["reply"] for button in action.get("buttons", ())]
        if not 1 <= len(buttons) <= 3:
            raise bad("Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: 3")
        _distinct([_length("title", one["title"], 20) for one in buttons])
        _distinct([_length("id", one["id"], 256) for one in buttons])
    elif form == "list":
        _length("button", action.get("button"), 20)
        rows = [row for section in action.get("sections", ()) for row in section["rows"]]
        if not 1 <= len(rows) <= 10:
            raise bad("Total row count exceed max allowed count: 10")
        _distinct([_length("id", row["id"], 200) for row in rows])
        for row in rows:
            _length("title", row["title"], 24)
            _length("description", row.get("description", ""), 72, 0)
    elif form == "cta_url":
        _length("display_text", action["parameters"]["display_text"], 20)
        if not action["parameters"]["url"].startswith(("http://", "https://")):
            raise bad("Invalid url")
    else:
        raise bad(f"interactive type {form}")
    return body


def _distinct(held: list[str]) -> None:
    if len(set(held)) < len(held):
        raise bad("Duplicated title or id")


def _media(kind: str, content: Mapping[str, Any], media: Mapping[str, tuple[bytes, str]]) -> str:
    if content.get("id") not in media:
        raise bad("The media id is unknown")
    mime = media[content["id"]][1].partition(";")[0]
    if kind in _TAKEN and mime not in _TAKEN[kind]:
        raise Refusal(131053, f"Media of type {mime} cannot be sent as {kind}")
    if kind in ("audio", "sticker") and "caption" in content:
        raise bad(f"Unexpected key caption on param {kind}")
    return _length("caption", content.get("caption", ""), 1024, 0)


def _template(content: Mapping[str, Any], templates: set[tuple[str, str]]) -> str:
    name, language = content.get("name"), (content.get("language") or {}).get("code")
    if (name, language) not in templates:
        raise Refusal(132001, f"template name ({name}) does not exist in {language}")
    texts = [one["text"] for part in content.get("components", ()) for one in part["parameters"]]
    if len(texts) != 1:
        raise Refusal(132000, f"body: number of localizable_params ({len(texts)}) does not match the expected (1)")
    if any(mark in texts[0] for mark in ("\n", "\t", "    ")):
        raise bad("Param text cannot have new-line/tab characters or more than 4 consecutive spaces")
    return f"{name}: {_length('text', texts[0], 1024)}"


_CHECKS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "text": _text,
    "interactive": _interactive,
    "reaction": _reaction,
}
