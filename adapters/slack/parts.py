"""A part of an answer as the Web API wants it."""

import uuid
from collections.abc import Sequence
from typing import Any

from adapters.slack.actions import CHOICE
from gateway.errors import Refused
from gateway.message import Address, Button, Part

TEXT = 3900  # Slack takes 40,000 but advises 4,000, and cuts without a word beyond what it takes
_SECTION = 3000
_LABEL, _VALUE, _ROW = 75, 2000, 25


def private(address: Address) -> bool:
    """Whether only one user of a channel is to see it: whoever gave a slash command there."""
    return address.place == "group" and bool(address.user)


def target(address: Address) -> dict[str, Any]:
    """The channel, and the thread within it."""
    found: dict[str, Any] = {"channel": address.chat}
    if address.thread:
        found["thread_ts"] = address.thread
    return found


def message(part: Part) -> dict[str, Any]:
    """The arguments of `chat.postMessage`, or of `chat.postEphemeral` where only one user is to see it."""
    found = {**target(part.address), **words(part)}
    if private(part.address):
        found["user"] = part.address.user
    elif part.turn:
        # Slack promises nothing for it, but has errors for a message that it finds to be sent twice.
        found["client_msg_id"] = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{part.turn}/{part.id}"))
    return found


def words(part: Part) -> dict[str, Any]:
    """A text, with its buttons below it. Raises `Refused` for what Slack would cut."""
    if len(part.text) > TEXT:
        raise Refused("too_long", f"a text of {len(part.text)} characters; Slack gets at most {TEXT}")
    if not part.buttons:
        return {"text": part.text}
    return {"text": part.text, "blocks": blocks(part.text, part.buttons)}


def blocks(text: str, buttons: Sequence[Button]) -> list[dict[str, Any]]:
    """The same as blocks: Slack has buttons only there."""
    found: list[dict[str, Any]] = []
    while text:
        end = len(text) if len(text) <= _SECTION else _break(text)
        found.append({"type": "section", "text": {"type": "mrkdwn", "text": text[:end]}})
        text = text[end:].lstrip("\n")
    for start in range(0, len(buttons), _ROW):
        row = [_button(start + at, button) for at, button in enumerate(buttons[start : start + _ROW])]
        found.append({"type": "actions", "elements": row})
    return found


def _break(text: str) -> int:
    """Where a section may end: at a line, else at a word."""
    at = max(text.rfind("\n", _SECTION // 2, _SECTION), 0) or text.rfind(" ", _SECTION // 2, _SECTION)
    return at if at > 0 else _SECTION


def _button(index: int, button: Button) -> dict[str, Any]:
    label = button.text or button.value or button.url or "?"
    shown = label if len(label) <= _LABEL else f"{label[: _LABEL - 1]}…"
    found: dict[str, Any] = {"type": "button", "text": {"type": "plain_text", "text": shown, "emoji": True}}
    if button.url:
        return {**found, "action_id": f"link:{index}", "url": button.url}
    value = button.value or button.text
    if len(value) > _VALUE:
        raise Refused("unsupported", f"a button's value may have at most {_VALUE} characters")
    return {**found, "action_id": f"{CHOICE}:{index}", "value": value}
