"""JSON from outside that fast parsers refuse for one lone surrogate: half an emoji must not cost a message."""

import json

import orjson

from gateway.message import Json


def loads(raw: bytes) -> Json:
    """What JSON text says, each lone surrogate in it a question mark. None when it is no JSON."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        pass  # only now is it mended: that takes many times as long, and hardly anything needs it
    try:
        return orjson.loads(mend(raw))
    except orjson.JSONDecodeError:
        return None


def mend(raw: bytes) -> bytes:
    """JSON with lone surrogates made whole: each becomes a question mark. Nothing when it is no JSON otherwise."""
    try:
        data = json.loads(raw.decode(), parse_constant=_refuse)
        return json.dumps(data, ensure_ascii=False).encode("utf-8", "replace")
    except (ValueError, RecursionError):
        return b""


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
