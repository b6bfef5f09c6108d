"""POST /api/session: a lane, a session, a participant and a token, in one transaction."""

import re
import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple

from aiohttp import web

from gateway import lanes, participants, sessions, tokens
from gateway.channel import Channel
from gateway.db import Tx
from gateway.door.access import Access
from gateway.door.bodies import read_object
from gateway.door.house import House, life, options
from gateway.door.identity import verify
from gateway.door.variables import change, named
from gateway.errors import Problem
from gateway.gates import judge
from gateway.ingress import problems
from gateway.lanes import Spot
from gateway.message import Address, Inbound, Level, Sender
from gateway.participants import Person
from gateway.sessions import Opening
from gateway.text import clean_name

_LANGUAGE = re.compile(r"\s*([A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})?)\s*(?:[,;]|$)")


class Beginning(NamedTuple):
    """A conversation about to begin. `token` is the digest of what will open it; callers with a key need none.

    `variables` are those it begins with, of at most `largest` bytes as JSON.
    """

    spot: Spot
    person: Person
    sender: Sender
    session_id: str
    participant_id: str
    now: int
    token: bytes | None
    ttl: int | None
    variables: Mapping[str, Any] = {}
    largest: int = 0


class Begun(NamedTuple):
    """Where the new conversation is."""

    lane: int
    session: str
    chat: str


def begin(b: Beginning) -> Tx[Begun]:
    """Make the conversation. Raises `Problem` 403 for somebody who is blocked."""
    known = yield from participants.meet(b.person, b.sender, b.participant_id, b.now)
    if known.blocked:
        raise Problem(403, "not_allowed", "this user may not write here")
    lane = yield from lanes.lock(b.spot)
    opening = Opening(
        b.session_id,
        lane.id,
        b.spot.key,
        b.spot.channel,
        b.spot.bot,
        known.id,
        b.sender.level,
        lane.epoch,
        b.now,
        b.sender.language,
    )
    yield from sessions.open_session(opening)
    if b.variables:
        yield from change(lane.id, b.session_id, b.variables, b.largest)
    yield from participants.remember_last_visit(known.id, b.session_id)
    if b.token is not None:
        grant = tokens.Grant(b.spot.channel, lane.id, b.session_id, known.id, b.ttl)
        yield from tokens.issue(b.token, grant, b.now)
    return Begun(lane.id, b.session_id, b.spot.chat)


class Beginnings:
    """Begins conversations: for visitors with a token, for callers without."""

    def __init__(self, house: House, access: Access) -> None:
        self._house, self._access = house, access

    async def post(self, request: web.BaseRequest) -> web.StreamResponse:
        self._access.may_begin(request)
        body = await read_object(self._house, request)
        _choose_nothing(request, body)
        channel = self._channel(body.get("channel"))
        self._access.origin(request, channel)
        sender = self._sender(channel, body, request)
        token = tokens.new_token()
        ttl = life(channel, sender.level)
        begun = await self.begin(channel, sender, tokens.digest(token), ttl, _variables(body))
        shown = {
            "session_id": begun.session,
            "token": token,
            "expires_at": tokens.expiry(ttl, self._house.now),
            "channel": channel.name,
            "bot": channel.bot,
        }
        return problems.json(shown, 201)

    async def begin(
        self, channel: Channel, sender: Sender, token: bytes | None, ttl: int | None, variables: Mapping[str, Any] = {}
    ) -> Begun:
        """Begin a conversation of somebody with a channel's bot. Raises `Problem` when they may not."""
        corridor = self._house.corridor
        address = Address(chat=str(uuid.uuid4()), user=sender.id, place="conversation")
        _admit(channel, address, sender)
        key, text = channel.key(address)
        spot = Spot(
            text,
            channel.name,
            channel.account,
            channel.bot,
            key.scope,
            address.place,
            address.chat,
            address.thread,
        )
        person = Person(channel.name, channel.account, channel.bot, sender.id)
        new_id = corridor.clock.new_id
        now, largest = self._house.now, channel.settings.limits.variables
        beginning = Beginning(spot, person, sender, new_id(), new_id(), now, token, ttl, variables, largest)
        begun = await corridor.db.write(begin, beginning)
        corridor.memory.forget(person)
        return begun

    def _channel(self, name: Any) -> Channel:
        if name is None:
            channel = self._house.front()
        else:
            channel = self._house.channels.get(name) if isinstance(name, str) else None
        if channel is None or channel.limits.door != "visitors":
            said = "name the channel: there is no only or default one" if name is None else "there is no such channel"
            raise Problem(404, "unknown_channel", said)
        return channel

    def _sender(self, channel: Channel, body: dict[str, Any], request: web.BaseRequest) -> Sender:
        """A new visitor, or the user that the embedding site has signed in."""
        language = _language(request)
        if (signed_in := body.get("user_token")) is not None:
            secret = options(channel).identity_secret
            if secret is None:
                raise Problem(401, "user_token_refused", "this channel has no identity_secret to check user_token with")
            signed = verify(signed_in, secret.get_secret_value(), self._house.now)
            profile = {"email": signed.email} if "@" in signed.email else {}
            name = clean_name(signed.name)
            return Sender(id=signed.sub, name=name, language=language, level="verified", profile=profile)
        name = body.get("name", "")
        if not isinstance(name, str):
            raise Problem(400, "invalid_name", "name must be text")
        level: Level = "platform" if options(channel).remember_visitors else "anonymous"
        return Sender(id=str(uuid.uuid4()), name=clean_name(name), language=language, level=level)


def _choose_nothing(request: web.BaseRequest, body: dict[str, Any]) -> None:
    """A session chosen by the client could be one that somebody else knows."""
    chosen = ("session_id", "token")
    if any(name in body or name in request.query for name in chosen):
        raise Problem(400, "not_yours_to_choose", "session ids and tokens are made here, not by clients")


def _variables(body: dict[str, Any]) -> Mapping[str, Any]:
    given = body.get("variables")
    if given is not None and not isinstance(given, dict):
        raise Problem(400, "invalid_variables", "variables must be an object of names and values")
    return named(given or {})


def _admit(channel: Channel, address: Address, sender: Sender) -> None:
    asked = Inbound(channel=channel.name, account=channel.account, ids=("begin",), address=address, sender=sender)
    reason = judge(channel, asked, command=False)
    if reason == "channel_disabled":
        raise Problem(503, "channel_disabled", "this channel is switched off", retry_after=60)
    if reason is not None:
        raise Problem(401, reason, "this channel is not open to everybody")


def _language(request: web.BaseRequest) -> str:
    found = _LANGUAGE.match(request.headers.get("Accept-Language", ""))
    return found[1] if found else ""
