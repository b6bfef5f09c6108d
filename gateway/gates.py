"""The gates an event passes before it is written down, decided from the event and the settings alone.

What a gate forbids to keep is never written. Each reason is one of `REASONS`, counted and kept by the event's id.
"""

from gateway.channel import Channel
from gateway.message import Inbound, Sender

REASONS = (
    "duplicate",
    "not_addressed",
    "not_allowed",
    "rate_limited",
    "channel_disabled",
    "stale",
    "superseded",
    "cancelled",
    "unsupported",
    "unroutable",
    "service",
    "own_echo",
    "other_bot",
)

_SPOKEN = ("message",)
_SILENT = {
    "service": "service",
    "added": "service",
    "removed": "service",
    "blocked": "service",
    "unblocked": "service",
}


def judge(channel: Channel, inbound: Inbound, *, command: bool) -> str | None:
    """Why this event is let go, or None when it may come in."""
    sender = inbound.sender
    if inbound.kind not in _SPOKEN:
        return _SILENT.get(inbound.kind, "unsupported")
    if not channel.settings.enabled and channel.settings.when_disabled == "drop":
        return "channel_disabled"
    if sender is None or sender.id == inbound.account:
        return "own_echo" if sender else "unroutable"
    if sender.bot and not channel.settings.group.allow_bots:
        return "other_bot"
    if not _may_write(channel, inbound, sender):
        return "not_allowed"
    return _addressed(channel, inbound, command)


def _may_write(channel: Channel, inbound: Inbound, sender: Sender) -> bool:
    access, group = channel.settings.access, channel.settings.group
    if _listed(sender, access.block):
        return False
    if private(inbound):
        return access.dm == "open" or (access.dm == "allowlist" and _listed(sender, access.allow))
    return group.allow == "all" or inbound.address.chat in group.allow


def private(inbound: Inbound) -> bool:
    """Whether nobody but the sender and the bot is there."""
    return inbound.address.place in ("dm", "conversation")


def _listed(sender: Sender, entries: tuple[str, ...]) -> bool:
    """Whether an access list holds this sender: by platform id, phone number, or `*@domain` of a proven address."""
    if not entries:
        return False
    if sender.id in entries:
        return True
    phone, mail = sender.profile.get("phone", ""), sender.profile.get("email", "").lower()
    domain = "*@" + mail.rpartition("@")[2]
    return bool((phone and phone in entries) or ("@" in mail and (mail in entries or domain in entries)))


def _addressed(channel: Channel, inbound: Inbound, command: bool) -> str | None:
    if private(inbound):
        return None
    mode = channel.settings.group.mode
    if mode == "off":
        return "not_addressed"
    if command and inbound.addressed:
        return None
    if mode == "listen":
        return "not_addressed"
    return None if mode == "open" or inbound.addressed else "not_addressed"
