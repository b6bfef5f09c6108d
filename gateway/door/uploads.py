"""POST /api/chat/files and what is done with what comes: counted while it is read, named by us, given out by links."""

import asyncio
import errno
import warnings
from collections.abc import AsyncIterator, Sequence
from urllib.parse import quote

import structlog
from aiohttp import (
    BadContentDispositionHeader,
    BadContentDispositionParam,
    BodyPartReader,
    MultipartReader,
    web,
)
from aiohttp.http_exceptions import HttpProcessingError

from gateway.door.access import Access, Visit
from gateway.door.house import House
from gateway.errors import Problem, StorageDown, StorageFull
from gateway.files import links, records, sniff
from gateway.files.admission import admitted
from gateway.files.folder import Draft
from gateway.files.naming import title
from gateway.files.records import Record
from gateway.files.store import Named
from gateway.ingress import problems
from gateway.ingress.body import announced
from gateway.ingress.problems import SERVER, WrongMethod
from gateway.message import File

MOST = 10  # files of one request
SECONDS = 120.0  # for a whole request
TOGETHER = 20  # uploads at once
TIDIED = 300.0  # seconds between two looks for files that nobody has used
PIECE = 256 * 1024
_ESCAPES = (("%22", '"'), ("%0D", " "), ("%0A", " "))  # the only ones that browsers write in names
BESIDE = 64 * 1024  # bytes of a request that are no file

# What strangers write into their headers is theirs to get wrong; the library would print a warning for each.
warnings.filterwarnings("ignore", category=BadContentDispositionHeader)
warnings.filterwarnings("ignore", category=BadContentDispositionParam)

_MALFORMED = (ValueError, RuntimeError, AssertionError, LookupError, HttpProcessingError, web.RequestPayloadError)

log = structlog.get_logger()


class Uploads:
    """Takes files in and gives them out."""

    def __init__(self, house: House, access: Access) -> None:
        self._house, self._access = house, access
        self._store = house.corridor.files
        self._running = 0

    async def post(self, request: web.BaseRequest) -> web.StreamResponse:
        visit = await self._access.visit(request)
        largest = min(visit.channel.settings.limits.file, visit.channel.limits.files_in)
        if not largest:
            raise Problem(403, "no_files", "this channel takes no files")
        if not request.headers.get("Content-Type", "").lower().startswith("multipart/form-data"):
            raise Problem(415, "unsupported_media_type", "send files as multipart/form-data")
        announced(request, MOST * largest + BESIDE)
        if self._running >= TOGETHER:
            raise Problem(503, "busy", "too many uploads at once", retry_after=5)
        self._running += 1
        try:
            async with asyncio.timeout(SECONDS):
                kept = await self._take(request, visit, largest)
        except TimeoutError:
            raise Problem(408, "too_slow", f"the files did not arrive within {SECONDS:g} seconds") from None
        finally:
            self._running -= 1
        return problems.json({"files": [self._shown(record) for record in kept]}, 201)

    async def _take(self, request: web.BaseRequest, visit: Visit, largest: int) -> list[Record]:
        """Every file of a request, or none."""
        drafts: list[tuple[str, Draft]] = []
        try:
            async for name, draft in self._drafts(request, largest, drafts):
                # What the browser says it is comes from the name as well, and counts for nothing beside it.
                if not admitted(draft.head, sniff.mime(draft.head, name), name, visit.channel.settings.media.allow):
                    raise Problem(415, "file_refused", f"{name} is not accepted: a program, or another kind")
            if not drafts:
                raise Problem(400, "no_files", "there is no file in the request")
            return await self._keep(visit, drafts)
        except _MALFORMED:
            raise Problem(400, "malformed_body", "the body is no multipart/form-data") from None
        except OSError as error:
            if isinstance(error, ConnectionError):
                raise
            kind = StorageFull if error.errno in (errno.ENOSPC, errno.EDQUOT) else StorageDown
            raise kind(f"files: {error.strerror}") from error
        finally:
            for _, draft in drafts:
                draft.drop()

    async def _drafts(
        self, request: web.BaseRequest, largest: int, drafts: list[tuple[str, Draft]]
    ) -> AsyncIterator[tuple[str, Draft]]:
        """The files as they come; fields of a form that are none are passed over."""
        parts = MultipartReader(request.headers, request.content)
        beside = BESIDE
        while (part := await parts.next()) is not None:
            if not isinstance(part, BodyPartReader):
                raise ValueError("multipart in multipart")
            if part.filename is None:
                while piece := await part.read_chunk(PIECE):
                    beside -= len(piece)
                    if beside < 0:
                        raise Problem(413, "too_large", "fields beside the files are too large")
                continue
            if len(drafts) == MOST:
                raise Problem(413, "too_many_files", f"at most {MOST} files at once")
            draft = await self._store.draft()
            drafts.append((_name(part.filename), draft))
            while piece := await part.read_chunk(PIECE):
                if draft.size + len(piece) > largest:
                    raise Problem(413, "file_too_large", f"a file may have at most {largest} bytes")
                await asyncio.to_thread(draft.write, piece)
            yield drafts[-1]

    async def _keep(self, visit: Visit, drafts: Sequence[tuple[str, Draft]]) -> list[Record]:
        new_id = self._house.corridor.clock.new_id
        named = [Named(new_id(), name, sniff.mime(draft.head, name), draft) for name, draft in drafts]
        return await self._store.hold(visit.held.session, named)

    async def attached(self, session: str, ids: Sequence[str]) -> tuple[File, ...]:
        """The files that a message names, as it holds them. Raises `Problem` 404 when one is not this session's."""
        if not ids:
            return ()
        if len(ids) > MOST:
            raise Problem(413, "too_many_files", f"at most {MOST} files with one message")
        found = await self._house.corridor.db.write(records.attach, session, ids)
        return tuple(self._store.file(record) for record in found)

    def _shown(self, record: Record) -> dict[str, object]:
        return {"id": record.id, "name": record.name, "size": record.size, "mime": record.mime}

    async def give(self, request: web.BaseRequest) -> web.StreamResponse:
        """GET /files/<id>/<name>: the content, to be saved and never to be shown as a page of ours."""
        if request.method not in ("GET", "HEAD"):
            raise WrongMethod("GET", "HEAD")
        id = request.path.removeprefix(links.PREFIX).partition("/")[0]
        until, signature = request.query.get("until", ""), request.query.get("signature", "")
        record = await self._store.linked(id, until, signature)
        if record is None:
            raise Problem(404, "not_found", "there is nothing here")
        headers = {
            "Server": SERVER,
            "Content-Type": record.mime,
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(record.name, safe='')}",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, max-age=3600",
        }
        return web.FileResponse(self._store.place(record), headers=headers)

    async def tidy(self) -> None:
        """Remove what nobody has used for a day, now and again, until cancelled."""
        while True:
            try:
                while await self._store.lapse():
                    pass
            except (StorageDown, OSError) as error:
                log.error("storage.down", error=str(error))
            await self._house.corridor.clock.sleep(TIDIED)


def _name(given: str) -> str:
    for escaped, plain in _ESCAPES:
        given = given.replace(escaped, plain)
    return title(given)
