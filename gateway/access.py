"""Who is where, and on which list: what every gate asks of an event."""

from gateway.message import Inbound, Sender
from gateway.rules import ALONE


def private(inbound: Inbound) -> bool:
    """Whether nobody but the sender and the bot is there."""
    return inbound.address.place in ALONE


def listed(sender: Sender, entries: tuple[str, ...]) -> bool:
    """Whether an access list holds this sender: by platform id, phone number, or `*@domain` of a proven address."""
    if not entries:
        return False
    if sender.id in entries:
        return True
    phone, mail = sender.profile.get("phone", ""), sender.profile.get("email", "").lower()
    domain = "*@" + mail.rpartition("@")[2]
    return bool((phone and phone in entries) or ("@" in mail and (mail in entries or domain in entries)))
