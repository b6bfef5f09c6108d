"""GET /api/session and its export: how a session stands, and all that was said in it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import orjson
from aiohttp import web

from gateway import history, sessions
from gateway.door import cors, shown
from gateway.door.access import Access, Visit
from gateway.door.house import House
from gateway.errors import Problem
from gateway.ingress import problems
from gateway.message import Message

PAGE = 200  # lines read at once

_TYPES = {"txt": "text/plain; charset=utf-8", "md": "text/markdown; charset=utf-8", "json": "application/json"}
_BOT = "Bot"


class Record:
    """What a visitor may take away of their session."""

    def __init__(self, house: House, access: Access) -> None:
        self._house, self._access = house, access

    async def get(self, request: web.BaseRequest) -> web.StreamResponse:
        visit = await self._access.visit(request)
        facts = await self._house.corridor.db.read(sessions.existing, visit.held.session)
        return problems.json(shown.session(facts, visit.held.expires_at))

    async def export(self, request: web.BaseRequest) -> web.StreamResponse:
        """The conversation as a file."""
        visit = await self._access.visit(request)
        format = request.query.get("format", "txt")
        if format not in _TYPES:
            raise Problem(400, "invalid_format", f"format must be one of {', '.join(_TYPES)}")
        headers = {
            "Server": problems.SERVER,
            "Content-Type": _TYPES[format],
            "Content-Disposition": f'attachment; filename="conversation.{format}"',
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
            **cors.headers(request),
        }
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        async for piece in self._pieces(visit, format):
            await response.write(piece)
        await response.write_eof()
        return response

    async def _pieces(self, visit: Visit, format: str) -> AsyncIterator[bytes]:
        """The file, a page of the history at a time."""
        last, link = 0, self._house.corridor.files.lasting
        if format == "json":
            yield b'{"session_id": ' + orjson.dumps(visit.held.session) + b', "messages": ['
        while lines := await self._house.corridor.db.read(history.after, visit.held.session, last, PAGE):
            if format == "json":
                shown_lines = (orjson.dumps(one) for one in shown.messages(visit.channel, lines, link))
                yield (b", " if last else b"") + b", ".join(shown_lines)
            else:
                yield "".join(_written(line, format) for line in lines).encode()
            last = lines[-1].seq
        if format == "json":
            yield b"]}\n"


def _written(line: Message, format: str) -> str:
    """One line for reading."""
    when = datetime.fromtimestamp(line.at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    who = line.name or {"user": "User", "assistant": _BOT}.get(line.role, "System")
    files = "".join(f"\n[{one.name or one.kind}]" for one in line.files)
    if format == "md":
        quoted = "".join(f"> {row}\n" for row in f"{line.text}{files}".split("\n"))
        said = quoted if line.role == "user" else f"{line.text}{files}\n"
        return f"**{_plain(who)}** · {when}\n\n{said}\n"
    return f"[{when}] {who}: {line.text}{files}\n\n"


def _plain(name: str) -> str:
    """A name that does not become formatting."""
    return "".join(f"\\{mark}" if mark in "\\*_`[]<>#" else mark for mark in name)
