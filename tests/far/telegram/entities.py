"""Entities: those that Telegram finds in a text by itself, and the checks on those that bots send."""

import re
from typing import Any

from tests.far.telegram.refusal import bad_request

_FOUND = re.compile(
    r"(?P<bot_command>(?<![\w/@])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?(?![\w/@]))"
    r"|(?P<mention>(?<!\w)@[A-Za-z0-9_]{4,32}(?!\w))"
)
_KINDS = {
    *("mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number", "bold", "italic"),
    *("underline", "strikethrough", "spoiler", "blockquote", "expandable_blockquote", "code", "pre"),
    *("text_link", "text_mention", "custom_emoji", "date_time"),
}


def units(text: str) -> int:
    """Length in UTF-16 units, as everything about texts is counted in the Bot API."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def found(text: str) -> list[dict[str, Any]]:
    """Commands and mentions, as Telegram marks them in what users write."""
    if "/" not in text and "@" not in text:
        return []
    return [
        {"type": match.lastgroup, "offset": units(text[: match.start()]), "length": units(match.group())}
        for match in _FOUND.finditer(text)
    ]


def check(text: str, entities: list[dict[str, Any]]) -> None:
    """Raises the 400 that entities of a bot earn: unknown kinds, out of bounds, or half an emoji."""
    encoded = text.encode("utf-16-le", "surrogatepass")
    for entity in entities:
        kind, offset, length = entity.get("type"), entity.get("offset"), entity.get("length")
        if kind not in _KINDS:
            raise bad_request(f"can't parse MessageEntity: unsupported type {kind}")
        if not isinstance(offset, int) or not isinstance(length, int) or offset < 0 or length <= 0:
            raise bad_request("ENTITY_BOUNDS_INVALID")
        if offset + length > len(encoded) // 2 or any(_splits(encoded, at) for at in (offset, offset + length)):
            raise bad_request("ENTITY_BOUNDS_INVALID")
        if kind == "text_link" and not entity.get("url"):
            raise bad_request("can't parse MessageEntity: a text_link needs a url")


def _splits(encoded: bytes, at: int) -> bool:
    """Whether position `at` stands between the halves of a surrogate pair."""
    return 2 * at + 1 < len(encoded) and 0xDC <= encoded[2 * at + 1] <= 0xDF
