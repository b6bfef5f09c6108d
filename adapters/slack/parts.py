"""A part of an answer as the Web API wants it."""

import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from adapters.slack.actions import CHOICE, LINK
from gateway.errors import Refused
from gateway.message import Address, Button, Part

TEXT = 3900  # Slack takes 40,000 but advises 4,000, and cuts without a word beyond what it takes
SECTION = 3000  # a text with buttons is in one
_LABEL, _ADDRESS, _ROW = 75, 3000, 25
_FENCE = "```"
_OPENED = ("http://", "https://", "mailto:")


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
    found = [_section(piece) for piece in _pieces(text)]
    pressed = [(index, button) for index, button in enumerate(buttons) if not _unopened(button)]
    for start in range(0, len(pressed), _ROW):
        row = [_button(index, button) for index, button in pressed[start : start + _ROW]]
        found.append({"type": "actions", "elements": row})
    for button in filter(_unopened, buttons):
        found += [_section(piece) for piece in _pieces(_escaped(f"{button.text}: {button.url}"))]
    return found


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _pieces(text: str) -> Iterator[str]:
    """A text cut to what a section takes: at lines, else at words; code goes on as code."""
    most = SECTION - 2 * len(f"\n{_FENCE}")
    while len(text) > SECTION:
        at = text.rfind("\n", most // 2, most)
        at = at if at > 0 else text.rfind(" ", most // 2, most)
        piece, text = (text[:at], text[at:].lstrip("\n")) if at > 0 else (text[:most], text[most:])
        if piece.count(_FENCE) % 2:
            piece, text = f"{piece}\n{_FENCE}", f"{_FENCE}\n{text}"
        yield piece
    if text:
        yield text


def _unopened(button: Button) -> bool:
    """Whether Slack takes no such address for a button."""
    return bool(button.url) and (len(button.url) > _ADDRESS or not button.url.lower().startswith(_OPENED))


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _button(index: int, button: Button) -> dict[str, Any]:
    label = button.text or button.value or button.url or "?"
    shown = label if len(label) <= _LABEL else f"{label[: _LABEL - 1]}…"
    found: dict[str, Any] = {"type": "button", "text": {"type": "plain_text", "text": shown, "emoji": True}}
    if button.url:
        return {**found, "action_id": f"{LINK}:{index}", "url": button.url}
    return {**found, "action_id": f"{CHOICE}:{index}", "value": button.value or button.text}
