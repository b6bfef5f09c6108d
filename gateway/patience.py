"""How long a message waits for others that belong to it."""

import hashlib

from gateway.channel import Channel
from gateway.gathering import ALBUM, MARK, QUICK, TEXT, TOGETHER, Gathers
from gateway.message import Inbound

AT_MOST = 10_000  # ms
CONTINUATION = 1_500  # ms


def wanted(channel: Channel, inbound: Inbound) -> Gathers | None:
    """What a message of a person waits for, by itself and the settings alone. None for nearly all."""
    splits, coalesce = channel.limits.splits, channel.settings.coalesce
    album = inbound.extra.get("album") if inbound.extra else None
    long = bool(splits) and len(inbound.text) >= splits and not inbound.files
    if inbound.kind != "message" or not (album or long or coalesce.quiet):
        return None
    if album:
        wait = round(channel.settings.media.album_wait * 1000)
        return Gathers(f"{ALBUM}:{_digest(str(album))}", wait, AT_MOST, TOGETHER)
    person = _digest(inbound.sender.id if inbound.sender else "")
    end = MARK if long else ""
    if coalesce.quiet is None:
        return Gathers(f"{TEXT}:{person}{end}", CONTINUATION, AT_MOST, TOGETHER)
    wait = max(round(coalesce.quiet * 1000), CONTINUATION if long else 0)
    return Gathers(f"{QUICK}:{person}{end}", wait, round(coalesce.max_wait * 1000), coalesce.max_messages)


def _digest(word: str) -> str:
    return hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
