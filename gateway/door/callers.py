"""Programs that speak for their users: POST /c/<channel> with a key, the answer in the response."""

import asyncio
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from aiohttp import web

from gateway.channel import Channel
from gateway.db import Tx
from gateway.door.access import Access, bearer
from gateway.door.answers import Answers
from gateway.door.beginning import Beginnings
from gateway.door.bodies import read_object
from gateway.door.house import House
from gateway.door.saying import Place, read_saying, say
from gateway.errors import Problem
from gateway.ingress.problems import WrongMethod
from gateway.message import Address, Sender
from gateway.operations.keys import CALLER
from gateway.operations.keys import digest as digest_of
from gateway.participants import Person
from gateway.sessions import OPEN
from gateway.text import clean_name

LONGEST_USER = 255  # characters of a caller's id of a user
NEW = "new"  # as `session`: begin another conversation


class Conversation(NamedTuple):
    """An open conversation of a caller's user."""

    lane: int
    session: str
    chat: str
    last: int


def may_speak(channel: str, key: bytes) -> Tx[bool]:
    """Whether a key (its digest) may speak for users of a channel."""
    rows = yield (
        "SELECT 1 FROM api_key WHERE hash = $1 AND role = $2 AND channel = $3 AND revoked_at IS NULL",
        (key, CALLER, channel),
    )
    return bool(rows)


def find(who: Person, session: str | None) -> Tx[Conversation | None]:
    """A user's open conversation: the one named, else the one used last."""
    named = "" if session is None else " AND s.id = $5"
    rows = yield (
        f"""SELECT s.lane, s.id, l.chat, s.next_message FROM participant p JOIN session s ON s.participant = p.id
              JOIN lane l ON l.id = s.lane
              WHERE p.channel = $1 AND p.account = $2 AND p.bot = $3 AND p.person = $4
                AND s.state IN {OPEN} AND l.session = s.id{named}
              ORDER BY s.last_activity DESC, s.id DESC LIMIT 1""",
        who if session is None else (*who, session),
    )
    return Conversation._make(rows[0]) if rows else None


class Callers:
    """Answers callers."""

    def __init__(self, house: House, access: Access, beginnings: Beginnings) -> None:
        self._house, self._access, self._beginnings = house, access, beginnings
        self._answers = Answers(house)
        self._busy: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def handle(self, request: web.BaseRequest, channel: Channel) -> web.StreamResponse:
        """`{user, session?, message, message_id?}` -> 200 with the answer, or 202."""
        if request.method != "POST":
            raise WrongMethod("POST")
        await self._key(request, channel)
        body = await read_object(self._house, request)
        sender = _user(body)
        saying = read_saying(request, body)
        if saying.files:
            raise Problem(400, "invalid_files", "this channel takes no files")
        # One request of a user at a time looks for their conversation, so that two first ones begin only one.
        async with self._busy.setdefault((channel.name, sender.id), asyncio.Lock()):
            place = await self._place(channel, sender, body.get("session"))
        with self._house.hear(request, place.lane) as watcher:
            accepted = await say(self._house, place, saying, namespace=f"user:{sender.id}")
            more = {"session_id": accepted.session or place.session}
            return await self._answers.give(request, place, accepted, watcher, more)

    async def _key(self, request: web.BaseRequest, channel: Channel) -> None:
        key = bearer(request)
        if not key:
            raise self._access.failed(request, "token_missing", "send Authorization: Bearer <key>")
        digest = digest_of(key)
        if not await self._house.corridor.db.read(may_speak, channel.name, digest):
            raise self._access.failed(request, "token_unknown", "this key does not open this channel")
        self._access.may_call(digest)

    async def _place(self, channel: Channel, sender: Sender, session: Any) -> Place:
        """The conversation that is meant; made where the user has none."""
        if not (session is None or isinstance(session, str)):
            raise Problem(400, "invalid_session", "session must be the id of a session, or new")
        found = None
        if session != NEW:
            who = Person(channel.name, channel.account, channel.bot, sender.id)
            found = await self._house.corridor.db.read(find, who, session)
        if found is None and session not in (None, NEW):
            raise Problem(404, "unknown_session", "this user has no such open session")
        if found is None:
            begun = await self._beginnings.begin(channel, sender, None, None)
            found = Conversation(begun.lane, begun.session, begun.chat, 0)
        address = Address(chat=found.chat, user=sender.id, place="conversation")
        return Place(channel, found.lane, found.session, address, sender, found.last)


def _user(body: dict[str, Any]) -> Sender:
    user, name = body.get("user"), body.get("name", "")
    if isinstance(user, int) and not isinstance(user, bool):
        user = str(user)
    if not isinstance(user, str) or not user.strip() or len(user) > LONGEST_USER or not user.isprintable():
        raise Problem(400, "user_missing", f"user must be your id of the user, of 1 to {LONGEST_USER} characters")
    if not isinstance(name, str):
        raise Problem(400, "invalid_name", "name must be text")
    return Sender(id=user, name=clean_name(name), level="verified")
