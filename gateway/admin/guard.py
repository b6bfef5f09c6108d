"""Who may use the admin door: keys with roles, and few guesses."""

import re
from collections import OrderedDict
from collections.abc import Sequence

from aiohttp import web

from gateway.corridor import Corridor
from gateway.errors import Problem
from gateway.ingress.peer import Network, household, peer
from gateway.ingress.rates import Rates
from gateway.operations import keys
from gateway.operations.keys import Holder

GUESSES_A_MINUTE = 5  # wrong keys or weak roles from one address
GUESSES_OF_ALL = 10  # from all addresses that have shown no key lately
REMEMBERED = 1_000  # addresses that have shown one

_BEARER = re.compile(r"bearer +([!-~]{1,200}) *", re.IGNORECASE | re.ASCII)


class Guard:
    """Judges requests at the admin listener."""

    def __init__(self, corridor: Corridor, trusted: Sequence[Network]) -> None:
        self._c, self.trusted = corridor, trusted
        self._each = Rates(corridor.clock, GUESSES_A_MINUTE, 60)
        self._all = Rates(corridor.clock, GUESSES_OF_ALL, 60)
        self._welcome: OrderedDict[str, None] = OrderedDict()

    async def admit(self, request: web.BaseRequest) -> Holder:
        """Whose key this is. Raises `Problem`: 503 while there is no key at all, 401, and 429 after many guesses.

        Beyond the limit no key is compared any more, right or wrong, so that guessing learns nothing.
        """
        known = await self._c.db.read(keys.holders)
        if not known:
            said = "the admin door stays shut until a key exists: gateway keys create --role admin"
            raise Problem(503, "admin_shut", said)
        here = self._here(request)
        self._not_too_often(here)
        found = _BEARER.fullmatch(request.headers.get("Authorization", "").strip())
        holder = keys.holder(found[1], known) if found else None
        if holder is None:
            self._count(here)
            if found is None:
                raise Problem(401, "key_missing", "send Authorization: Bearer <key>, as made by gateway keys create")
            raise Problem(401, "key_unknown", "this key opens nothing")
        self._welcome[here] = None
        self._welcome.move_to_end(here)
        if len(self._welcome) > REMEMBERED:
            self._welcome.popitem(last=False)
        return holder

    def refuse(self, request: web.BaseRequest, holder: Holder, needed: str) -> Problem:
        """The answer to a role that is too weak."""
        here = self._here(request)
        self._not_too_often(here)
        self._count(here)
        return Problem(403, "role_too_weak", f"this needs the role {needed}; the key has {holder.role}")

    def _here(self, request: web.BaseRequest) -> str:
        return household(peer(request, self.trusted))

    def _not_too_often(self, here: str) -> None:
        # Who has shown a key lately is not shut out by the guesses of others.
        wait = self._each.wait(here) or (0.0 if here in self._welcome else self._all.wait(""))
        if wait:
            raise Problem(429, "rate_limited", "too many wrong keys; wait a moment", retry_after=wait)

    def _count(self, here: str) -> None:
        self._each.take(here)
        self._all.take("")
