"""The Bot API's own "no", as one of the three errors an adapter may raise.

The Bot API gives an HTTP code and an English sentence; there are no finer codes. Sentences are matched
without regard to case.
"""

import msgspec

from gateway.errors import Refused, RefusedReason, Retry, SendError, Unknown


class Parameters(msgspec.Struct, frozen=True):
    """What the Bot API adds to a refusal for machines."""

    retry_after: int = 0
    migrate_to_chat_id: int = 0


_SENTENCES: tuple[tuple[str, RefusedReason], ...] = (
    ("message is too long", "too_long"),
    ("message_too_long", "too_long"),
    ("can't parse entities", "markup"),
    ("can't parse message entities", "markup"),
    ("entity_", "markup"),
    ("entities_", "markup"),
    ("chat not found", "gone"),
    ("user not found", "gone"),
    ("peer_id_invalid", "gone"),
    ("message thread not found", "gone"),
    ("topic_deleted", "gone"),
    ("topic_closed", "gone"),
    ("chat_write_forbidden", "blocked"),
    ("chat_restricted", "blocked"),
    ("have no rights to send", "blocked"),
    ("not enough rights to send", "blocked"),
    ("user is deactivated", "blocked"),
)


def refusal(method: str, code: int, description: str, parameters: Parameters) -> SendError:
    """What a refused call means: try later, or never as it is."""
    detail = f"{method}: {code} {description}"
    if parameters.migrate_to_chat_id:
        return Refused("migrated", detail, to=str(parameters.migrate_to_chat_id))
    if code == 429:
        return Retry(detail, after=parameters.retry_after or None)
    if code == 504:
        return Unknown(detail)
    if code >= 500:
        # Its own JSON says "not done". Only where something else answered for it is the outcome in doubt.
        return Retry(detail)
    return Refused(_reason(code, description.lower()), detail)


def _reason(code: int, description: str) -> RefusedReason:
    # A token of the wrong shape is answered with a bare 404, as is an unknown method, of which we call none.
    if code == 401 or (code == 404 and description == "not found"):
        return "auth"
    if code == 403:
        return "blocked"
    return next((reason for words, reason in _SENTENCES if words in description), "rejected")
