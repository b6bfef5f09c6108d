"""A person who goes on under another id: what is remembered of them, and what they were talking about, goes along."""

import orjson

from gateway import moving
from gateway.db import Tx


def met(channel: str, account: str, old: str, new: str) -> Tx[bool]:
    """Whether anything is known under the old id, so that there is something to do."""
    for sought in (
        "SELECT 1 FROM lane WHERE channel = $1 AND account = $2 AND chat = $3 AND $4 <> '' LIMIT 1",
        "SELECT 1 FROM participant WHERE channel = $1 AND account = $2 AND person = $3 AND $4 <> '' LIMIT 1",
        # Whose number it was before is not whose it is now.
        "SELECT 1 FROM chat_alias WHERE channel = $1 AND account = $2 AND old_chat = $3 AND new_chat <> $4",
    ):
        if (yield sought, (channel, account, old, new)):
            return True
    return False


def rename(channel: str, account: str, old: str, new: str, now: int) -> Tx[None]:
    """Re-key the lanes of a person, and the person. Where the new id is known already, the older row is kept."""
    yield from moving.move_chat(channel, account, old, new, now)
    rows = yield (
        "SELECT id, bot, data FROM participant WHERE channel = $1 AND account = $2 AND person = $3 /*FOR UPDATE*/",
        (channel, account, old),
    )
    for participant, bot, data in rows:
        yield from _take_in(participant, data, (channel, account, bot, new))
        yield "UPDATE participant SET person = $2 WHERE id = $1", (participant, new)
    rows = yield (
        "DELETE FROM heard WHERE channel = $1 AND account = $2 AND chat = $3 RETURNING at",
        (channel, account, old),
    )
    for (at,) in rows:
        yield (
            """INSERT INTO heard (channel, account, chat, at) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (channel, account, chat) DO UPDATE
                 SET at = CASE WHEN excluded.at > heard.at THEN excluded.at ELSE heard.at END""",
            (channel, account, new, at),
        )


def _take_in(keeper: str, data: str, person: tuple[str, str, str, str]) -> Tx[None]:
    """Whoever was met under the new id before we heard of the change is the same person."""
    rows = yield (
        "SELECT id, data FROM participant WHERE channel = $1 AND account = $2 AND bot = $3 AND person = $4",
        person,
    )
    for other, more in rows:
        if other == keeper:
            continue
        for table in ("session", "token"):
            yield f"UPDATE {table} SET participant = $2 WHERE participant = $1", (other, keeper)
        yield (
            """UPDATE inbox SET participant = $2 WHERE participant = $1
                 AND lane IN (SELECT lane FROM session WHERE session.participant = $2)""",
            (other, keeper),
        )
        yield "DELETE FROM participant WHERE id = $1", (other,)
        both = orjson.dumps({**orjson.loads(data), **orjson.loads(more)}).decode()
        yield "UPDATE participant SET data = $2 WHERE id = $1", (keeper, both)
