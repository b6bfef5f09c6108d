"""Buttons below a message: as the Bot API wants them, and what a press on one of them was."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from gateway.message import Button

_DATA = 64  # bytes that a press may carry back
_INSTEAD = "\x1f"  # marks a stand-in for a longer value: the number of its button
_ROW = 30  # letters that stand side by side on a telephone
_COLUMNS = 4
_COPIED = 256
_OPENED = ("http://", "https://", "tg://")


class Key(msgspec.Struct, frozen=True):
    """A button as Telegram gives it back with the message it stands below."""

    text: str = ""
    callback_data: str = ""


class Keyboard(msgspec.Struct, frozen=True):
    inline_keyboard: tuple[tuple[Key, ...], ...] = ()


class Pressed(NamedTuple):
    """`number` counts the buttons of the message from 0; it is told where the value was too long to come back."""

    value: str
    label: str
    number: int | None = None


def markup(buttons: Sequence[Button]) -> dict[str, Any]:
    """The argument `reply_markup`: short choices side by side, long ones below each other."""
    return {"inline_keyboard": [[key for key, _ in row] for row in _rows(buttons)]}


def _rows(buttons: Sequence[Button]) -> Iterator[list[tuple[dict[str, Any], int]]]:
    row: list[tuple[dict[str, Any], int]] = []
    for index, button in enumerate(buttons):
        length = len(button.text)
        if row and (len(row) == _COLUMNS or sum(wide for _, wide in row) + length > _ROW):
            yield row
            row = []
        row.append((_key(button, index), length))
    if row:
        yield row


def _key(button: Button, index: int) -> dict[str, Any]:
    if button.url.lower().startswith(_OPENED):
        return {"text": button.text, "url": button.url}
    if button.url:  # Telegram opens neither mail addresses nor telephone numbers: they can be copied instead
        return {"text": button.text, "copy_text": {"text": button.url.partition(":")[2][:_COPIED]}}
    value = button.value or button.text
    fits = len(value.encode("utf-8", "surrogatepass")) <= _DATA and not value.startswith(_INSTEAD)
    return {"text": button.text, "callback_data": value if fits else f"{_INSTEAD}{index}"}


def pressed(data: str, keyboard: Keyboard | None) -> Pressed:
    """What a press meant. The label is known while Telegram still shows us the message."""
    keys = [key for row in keyboard.inline_keyboard for key in row] if keyboard else []
    label = next((key.text for key in keys if key.callback_data == data), "")
    number = data.removeprefix(_INSTEAD)
    if number == data or not (number.isascii() and number.isdecimal() and len(number) < 4):
        return Pressed(data, label)
    return Pressed(label, label, int(number))
