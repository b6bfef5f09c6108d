"""JSON data of strangers, made fit to be kept: clean texts, no bombs."""

from gateway.errors import BotBroken
from gateway.message import Json
from gateway.text import clean

DEEPEST = 32
MOST = 20_000


def kept(value: Json) -> Json:
    """A copy with clean texts. Raises `BotBroken` when it is deeper than 32 or of more than 20,000 values."""
    left = MOST

    def copy(value: Json, depth: int) -> Json:
        nonlocal left
        left -= 1
        if left < 0 or depth > DEEPEST:
            raise BotBroken(f"more than {MOST} values, or values more than {DEEPEST} deep")
        if isinstance(value, str):
            return clean(value)
        if isinstance(value, dict):
            return {clean(key): copy(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list):
            return [copy(item, depth + 1) for item in value]
        return value

    return copy(value, 1)
