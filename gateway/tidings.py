"""What processes tell each other of a lane, as text and back. What is not of its shape was told by somebody else."""

from collections.abc import Mapping
from typing import Annotated, Any, TypedDict

import msgspec

LONGEST = 1 << 21  # bytes of what is believed: more than any answer


_Number = Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]
# It becomes part of the id of a frame, where a line break would begin another frame.
_Turn = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_.:-]{0,80}\Z")]


class Piece(TypedDict):
    """Of an answer being written, or the whole of it so far: `n` counts the pieces."""

    turn: _Turn
    attempt: _Number
    n: _Number
    text: str


class _Typing(TypedDict):
    on: bool


class _Progress(TypedDict):
    text: str


class _Answered(TypedDict):
    turn: str


class _Closed(TypedDict):
    reason: str


class _Reset(TypedDict):
    session_id: str


class _Status(TypedDict):
    part: str
    status: str


class _Rating(TypedDict):
    seq: _Number
    score: int


_SHAPES = {
    "delta": Piece,
    "typing": _Typing,
    "progress": _Progress,
    "answered": _Answered,
    "closed": _Closed,
    "reset": _Reset,
    "status": _Status,
    "rating": _Rating,
}
_decoders: dict[str, msgspec.json.Decoder[Any]] = {kind: msgspec.json.Decoder(shape) for kind, shape in _SHAPES.items()}
_event = msgspec.json.Decoder(tuple[str, msgspec.Raw, _Number, str])
_draft = msgspec.json.Decoder(tuple[_Number, Piece])


def event(text: str) -> tuple[str, Mapping[str, Any], int, str] | None:
    """The kind, data, position and session of an event that another process tells of; None for what is none."""
    if len(text) > LONGEST:
        return None
    try:
        kind, data, seq, session = _event.decode(text)
        return kind, _decoders[kind].decode(data), seq, session
    except (msgspec.MsgspecError, KeyError, ValueError, RecursionError):
        return None


def draft(text: str) -> tuple[_Number, Piece] | None:
    """A lane, and what stands there so far; None for what is no such thing."""
    if len(text) > LONGEST:
        return None
    try:
        return _draft.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
