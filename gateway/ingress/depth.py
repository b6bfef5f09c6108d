"""How deep JSON goes, known before it is parsed. Linear in the length of the body, and nearly free for small ones."""

import re
from typing import Any

import orjson

from gateway.errors import Problem

DEEPEST = 32  # levels
MOST = 20_000  # values

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_LEVELS = bytes.maketrans(b"{}", b"[]")
_OTHERS = bytes(set(range(256)) - set(b"[]{}"))


def check(body: bytes) -> None:
    """Refuse what nests too deep or holds too many values. Raises `Problem`."""
    if body.count(b"[") + body.count(b"{") > DEEPEST or body.count(b",") > MOST:
        bare = _STRING.sub(b"", body)
        if bare.count(b",") > MOST:
            raise Problem(413, "too_many_values", f"JSON may hold at most {MOST} values")
        if _too_deep(bare):
            raise Problem(413, "too_deep", f"JSON may be at most {DEEPEST} levels deep")


def _too_deep(bare: bytes) -> bool:
    """Each round takes the innermost level away; unbalanced brackets count as too deep."""
    brackets = bare.translate(_LEVELS, _OTHERS)
    for _ in range(DEEPEST):
        brackets = brackets.replace(b"[]", b"")
        if not brackets:
            return False
    return True


def json_object(body: bytes) -> dict[str, Any]:
    """The JSON object that a body is; an empty body is an empty object. Raises `Problem`."""
    if not body.strip():
        return {}
    check(body)
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Problem(400, "invalid_json", f"the body is no JSON: {error.msg}") from None
    if not isinstance(found, dict):
        raise Problem(400, "invalid_json", "the body must be a JSON object")
    return found
