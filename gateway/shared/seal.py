"""A seal on what passes through a place where anybody may write: only who opens our store has its key."""

import hmac
from hashlib import blake2b

from gateway.db import Tx

_NAME = "shared.key"


def sealing_key(new: str) -> Tx[str]:
    """The key of all processes on this store; `new` becomes it when there is none yet. Of two at once one is first."""
    yield "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING", (_NAME, new)
    rows = yield "SELECT value FROM meta WHERE name = $1", (_NAME,)
    key: str = rows[0][0]
    return key


class Seal:
    """Seals what consists of parts, in their order."""

    def __init__(self, key: str) -> None:
        self._key = bytes.fromhex(key)

    def of(self, *parts: bytes) -> bytes:
        made = blake2b(key=self._key, digest_size=16)
        for part in parts:
            made.update(b"%d:" % len(part))
            made.update(part)
        return made.hexdigest().encode()

    def fits(self, seal: object, *parts: bytes) -> bool:
        return isinstance(seal, bytes) and hmac.compare_digest(self.of(*parts), seal)
