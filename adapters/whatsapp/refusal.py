"""The Graph API's "no", as one of the three errors an adapter may raise. Its codes are finer than its HTTP statuses."""

from collections.abc import Iterable

import msgspec

from gateway.errors import Refused, RefusedReason, Retry, SendError

_THROTTLED = {4, 17, 32, 613, 80007, 130429}  # the app or the number: everybody waits
_SUSPECTED = {131048}  # too much of what we sent was reported as spam: everybody waits longer
_PAIR = {131056}  # this recipient only
_LATER = {1, 2, 131000, 131016, 131057, 131208, 133004}
_STOPPED = {
    *(0, 3, 10, 190, *range(200, 300)),  # the token, or what it may do
    *(368, 130497, 131005, 131031, 131037, 131042, 131045, 133010),  # the account: policy, billing, registration
}
_REASONS: dict[int, RefusedReason] = {
    131020: "gone",  # a group that is none
    131021: "gone",  # ourselves
    131026: "gone",  # not on WhatsApp, or on one too old
    131030: "blocked",  # not among the numbers that a test account may write to
    131041: "gone",  # an unknown group
    131047: "window",
    131050: "blocked",  # wants no marketing from us
    131051: "unsupported",
    131207: "blocked",  # a suspended group
}
SPAM_PAUSE = 600.0  # seconds
_TOO_LONG = ("must be at most", "too long", "length exceeds", "between 1 and")


class _Data(msgspec.Struct, frozen=True):
    details: str = ""


class GraphError(msgspec.Struct, frozen=True):
    """The `error` of an answer."""

    message: str = ""
    type: str = ""
    code: int = 0
    error_data: _Data | str | None = None
    is_transient: bool = False
    error_user_msg: str | None = None

    @property
    def words(self) -> str:
        """What it says, at its most precise."""
        details = self.error_data.details if isinstance(self.error_data, _Data) else self.error_data
        return " - ".join(dict.fromkeys(filter(None, (self.message, details or "", self.error_user_msg or ""))))


def refusal(what: str, status: int, error: GraphError, after: float | None) -> SendError:
    """What a refused call means: try later, or never as it is. `after` is Meta's own wish in seconds."""
    code, detail = error.code, f"{what}: {error.code} {error.words}"
    if code in _THROTTLED or (status == 429 and code not in _PAIR):
        return Retry(detail, after=after, everyone=True)
    if code in _SUSPECTED:
        return Retry(detail, after=after or SPAM_PAUSE, everyone=True)
    if code in _PAIR or code in _LATER or error.is_transient:
        return Retry(detail, after=after)
    if code in _STOPPED or status == 401:
        return Refused("auth", detail)
    if code in _REASONS:
        return Refused(_REASONS[code], detail)
    if status >= 500:
        # Its own JSON says "not done". Only where something else answered for it is the outcome in doubt.
        return Retry(detail, after=after)
    return Refused(_worded(error), detail)


def _worded(error: GraphError) -> RefusedReason:
    return "too_long" if any(words in error.words.lower() for words in _TOO_LONG) else "rejected"


def window_closed(codes: Iterable[int]) -> bool:
    """Whether a failed message tells that the user has to write first."""
    return any(_REASONS.get(code) == "window" for code in codes)
