"""What Twilio reports of a message it has taken."""

from typing import Literal, NamedTuple

from adapters.twilio.fields import Fields

Outcome = Literal["sent", "delivered", "read", "failed"]

_OUTCOMES: dict[str, Outcome] = {
    "sent": "sent",
    "delivered": "delivered",
    "partially_delivered": "delivered",
    "read": "read",
    "failed": "failed",
    "undelivered": "failed",
    "canceled": "failed",
}
_ON_THE_WAY = {"accepted", "scheduled", "queued", "sending", "receiving", "received"}


class Status(NamedTuple):
    """One report. `outcome` is None while the message is still on its way; `error` is Twilio's code, 0 without."""

    sid: str
    outcome: Outcome | None
    error: int

    @property
    def over(self) -> bool:
        """Whether nothing can overtake this message any more."""
        return self.outcome not in (None, "sent")


def read_status(fields: Fields) -> Status | None:
    """A report, None when the fields are none that we know of."""
    sid, word = fields.first("MessageSid") or fields.first("SmsSid"), fields.first("MessageStatus").lower()
    if not sid or not sid.isprintable() or (word not in _OUTCOMES and word not in _ON_THE_WAY):
        return None
    error = fields.first("ErrorCode")
    known = error.isascii() and error.isdigit() and len(error) < 9
    return Status(sid, _OUTCOMES.get(word), int(error) if known else 0)
