"""Session tokens: credentials that point to one conversation. Only their SHA-256 is ever stored."""

import base64
import hashlib
import os
from typing import Literal, NamedTuple

from gateway.db import Tx

USED_EVERY = 60_000  # ms between two notes of a token's use
_BYTES = 32


class Grant(NamedTuple):
    """What a token opens, and for how long: `ttl` in ms after its last use, None for ever."""

    channel: str
    lane: int
    session: str
    participant: str
    ttl: int | None


class Held(NamedTuple):
    """A token's row, with what it points to."""

    channel: str
    lane: int
    session: str
    participant: str
    used_at: int
    expires_at: int | None
    state: str
    level: str
    bot: str
    open_session: str | None
    chat: str
    last_seq: int
    person: str
    name: str
    language: str
    profile: str
    person_level: str


def new_token() -> str:
    """43 characters that nobody can guess."""
    return base64.urlsafe_b64encode(os.urandom(_BYTES)).rstrip(b"=").decode()


def digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def expiry(ttl: int | None, now: int) -> int | None:
    return None if ttl is None else now + ttl


def issue(token: bytes, grant: Grant, now: int) -> Tx[None]:
    """Let a token (its digest) open a session from now on."""
    yield (
        """INSERT INTO token (hash, channel, lane, session, participant, created_at, used_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $6, $7)""",
        (token, *grant[:4], now, expiry(grant.ttl, now)),
    )


def find(token: bytes) -> Tx[Held | None]:
    """What a token (its digest) opens, whether or not it still does."""
    rows = yield (
        """SELECT t.channel, t.lane, t.session, t.participant, t.used_at, t.expires_at, s.state, s.level, s.bot,
             l.session, l.chat, s.next_message, p.person, p.name, p.language, p.profile, p.level
             FROM token t JOIN session s ON s.id = t.session JOIN lane l ON l.id = t.lane
               JOIN participant p ON p.id = t.participant
             WHERE t.hash = $1""",
        (token,),
    )
    return Held._make(rows[0]) if rows else None


def use(token: bytes, ttl: int | None, now: int) -> Tx[None]:
    """Its life begins anew with every use."""
    yield "UPDATE token SET used_at = $2, expires_at = $3 WHERE hash = $1", (token, now, expiry(ttl, now))


def revoke(whose: Literal["session", "participant", "channel"], which: str, most: int) -> Tx[list[tuple[int, str]]]:
    """Take tokens back, at most so many. Returns the lanes and sessions that they opened."""
    rows = yield (
        f"""DELETE FROM token WHERE hash IN (SELECT hash FROM token WHERE {whose} = $1 LIMIT $2)
              RETURNING lane, session""",
        (which, most),
    )
    return [(lane, session) for lane, session in rows]
