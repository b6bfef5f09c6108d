"""Twilio's own "no", as one of the three errors an adapter may raise: told apart by HTTP status and error code."""

from gateway.errors import Refused, RefusedReason, Retry, SendError, Unknown

LONGEST_WAIT = 3600.0  # seconds that we let ourselves be sent away for

_THROTTLED = {
    14107,  # the sender's rate
    20429,  # requests of the account
    21611,  # messages queued for this sender
    63018,  # WhatsApp's rate, which is also a limit of a day
    63022,
}
_PASSING = {63010, 63012, 63020}  # the channel's provider has trouble of its own

_REASONS: dict[int, RefusedReason] = {
    20003: "auth",
    20005: "auth",  # the account is not active
    20006: "auth",
    21211: "gone",  # no such number
    21214: "gone",
    21217: "gone",
    21614: "gone",  # a number that cannot receive SMS
    21610: "blocked",  # the user has sent STOP
    63003: "gone",  # nobody there by this address
    63014: "blocked",
    63015: "blocked",  # of a sandbox: the user has not joined it (any more)
    63024: "gone",  # no recipient of this channel
    63032: "blocked",
    63033: "blocked",
    63016: "window",
    21605: "too_long",
    21617: "too_long",
    21658: "too_long",
    21620: "unsupported",  # media that cannot be fetched or sent
    21623: "unsupported",
    63019: "unsupported",
    63021: "unsupported",
}

VARIABLES = 21656  # what is to stand in a template: that template may be good all the same

WINDOW = {code for code, reason in _REASONS.items() if reason == "window"}
GONE_FOR_GOOD = {code for code, reason in _REASONS.items() if reason in ("gone", "blocked")}
"""Codes that say of a recipient, also when they come with a status later: nothing will reach them."""


class Denied(Refused):
    """A refusal with Twilio's own code."""

    def __init__(self, reason: RefusedReason, detail: str, code: int) -> None:
        super().__init__(reason, detail)
        self.code = code


def refusal(what: str, status: int, code: int, message: str, after: str = "") -> SendError:
    """What an answer with an error means: try later, or never as it is. `after` is its Retry-After header."""
    detail = f"{what}: {code or f'HTTP {status}'} {message}".rstrip()
    if status == 429 or code in _THROTTLED:
        # Only a rate of the account's requests concerns everybody.
        return Retry(detail, after=_seconds(after), everyone=code == 20429)
    if status == 503 or code in _PASSING:
        return Retry(detail, after=_seconds(after))
    if status >= 500:
        # Twilio promises nothing about what it had done by then; a status callback may tell.
        return Unknown(detail)
    if status == 401:
        return Refused("auth", detail)
    return Denied(_REASONS.get(code, "rejected"), detail, code)


def _seconds(after: str) -> float | None:
    return min(float(after), LONGEST_WAIT) if after.isascii() and after.isdigit() and len(after) < 9 else None
