"""Addresses of files for bots and visitors: ours, signed, good for a time. They hold nothing of the session's token."""

import hmac
import re
from urllib.parse import quote

from gateway import kept
from gateway.db import Tx

LIFE = 24 * 3600  # seconds that a bot may take to read what came in
DAY = 24 * 3600
OUTGOING = 7 * 24 * 3600  # seconds that a person may take to read what was sent
PREFIX = "/files/"

_NAME = "files.key"
_SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)


def known_key() -> Tx[str]:
    """The key of this store's links, "" when there is none yet."""
    return (yield from kept.recall(_NAME))


def signing_key(new: str) -> Tx[str]:
    """The key of this store's links; `new` becomes it when there is none yet."""
    found = yield from kept.recall(_NAME)
    if not found:
        yield from kept.keep(_NAME, new)
    return found or new


def link(key: str, id: str, name: str, now: int, life: int = LIFE) -> str:
    """The path of a file, with its signature; `now` is in ms, `life` in seconds."""
    until = str(now // 1000 + life)
    return f"{PREFIX}{id}/{quote(name, safe='')}?until={until}&signature={_sign(key, id, until)}"


def lasting(key: str, id: str, name: str, now: int) -> str:
    """A link for a page that is read again and again: the same all day, and good for a week at least."""
    days = now // 1000 // DAY + 8
    return link(key, id, name, 0, days * DAY)


def is_good(key: str, id: str, until: str, signature: str, now: int) -> bool:
    """Whether a link was made by us and is good still."""
    if not _SECONDS.fullmatch(until) or int(until) * 1000 < now:
        return False
    return hmac.compare_digest(_sign(key, id, until).encode(), signature.encode("utf-8", "surrogatepass"))


def _sign(key: str, id: str, until: str) -> str:
    return hmac.digest(key.encode(), f"{id}.{until}".encode("utf-8", "surrogatepass"), "sha256").hex()
