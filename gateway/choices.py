"""Buttons: offered as a numbered list where a platform has none, and what a press or a typed answer has chosen.

A choice is good while its session goes on and no later answer has offered others. What is pressed too late, or by
somebody whom it was not offered to, is marked so, and its sender told.
"""

import re
from collections.abc import Sequence

from msgspec.structs import replace

from gateway import utterance
from gateway.channel import Channel
from gateway.db import Tx
from gateway.message import Address, Button, Inbound, Json, Message, Outbound
from gateway.text import clean
from gateway.utterance import Utterance

BARE = "⬇️"  # what buttons stand below when nothing is said
_NUMBER = re.compile(r"[#(]?(\d{1,3})[.)]?")
_SIGNS = re.compile(r"([\\`*_{}\[\]()<>#+.!|~-])")


def offered(channel: Channel, address: Address, said: Outbound) -> Outbound:
    """What is said with buttons, as this platform can show it."""
    if not said.buttons:
        return said
    if _shows(channel, address, said.buttons):
        return said if said.text.strip() or said.files else replace(said, text=BARE)
    listed = _listed(said.buttons, channel.settings.format.input == "markdown")
    return replace(said, text=f"{said.text}\n\n{listed}" if said.text.strip() else listed, buttons=())


def _shows(channel: Channel, address: Address, buttons: Sequence[Button]) -> bool:
    """Whether the platform has buttons there, enough of them and with room enough; else they are a numbered list."""
    limits, group = channel.limits, address.place not in ("dm", "conversation")
    choices = _choices(buttons)
    return (
        limits.buttons
        and (limits.group_buttons or not group)
        and (not limits.most_buttons or len(choices) <= limits.most_buttons)
        and (not limits.button_label or all(len(button.text) <= limits.button_label for button in choices))
    )


def _listed(buttons: Sequence[Button], markdown: bool) -> str:
    def shown(text: str) -> str:
        return _SIGNS.sub(r"\\\1", text) if markdown else text

    choices = [f"{number}. {shown(button.text)}" for number, button in enumerate(_choices(buttons), 1)]
    links = [
        f"[{shown(button.text)}]({button.url})" if markdown else f"{button.text}: {button.url}"
        for button in buttons
        if button.url
    ]
    return "\n\n".join(filter(None, ("\n".join(choices), "\n\n".join(links))))


def _choices(buttons: Sequence[Button]) -> list[Button]:
    return [button for button in buttons if not button.url]


def typed(channel: Channel, inbound: Inbound, before: Sequence[Message]) -> Inbound:
    """A message that names a choice offered just before it, by its label or its number in a list, is that choice."""
    if inbound.kind != "message" or inbound.files or not inbound.text:
        return inbound
    for line in reversed(before):
        if line.role != "assistant":
            break
        if not line.buttons:
            continue
        button = _named(
            _choices(line.buttons), inbound.text, numbered=not _shows(channel, inbound.address, line.buttons)
        )
        if button is not None:
            return _as_choice(inbound, button, "")
    return inbound


def _named(choices: Sequence[Button], text: str, *, numbered: bool) -> Button | None:
    number = _NUMBER.fullmatch(text.strip())
    if numbered and number is not None and 0 < int(number[1]) <= len(choices):
        return choices[int(number[1]) - 1]
    return next((button for button in choices if _folded(text) in (_folded(button.text), _folded(button.value))), None)


def _folded(text: str) -> str:
    return " ".join(text.split()).rstrip(".!").casefold()


def press(channel: Channel, inbound: Inbound) -> Tx[tuple[Inbound, str]]:
    """A press as the choice it is, with the session that it is for; or marked as one that is too late."""
    told: Json = inbound.extra.get("button")
    told = told if isinstance(told, dict) else {}
    ref = str(told.get("ref") or "")
    seen = yield from utterance.offered(channel.name, inbound.account, inbound.address.chat, ref)
    for one in seen:
        button = _pressed(one.part.buttons, inbound.text, told)
        if button is not None and _theirs(channel, inbound, one) and not (yield from utterance.outdone(one)):
            return _as_choice(inbound, button, ref), one.session
    told = {"ref": ref, "text": str(told.get("text") or ""), "late": True}
    return replace(inbound, extra={"button": told}), ""


def _theirs(channel: Channel, inbound: Inbound, one: Utterance) -> bool:
    """Whether it was offered in the conversation of whoever pressed, and that goes on."""
    try:
        key = channel.key(inbound.address, one.bot)[1]
    except ValueError:
        return False
    return key == one.key and one.session == one.now


def _pressed(buttons: Sequence[Button], value: str, told: dict[str, Json]) -> Button | None:
    """The button that was pressed; what comes back from the platform is in the hands of whoever presses."""
    number = told.get("index")
    if type(number) is int and 0 <= number < len(buttons) and not buttons[number].url:
        return buttons[number]
    choices = _choices(buttons)
    by_value = (button for button in choices if value and clean(button.value or button.text) == value)
    by_label = (button for button in choices if not value and clean(button.text) == clean(str(told.get("text") or "")))
    return next(by_value, next(by_label, None))


def _as_choice(inbound: Inbound, button: Button, ref: str) -> Inbound:
    extra = {**inbound.extra, "button": {"ref": ref, "text": button.text}}
    extra.pop("callback", None)
    return replace(inbound, kind="button", text=button.value or button.text, extra=extra)


def late(inbound: Inbound) -> bool:
    """Whether a press was marked as too late."""
    told = inbound.extra.get("button")
    return inbound.kind == "button" and isinstance(told, dict) and bool(told.get("late"))
