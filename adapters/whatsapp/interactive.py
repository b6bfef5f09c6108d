"""Buttons: up to three as reply buttons, up to ten as a list, one link as a link button, else in words."""

from collections.abc import Sequence
from typing import Any

from gateway.message import Button

_BODY = 1024
_REPLIES, _REPLY_TITLE, _REPLY_ID = 3, 20, 256
_ROWS, _ROW_TITLE, _ROW_ID, _ROW_MORE = 10, 24, 200, 72
_LINK_TITLE = 20
_POINTER = "\u2193"  # below a long text, which cannot hold buttons itself


def compose(text: str, buttons: Sequence[Button], *, group: bool) -> list[tuple[str, dict[str, Any]]]:
    """The messages that show a text with its buttons, each a type and its content. Groups have no buttons."""
    shown = None if group else _shown(buttons)
    if shown is None:
        return [("text", {"body": words(text, buttons)})]
    rest = [button for button in buttons if button.url] if shown["type"] != "cta_url" else []
    text = words(text, rest)
    if text and len(text) <= _BODY:
        return [("interactive", {**shown, "body": {"text": text}})]
    pointed = ("interactive", {**shown, "body": {"text": _POINTER}})
    return [("text", {"body": text}), pointed] if text else [pointed]


def words(text: str, buttons: Sequence[Button]) -> str:
    """The text with its choices numbered below it, and its links written out."""
    choices = [button for button in buttons if not button.url]
    numbered = [f"{number}. {button.text}" for number, button in enumerate(choices, 1)]
    links = [f"{button.text}: {button.url}" for button in buttons if button.url]
    below = "\n".join(numbered + links)
    return f"{text}\n\n{below}" if text and below else text or below


def _shown(buttons: Sequence[Button]) -> dict[str, Any] | None:
    """The interactive message without its body, None where there is no form for these buttons."""
    choices = [button for button in buttons if not button.url]
    if not choices:
        return _link(buttons[0]) if len(buttons) == 1 else None
    values = [button.value or button.text for button in choices]
    if len(set(values)) < len(choices) or not all(button.text.strip() for button in choices):
        return None
    return _replies(choices, values) or _rows(choices, values)


def _link(button: Button) -> dict[str, Any] | None:
    if not button.url.startswith(("http://", "https://")) or not 0 < len(button.text) <= _LINK_TITLE:
        return None
    return {
        "type": "cta_url",
        "action": {"name": "cta_url", "parameters": {"display_text": button.text, "url": button.url}},
    }


def _replies(choices: Sequence[Button], values: Sequence[str]) -> dict[str, Any] | None:
    titles = [button.text for button in choices]
    fit = len(choices) <= _REPLIES and max(map(len, titles)) <= _REPLY_TITLE and max(map(len, values)) <= _REPLY_ID
    if not fit or len(set(titles)) < len(titles):
        return None
    replies = [
        {"type": "reply", "reply": {"id": value, "title": title}} for value, title in zip(values, titles, strict=True)
    ]
    return {"type": "button", "action": {"buttons": replies}}


def _rows(choices: Sequence[Button], values: Sequence[str]) -> dict[str, Any] | None:
    titles = [_cut(button.text, _ROW_TITLE) for button in choices]
    fit = len(choices) <= _ROWS and max(map(len, values)) <= _ROW_ID
    if not fit or len(set(titles)) < len(titles) or max(len(button.text) for button in choices) > _ROW_MORE:
        return None
    rows = []
    for button, value, title in zip(choices, values, titles, strict=True):
        row = {"id": value, "title": title}
        rows.append(row if title == button.text else {**row, "description": button.text})
    return {"type": "list", "action": {"button": "\u2630", "sections": [{"rows": rows}]}}


def _cut(title: str, limit: int) -> str:
    return title if len(title) <= limit else f"{title[: limit - 1]}\u2026"
