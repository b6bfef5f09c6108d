"""What was said in a group and not to the bot, kept for a while, so that it may be told with what is.

It is no part of any conversation: never in the history, gone once it was told, and after `KEPT` at the latest.
"""

from datetime import UTC, datetime
from typing import NamedTuple

from gateway.db import Tx
from gateway.message import Inbound, Json
from gateway.placeholder import placeholder

KEPT = 7 * 24 * 3600 * 1000  # ms
MOST_TEXT = 8_000  # characters that a bot is told at once


class Words(NamedTuple):
    """Something overheard. `key` is the lane that it would have gone to, `most` how many are kept there."""

    key: str
    channel: str
    account: str
    chat: str
    sender: str
    name: str
    text: str
    ref: str
    at: int
    most: int


class Heard(NamedTuple):
    """What a bot is told, oldest first; `upto` is the number of the last one, 0 for none."""

    lines: list[Json]
    upto: int


def words(key: str, inbound: Inbound, now: int, most: int) -> Words:
    """What is kept of a message: who said what. Files are only named."""
    at, sender = inbound.address, inbound.sender
    text = placeholder(inbound)[:MOST_TEXT]
    who, name = (sender.id, sender.name or sender.username) if sender else ("", "")
    return Words(key, inbound.channel, inbound.account, at.chat, who, name, text, inbound.ref, now, most)


def keep(w: Words) -> Tx[None]:
    """Keep one more, and no more than there may be."""
    yield (
        """INSERT INTO overheard (key, channel, account, chat, sender, name, text, ref, at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)""",
        w[:9],
    )
    yield (
        """DELETE FROM overheard WHERE key = $1
             AND id <= (SELECT id FROM overheard WHERE key = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)""",
        (w.key, w.most),
    )


def since_last_turn(key: str, most: int) -> Tx[Heard]:
    """What has been said since the bot was last told, the newest of it."""
    rows = yield (
        "SELECT id, sender, name, text, at FROM overheard WHERE key = $1 ORDER BY id DESC LIMIT $2",
        (key, most),
    )
    lines: list[Json] = []
    room = MOST_TEXT
    for _, sender, name, text, at in rows:
        if len(text) > room and lines:
            break
        room -= len(text)
        when = datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        lines.append({"sender": {"id": sender, "name": name}, "text": text, "at": when, "untrusted": True})
    return Heard(lines[::-1], rows[0][0] if rows else 0)


def told(lane: int, upto: int) -> Tx[None]:
    """The bot has been told, and has answered."""
    yield "DELETE FROM overheard WHERE key = (SELECT key FROM lane WHERE id = $1) AND id <= $2", (lane, upto)


def left(channel: str, account: str, chat: str) -> Tx[None]:
    """The bot is in a chat no more."""
    yield "DELETE FROM overheard WHERE channel = $1 AND account = $2 AND chat = $3", (channel, account, chat)


def unsaid(channel: str, account: str, chat: str, ref: str) -> Tx[None]:
    """Somebody has taken a message back."""
    yield (
        "DELETE FROM overheard WHERE channel = $1 AND account = $2 AND chat = $3 AND ref = $4",
        (channel, account, chat, ref),
    )
