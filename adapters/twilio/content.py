"""Buttons, as Twilio's content: one template for each number of choices, all words of it variables.

So an account gets a dozen of them in all, whatever is asked. Inside the 24 hours they need nobody's approval.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import orjson

from adapters.twilio.api import Api
from gateway.adapter import Gate
from gateway.errors import Refused, Retry, StorageDown, Unknown
from gateway.message import Button

LONGEST = 1024  # characters of the text above buttons
LONGEST_VALUE = 200
REPLIES, REPLY_TITLE = 3, 20
ITEMS, ITEM_TITLE = 10, 24
_MENU = "☰"  # on the button that opens the list; WhatsApp wants something there


class Created(msgspec.Struct, frozen=True):
    sid: str


class Shape(NamedTuple):
    """A template: `quick-reply` or `list-picker`, and for how many choices."""

    kind: str
    choices: int

    @property
    def word(self) -> str:
        return f"content:{self.kind}:{self.choices}"


def shape(text: str, buttons: Sequence[Button], channel: str) -> Shape | None:
    """The template that could show these choices, None when they have to be put in words."""
    values = [button.value or button.text for button in buttons]
    if not 0 < len(text) <= LONGEST or not buttons or any(button.url for button in buttons):
        return None
    if len(set(values)) < len(values) or any(
        len(value) > LONGEST_VALUE or _on_line(value) != value for value in values
    ):
        return None
    longest = max((len(button.text) for button in buttons), default=0)
    if len(buttons) <= REPLIES and longest <= REPLY_TITLE and channel in ("whatsapp", "messenger"):
        return Shape("quick-reply", len(buttons))
    if len(buttons) <= ITEMS and longest <= ITEM_TITLE and channel == "whatsapp":
        return Shape("list-picker", len(buttons))
    return None


def variables(text: str, buttons: Sequence[Button]) -> str:
    """The words for a template, as Twilio's `ContentVariables`. Raises `Refused` when they cannot be written."""
    words = [_on_line(text)]
    for button in buttons:
        words += [_on_line(button.text), button.value or button.text]
    return written({str(number): word for number, word in enumerate(words, 1)})


def _on_line(text: str) -> str:
    """A text as a variable may hold it: without line breaks, tabs and runs of spaces."""
    return re.sub(r"[\r\n\t\v\f]+| {4,}", " ", text)


def written(words: dict[str, str]) -> str:
    """Variables as JSON. Raises `Refused` for half a character."""
    try:
        return orjson.dumps(words).decode()
    except orjson.JSONEncodeError:
        pass
    raise Refused("rejected", "the text cannot be written as JSON")


class Contents:
    """The templates of one account: made when first needed, and remembered for good."""

    def __init__(self, gate: Gate, api: Api) -> None:
        self._gate, self._api = gate, api
        self._known: dict[Shape, str] = {}

    async def sid(self, shape: Shape) -> str:
        """The template of a shape; "" when the account cannot have it. Raises `Retry`."""
        known = self._known.get(shape)
        if known is not None:
            return known
        try:
            sid = await self._gate.recall(shape.word)
            if not sid:
                sid = await self._create(shape)
                await self._gate.keep(shape.word, sid)
        except StorageDown:
            sid = None
        except Unknown as error:
            raise Retry(str(error)) from None
        except Refused as refused:
            if refused.reason == "auth":
                raise
            sid = ""
        if sid is None:
            raise Retry("content: the store is away")
        self._known[shape] = sid
        return sid

    async def forget(self, shape: Shape) -> None:
        """A template was refused: it is not used any more, and made anew by the next process."""
        self._known[shape] = ""
        try:
            await self._gate.keep(shape.word, "")
        except StorageDown:
            return

    async def _create(self, shape: Shape) -> str:
        asked = {
            "friendly_name": f"chat-gateway {shape.kind} {shape.choices}",
            "language": "en",
            "variables": {str(number): "..." for number in range(1, 2 * shape.choices + 2)},
            "types": {f"twilio/{shape.kind}": _type(shape)},
        }
        return (await self._api.post_json("content", self._api.at("content", "/v1/Content"), asked, Created)).sid


def _type(shape: Shape) -> dict[str, Any]:
    pairs = [(f"{{{{{2 * number}}}}}", f"{{{{{2 * number + 1}}}}}") for number in range(1, shape.choices + 1)]
    if shape.kind == "quick-reply":
        return {"body": "{{1}}", "actions": [{"title": title, "id": value} for title, value in pairs]}
    return {"body": "{{1}}", "button": _MENU, "items": [{"item": title, "id": value} for title, value in pairs]}
