"""Buttons below messages, as Telegram checks them."""

from typing import Any

from tests.far.telegram.refusal import bad_request

_MOST, _WIDEST = 100, 8
_DATA = 64
_COPIED = 256
_URLS = ("http://", "https://", "tg://")


def check(markup: dict[str, Any]) -> None:
    """Raises the 400 that an inline keyboard of a bot earns."""
    rows = markup.get("inline_keyboard")
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad_request("object expected as reply markup")
    if sum(map(len, rows)) > _MOST or any(len(row) > _WIDEST for row in rows):
        raise bad_request("reply markup is too long")
    for row in rows:
        for button in row:
            _check(button)


def _check(button: Any) -> None:
    if not isinstance(button, dict) or not button.get("text"):
        raise bad_request("can't parse inline keyboard button: Can't find field \"text\"")
    acts = button.keys() & {"url", "callback_data", "copy_text"}
    if len(acts) != 1:
        raise bad_request("Text buttons are unallowed in the inline keyboard")
    if "callback_data" in acts and not 0 < len(button["callback_data"].encode()) <= _DATA:
        raise bad_request("BUTTON_DATA_INVALID")
    if "url" in acts and not button["url"].startswith(_URLS):
        raise bad_request("inline keyboard button URL is invalid: Unsupported URL protocol")
    if "copy_text" in acts and not 0 < len(button["copy_text"]["text"]) <= _COPIED:
        raise bad_request("BUTTON_COPY_TEXT_INVALID")


def labels(message: dict[str, Any]) -> list[str]:
    """What stands on the buttons below a message."""
    return [button["text"] for button in buttons(message)]


def buttons(message: dict[str, Any]) -> list[dict[str, Any]]:
    return [button for row in message.get("reply_markup", {}).get("inline_keyboard", ()) for button in row]
