"""Addresses at Twilio: a kind of channel before the colon, and an id after it. SMS numbers stand bare."""

from typing import NamedTuple

from gateway.phone import e164

LONGEST = 200
PHONES = ("", "whatsapp", "rcs")  # kinds whose ids are telephone numbers


class Party(NamedTuple):
    """One side of a conversation: `whatsapp`, `messenger` ... or "" for SMS, and its id; numbers as E.164."""

    kind: str
    id: str

    @property
    def phone(self) -> str:
        """The telephone number, "" where the id is none."""
        return self.id if self.kind in PHONES and self.id.startswith("+") else ""

    @property
    def qualified(self) -> str:
        """What no id is: one number may be somebody's on WhatsApp and by SMS, and those are two accounts."""
        return f"{self.kind or 'sms'}:{self.id}"

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}" if self.kind else self.id


def party(address: str) -> Party | None:
    """Who an address names, None when it names nobody."""
    kind, colon, id = address.partition(":")
    if not colon:
        kind, id = "", address
    id = e164(id.strip())
    if not id or len(address) > LONGEST or not address.isprintable():
        return None
    return Party(kind, id)
