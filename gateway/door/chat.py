"""POST and GET /api/chat: what a visitor says, and what has been said."""

import hashlib
from typing import Any

import orjson
from aiohttp import web

from gateway import history
from gateway.db import Tx
from gateway.door import shown
from gateway.door.access import Access, Visit, claimed
from gateway.door.answers import Answers
from gateway.door.bodies import read_object
from gateway.door.house import House
from gateway.door.renewal import Renewal
from gateway.door.saying import Place, read_saying, say
from gateway.door.stream import number
from gateway.door.uploads import Uploads
from gateway.errors import Problem
from gateway.ingress import problems
from gateway.message import Message
from gateway.sessions import Facts, existing

LINES = 50  # of a page of the history, unless another number is asked for
MOST_LINES = 200


def place(visit: Visit) -> Place:
    held = visit.held
    return Place(visit.channel, held.lane, held.session, visit.address, visit.sender, held.last_seq)


class Chat:
    """What a visitor says and reads."""

    def __init__(self, house: House, access: Access, uploads: Uploads) -> None:
        self._house, self._access, self._uploads = house, access, uploads
        self._answers = Answers(house)

    async def post(self, request: web.BaseRequest) -> web.StreamResponse:
        visit = await self._access.visit(request)
        body = await read_object(self._house, request)
        claimed(visit, body)
        saying = read_saying(request, body)
        here = place(visit)
        renewal = Renewal(visit)
        files = await self._uploads.attached(here.session, saying.files)
        with self._house.hear(request, here.lane) as watcher:
            accepted = await say(self._house, here, saying, renewal.with_command, files)
            return await self._answers.give(request, here, accepted, watcher, renewal.told(self._house, accepted))

    async def get(self, request: web.BaseRequest) -> web.StreamResponse:
        visit = await self._access.visit(request)
        since = _number(request, "since", 0, 10**15)
        limit = _number(request, "limit", 1, MOST_LINES) or LINES
        held = visit.held
        facts, lines, waiting, more = await self._house.corridor.db.read(read, held.session, held.lane, since, limit)
        page = {
            "session": shown.session(facts, held.expires_at),
            "messages": shown.messages(visit.channel, lines, self._house.corridor.files.lasting),
            "typing": self._house.corridor.live.preview(held.lane) is not None,
            "has_more": more,
            "pending": waiting,
        }
        return _tagged(request, page)


def read(
    session: str, lane: int, since: int | None, limit: int
) -> Tx[tuple[Facts, list[Message], list[dict[str, Any]], bool]]:
    """A page of the history: what comes after a line, or the last lines; what waits; and whether there is more."""
    facts = yield from existing(session)
    if since is None:
        lines = yield from history.newest(session, limit + 1)
        more, lines = len(lines) > limit, lines[-limit:]
    else:
        lines = yield from history.after(session, since, limit + 1)
        more, lines = len(lines) > limit, lines[:limit]
    rows = yield (
        """SELECT body, turn, received_at FROM inbox WHERE lane = $1 AND state = 'waiting' AND session = $2
             AND body IS NOT NULL ORDER BY seq LIMIT $3""",
        (lane, session, MOST_LINES),
    )
    return facts, lines, [shown.waiting(*row) for row in rows], more


def _tagged(request: web.BaseRequest, page: dict[str, Any]) -> web.StreamResponse:
    """The page, or 304 for who has it already."""
    stable = {**page, "session": {**page["session"], "expires_at": None}}
    etag = f'W/"{hashlib.sha256(orjson.dumps(stable)).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if etag in (part.strip() for part in request.headers.get("If-None-Match", "").split(",")):
        return web.Response(status=304, headers={"Server": problems.SERVER, **headers})
    return problems.json(page, headers=headers)


def _number(request: web.BaseRequest, name: str, least: int, most: int) -> int | None:
    text = request.query.get(name)
    if text is None:
        return None
    value = number(text)
    if value is None or value < least:
        raise Problem(400, f"invalid_{name}", f"{name} must be a number from {least} to {most}")
    return min(value, most)
