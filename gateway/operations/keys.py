"""Keys of operators and of calling programs. A key is shown once, when it is made; only its SHA-256 is kept."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Any, NamedTuple

from gateway.db import Tx
from gateway.errors import Problem
from gateway.operations.office import Office, moment
from gateway.text import clean_name

RANKS: Mapping[str, int] = {"viewer": 1, "operator": 2, "admin": 3}
"""What operators may do: each role all that the ones below it may."""

CALLER = "caller"
PREFIX = "gw_"


class Holder(NamedTuple):
    """Whoever came with a valid key."""

    id: str
    name: str
    role: str


def digest(key: str) -> bytes:
    """What is kept of a key. It has 256 random bits, so that a slow hash would protect nothing."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def holders() -> Tx[list[tuple[bytes, Holder]]]:
    """The keys that open the admin door today."""
    rows = yield "SELECT hash, id, name, role FROM api_key WHERE revoked_at IS NULL AND role <> $1", (CALLER,)
    return [(kept, Holder(*rest)) for kept, *rest in rows]


def holder(given: str, known: list[tuple[bytes, Holder]]) -> Holder | None:
    """Whose key this is. All are compared, each in constant time."""
    found, wanted = None, digest(given)
    for kept, one in known:
        if hmac.compare_digest(kept, wanted):
            found = one
    return found


async def listed(office: Office) -> Any:
    """All keys that there ever were, newest first; the keys themselves are not known."""
    return {"keys": await office.corridor.db.read(_listed)}


def _listed() -> Tx[list[Any]]:
    rows = yield (
        "SELECT id, name, role, channel, created_at, revoked_at FROM api_key ORDER BY created_at DESC, id DESC",
        (),
    )
    return [
        {
            "id": id,
            "name": name,
            "role": role,
            "channel": channel,
            "created_at": moment(created),
            "revoked_at": moment(revoked),
        }
        for id, name, role, channel, created, revoked in rows
    ]


async def create(office: Office, role: str, channel: str = "", name: str = "") -> Any:
    """Make a key for an operator, or for a program that calls a channel. The answer has it, and nothing else ever."""
    if role not in (*RANKS, CALLER):
        raise Problem(400, "bad_role", f"role is one of {', '.join((*RANKS, CALLER))}")
    if (role == CALLER) != bool(channel):
        raise Problem(400, "bad_role", "a caller's key is for one channel, and an operator's for none")
    if channel and channel not in office.settings.channels:
        known = ", ".join(sorted(office.settings.channels)) or "none"
        raise Problem(404, "channel_unknown", f"there is no channel of that name (known: {known})")
    key = PREFIX + secrets.token_urlsafe(32)
    id = secrets.token_hex(6)
    await office.corridor.db.write(_create, id, digest(key), clean_name(name), role, channel or None, office.now())
    return {"id": id, "key": key, "role": role, "channel": channel or None, "name": clean_name(name)}


def _create(id: str, kept: bytes, name: str, role: str, channel: str | None, now: int) -> Tx[None]:
    yield (
        "INSERT INTO api_key (id, hash, name, role, channel, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
        (id, kept, name, role, channel, now),
    )


async def revoke(office: Office, id: str) -> Any:
    """From now on this key opens nothing. Raises `Problem` 404, and 409 when it was revoked before."""
    await office.corridor.db.write(_revoke, id, office.now())
    return {"id": id, "revoked": True}


def _revoke(id: str, now: int) -> Tx[None]:
    rows = yield "SELECT revoked_at FROM api_key WHERE id = $1", (id,)
    if not rows:
        raise Problem(404, "key_unknown", "there is no key of this id; `gateway keys list` shows all")
    if rows[0][0] is not None:
        raise Problem(409, "key_revoked", "this key was revoked before")
    yield "UPDATE api_key SET revoked_at = $2 WHERE id = $1", (id, now)
