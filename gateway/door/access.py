"""Who may come in: origins, rates, and the token that opens one session."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson
from aiohttp import web

from gateway import tokens
from gateway.channel import Channel
from gateway.door.house import House, life
from gateway.errors import Problem, StorageDown
from gateway.ingress.peer import household
from gateway.ingress.rates import Rates
from gateway.message import Address, Level, Sender
from gateway.tokens import Held

SESSIONS_A_MINUTE = 30  # begun from one address
CALLS_A_MINUTE = 400  # with one token or key
FAILURES_A_MINUTE = 20  # wrong tokens from one address

_OPEN = ("active", "dormant", "handoff")
_BEARER = re.compile(r"bearer +([!-~]{1,512}) *", re.IGNORECASE | re.ASCII)
_PROFILE = ("name", "username", "language")


class Visit(NamedTuple):
    """Somebody with a token, at the session it opens."""

    channel: Channel
    held: Held
    digest: bytes

    @property
    def address(self) -> Address:
        return Address(chat=self.held.chat, user=self.held.person, place="conversation")

    @property
    def sender(self) -> Sender:
        """As the gateway knows them: nothing in a request can change who speaks."""
        held = self.held
        profile = orjson.loads(held.profile) if held.profile != "{}" else {}
        told = {
            field: str(entry["value"])
            for field, entry in profile.items()
            if field not in _PROFILE and entry.get("source") == "platform"
        }
        level: Level = held.person_level  # type: ignore[assignment]
        return Sender(id=held.person, name=held.name, language=held.language, level=level, profile=told)


class Access:
    """Judges who comes, before anything is read or written for them."""

    def __init__(self, house: House) -> None:
        self._house = house
        clock = house.corridor.clock
        self._beginnings = Rates(clock, SESSIONS_A_MINUTE, 60)
        self._calls = Rates(clock, CALLS_A_MINUTE, 60)
        self._failures = Rates(clock, FAILURES_A_MINUTE, 60)

    def may_begin(self, request: web.BaseRequest) -> None:
        """Raises `Problem` 429 when too many sessions are begun from one address."""
        if wait := self._beginnings.take(household(self._house.peer(request))):
            raise Problem(429, "rate_limited", "too many new sessions from here; wait a moment", retry_after=wait)

    def may_call(self, credential: bytes) -> None:
        """Raises `Problem` 429 when a token or key is used too often."""
        if wait := self._calls.take(credential):
            raise Problem(429, "rate_limited", "too many requests; wait a moment", retry_after=wait)

    def failed(self, request: web.BaseRequest, code: str, detail: str) -> Problem:
        """The 401 for a credential that opens nothing; 429 when it is one too many."""
        if wait := self._failures.take(household(self._house.peer(request))):
            return Problem(429, "rate_limited", "too many wrong tokens from here; wait a moment", retry_after=wait)
        return Problem(401, code, detail)

    def origin(self, request: web.BaseRequest, channel: Channel | None = None) -> str:
        """The `Origin` of a browser's request, "" for others. Raises `Problem` 403 when no channel admits its pages."""
        origin = request.headers.get("Origin", "")
        if not origin:
            return ""
        host = request.headers.get("Host", "")
        channels = self._house.visited() if channel is None else [channel]
        if any(one.adapter.admits(origin, host) for one in channels):
            return origin
        raise Problem(403, "origin_refused", "pages of this origin may not use the chat: `origins` does not name it")

    async def visit(self, request: web.BaseRequest) -> Visit:
        """Who comes with a bearer token. Raises `Problem` as the token deserves."""
        return await self.enter(request, bearer(request), claims(request))

    async def enter(self, request: web.BaseRequest, token: str, claimed: Sequence[Any]) -> Visit:
        """Who comes with this token, claiming to mean these sessions."""
        if not token:
            raise self.failed(request, "token_missing", "send Authorization: Bearer <token>")
        digest = tokens.digest(token)
        held = await self._house.corridor.db.read(tokens.find, digest)
        if held is None:
            raise self.failed(request, "token_unknown", "this token opens nothing; begin a new session")
        self.may_call(digest)
        if any(one != held.session for one in claimed):
            raise mismatch()
        if held.expires_at is not None and held.expires_at <= self._house.now:
            raise self.failed(request, "token_expired", "this token was not used for too long; begin a new session")
        if held.state not in _OPEN or held.open_session != held.session:
            raise Problem(410, "session_closed", "this session is over; begin a new one")
        channel = self._house.channels.get(held.channel)
        if channel is None or channel.limits.door != "visitors":
            raise Problem(503, "channel_away", "this channel is not open now", retry_after=5)
        self.origin(request, channel)
        visit = Visit(channel, held, digest)
        return visit._replace(held=held._replace(expires_at=await self.use(visit)))

    async def still(self, visit: Visit) -> bool:
        """Whether a token that was good is good still; asking is a use of it."""
        held = await self._house.corridor.db.read(tokens.find, visit.digest)
        if held is None or held.state not in _OPEN or (held.expires_at or self._house.now + 1) <= self._house.now:
            return False
        await self.use(visit._replace(held=held))
        return True

    async def use(self, visit: Visit) -> int | None:
        """Prolong a token's life, noted at most once a minute. Returns when it ends now."""
        now, held = self._house.now, visit.held
        ttl = life(visit.channel, held.level)
        if now - held.used_at < tokens.USED_EVERY:
            return held.expires_at
        try:
            await self._house.corridor.db.write(tokens.use, visit.digest, ttl, now)
        except StorageDown:
            return held.expires_at  # reading goes on; whatever writes says so itself
        return tokens.expiry(ttl, now)


def bearer(request: web.BaseRequest) -> str:
    """The bearer token of a request, "" when it has none."""
    found = _BEARER.fullmatch(request.headers.get("Authorization", "").strip())
    return found[1] if found else ""


def claims(request: web.BaseRequest) -> list[Any]:
    """Every session id that a request names outside of its body."""
    return [*request.query.getall("session_id", ()), *request.headers.getall("X-Session-Id", ())]


def claimed(visit: Visit, body: dict[str, Any]) -> None:
    """Raises `Problem` 403 when a body names another session than the token opens."""
    if "session_id" in body and body["session_id"] != visit.held.session:
        raise mismatch()


def mismatch() -> Problem:
    return Problem(403, "token_mismatch", "this token opens another session than the one named")
