"""Who may use a command, and what has to be asked to know it."""

from collections.abc import Sequence

from gateway.access import private
from gateway.channel import Channel
from gateway.message import Inbound

ENDING = ("reset", "end")  # commands that end the conversation, which in a group is everybody's


def who_may(channel: Channel, inbound: Inbound, name: str) -> str | Sequence[str]:
    """`anyone`, `admins`, `sender` (who began the conversation), or ids.

    What `commands.allow` says holds everywhere; where it lets anyone, `group.reset_by` decides about conversations
    that several people share.
    """
    allow = channel.settings.commands.allow.get(name, "anyone")
    if allow != "anyone" or name not in ENDING or private(inbound) or _own(channel, inbound):
        return allow
    manners = channel.rules.at(inbound.address).manners
    if not channel.names_admins and "reset_by" not in manners.model_fields_set:
        # Where a platform names no admins, the default would let nobody ever begin anew.
        return "anyone"
    return manners.reset_by


def _own(channel: Channel, inbound: Inbound) -> bool:
    """Whether each member of this group has a conversation of their own."""
    try:
        key, _ = channel.key(inbound.address)
    except ValueError:
        return True
    return any(name == "user" for name, _ in key.ids)


def permitted(allow: str | Sequence[str], inbound: Inbound, admin: bool | None = None) -> bool:
    """Whether they may, as far as is known before the store is asked. `admin` is what the platform says of them.

    Everybody is the administrator of their own direct messages.
    """
    if allow in ("anyone", "sender"):
        return True
    if allow == "admins":
        return private(inbound) or admin is True
    return not isinstance(allow, str) and inbound.sender is not None and inbound.sender.id in allow
