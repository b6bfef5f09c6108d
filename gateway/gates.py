"""The gates an event passes before it is written down, decided from the event and the settings alone.

What a gate forbids to keep is never written. Each reason is one of `REASONS`, counted and kept by the event's id.
"""

from gateway.access import listed, private
from gateway.channel import Channel
from gateway.choices import late
from gateway.message import Inbound, Sender

REASONS = (
    "duplicate",
    "not_addressed",
    "not_allowed",
    "rate_limited",
    "channel_disabled",
    "stale",
    "superseded",
    "revoked",
    "erased",
    "unchanged",
    "cancelled",
    "unsupported",
    "unroutable",
    "service",
    "own_echo",
    "other_bot",
    "loop",
    "discarded",
)
"""All that there are. Those that the door gives are counted, and listed by `gateway inbox dropped`."""

SPOKEN = ("message", "button", "reaction")
_SILENT = {
    "service": "service",
    "added": "service",
    "removed": "service",
    "blocked": "service",
    "unblocked": "service",
}


def judge(channel: Channel, inbound: Inbound, *, command: bool) -> str | None:
    """Why this event is let go, or None when it may come in."""
    if inbound.kind not in SPOKEN:
        return _SILENT.get(inbound.kind, "unsupported")
    if not channel.settings.enabled and channel.settings.when_disabled == "drop":
        return "channel_disabled"
    return unwelcome(channel, inbound, command=command)


def unwelcome(channel: Channel, inbound: Inbound, *, command: bool) -> str | None:
    """Why something that was said is let go although the channel is switched on."""
    sender = inbound.sender
    if sender is None or sender.id == inbound.account:
        return "own_echo" if sender else "unroutable"
    verdict = _alone(channel, sender) if private(inbound) else _in_company(channel, inbound, sender, command)
    return "stale" if verdict is None and late(inbound) else verdict


def _alone(channel: Channel, sender: Sender) -> str | None:
    access = channel.settings.access
    if sender.bot and not channel.settings.group.allow_bots:
        return "other_bot"
    if listed(sender, access.block):
        return "not_allowed"
    well = access.dm == "open" or (access.dm == "allowlist" and listed(sender, access.allow))
    return None if well else "not_allowed"


def _in_company(channel: Channel, inbound: Inbound, sender: Sender, command: bool) -> str | None:
    rules = channel.rules.at(inbound.address)
    if sender.bot and not rules.manners.allow_bots:
        return "other_bot"
    if listed(sender, channel.settings.access.block) or not welcome(channel, inbound):
        return "not_allowed"
    if not _addressed(channel, inbound, command):
        return "not_addressed"
    # Only who speaks to the bot can be told that they may not: what members say to each other is not its business.
    return "not_allowed" if rules.users is not None and not listed(sender, rules.users) else None


def welcome(channel: Channel, inbound: Inbound) -> bool:
    """Whether the bot may be in this group."""
    allow = channel.settings.group.allow
    return allow == "all" or inbound.address.chat in allow


def _addressed(channel: Channel, inbound: Inbound, command: bool) -> bool:
    rules = channel.rules.at(inbound.address)
    mode = rules.manners.mode
    if mode == "off":
        return False
    if command and inbound.addressed:
        return True
    if mode == "listen":
        return False
    return mode == "open" or inbound.addressed or rules.mentions.found(inbound.text) or _to_be_heard(channel, inbound)


def _to_be_heard(channel: Channel, inbound: Inbound) -> bool:
    """Whether only a voice message's words, which are not known yet, can tell whom it addresses."""
    return bool(channel.settings.voice.transcribe) and any(file.kind == "voice" for file in inbound.files)


def calls_us(channel: Channel, inbound: Inbound) -> bool:
    """Whether a message in a group, all of whose words are known now, addresses the bot."""
    rules, name = channel.rules.at(inbound.address), channel.adapter.mention.lstrip("@").casefold()
    if rules.manners.mode == "open" or inbound.addressed or rules.mentions.found(inbound.text):
        return True
    return bool(name) and name in inbound.text.casefold()


def overhears(channel: Channel, inbound: Inbound) -> bool:
    """Whether something that was not meant for the bot may be told to it with what is."""
    sender = inbound.sender
    if inbound.kind != "message" or sender is None or channel.rules.at(inbound.address).manners.mode == "off":
        return False
    return heeded(channel, inbound, sender)


def heeded(channel: Channel, inbound: Inbound, sender: Sender) -> bool:
    """Whether the words of somebody in this group may reach the bot besides what is said to it."""
    rules = channel.rules.at(inbound.address)
    if rules.manners.quotes == "all":
        return True
    return rules.manners.quotes == "allowed" and (rules.users is None or listed(sender, rules.users))
