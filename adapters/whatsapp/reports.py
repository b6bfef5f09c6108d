"""What Meta says became of a message of ours."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from adapters.whatsapp.wire import convert

Outcome = Literal["sent", "delivered", "read", "failed"]
_OUTCOMES: dict[str, Outcome] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "played": "read",  # of a voice message
    "failed": "failed",
}


class Report(NamedTuple):
    """`mark` is the word that we gave the message along; "" when it was sent by something else."""

    mark: str
    outcome: Outcome
    ref: str
    codes: tuple[int, ...] = ()


class _Error(msgspec.Struct, frozen=True):
    code: int = 0


class _Status(msgspec.Struct, frozen=True):
    id: str
    status: str
    biz_opaque_callback_data: str = ""
    errors: tuple[_Error, ...] = ()


def report(data: Mapping[str, Any]) -> Report:
    """Raises `ValueError` for a status that is none."""
    status = convert(data, _Status)
    if status is None or status.status not in _OUTCOMES:
        raise ValueError("no status of a message")
    codes = tuple(error.code for error in status.errors)
    return Report(status.biz_opaque_callback_data, _OUTCOMES[status.status], status.id, codes)
