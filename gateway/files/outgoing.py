"""Files that bots answer with: fetched, or read from the answer itself, and kept before the answer counts."""

import asyncio
import binascii
from base64 import b64decode
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Literal, NamedTuple
from urllib.parse import unquote_to_bytes

import structlog
from yarl import URL

from gateway.clock import Clock
from gateway.errors import FetchFailed, FetchRefused, StorageDown
from gateway.fetch import Caps, Fetchers, Host
from gateway.files import links, sniff
from gateway.files.folder import Draft
from gateway.files.naming import identity, title
from gateway.files.records import Record
from gateway.files.store import FileStore, Named
from gateway.message import File

SECONDS = 30.0  # for one try at one file
AT_ONCE = 4  # files of one answer that are fetched side by side

Trouble = Literal["file_too_large", "unavailable"]

log = structlog.get_logger()


class Source(NamedTuple):
    """For whom files are fetched: their conversation, the internal hosts they may be on, the most that one may hold."""

    session: str
    turn: str
    hosts: Collection[Host]
    most: int


class Got(NamedTuple):
    """What became of a file: kept, with a link that is good for a week; or the trouble with it."""

    file: File
    trouble: Trouble | None = None


class Outgoing:
    """Gets the files of answers and keeps them. `pauses` are the seconds before each further try."""

    def __init__(self, store: FileStore, fetchers: Fetchers, clock: Clock) -> None:
        self._store, self._fetchers, self._clock = store, fetchers, clock
        self.pauses: Sequence[float] = (0.5, 2.0)

    async def get(self, source: Source, files: Sequence[File], first: int) -> list[Got]:
        """Every file, in order; `first` counts those that the answer held before. Raises `StorageDown`."""
        places = asyncio.Semaphore(AT_ONCE)

        async def one(index: int, file: File) -> Got | StorageDown:
            async with places:
                try:
                    return await self._one(source, identity(source.turn, f"out {first + index}"), file)
                except StorageDown as error:
                    return error

        found = await asyncio.gather(*(one(index, file) for index, file in enumerate(files)))
        for got in found:
            if isinstance(got, StorageDown):
                raise got
        return [got for got in found if isinstance(got, Got)]

    async def _one(self, source: Source, id: str, file: File) -> Got:
        try:
            record = await self._ours(source, file)
            if record is None:
                if file.id:
                    raise FetchRefused("status", f"this conversation has no file {file.id!r}")
                record = await self._kept(source, id, file)
        except (FetchRefused, FetchFailed, OSError) as error:
            large = isinstance(error, FetchRefused) and error.reason == "too_large"
            log.warning("file.not_sent", turn=source.turn, host=_host(file.url), error=str(error))
            return Got(file, "file_too_large" if large else "unavailable")
        kind = file.kind if file.kind in ("voice", "sticker") else ""
        return Got(self._store.file(record, kind, links.OUTGOING))

    async def _ours(self, source: Source, file: File) -> Record | None:
        """The file that an id or one of our own links stands for: it is in the store already."""
        if file.id:
            return (await self._store.known(source.session, [file.id])).get(file.id)
        if not file.url.startswith(self._store.url + links.PREFIX):
            return None
        url = URL(file.url)
        id = url.path.removeprefix(URL(self._store.url + links.PREFIX).path).partition("/")[0]
        return await self._store.linked(id, url.query.get("until", ""), url.query.get("signature", ""))

    async def _kept(self, source: Source, id: str, file: File) -> Record:
        draft = await self._draft(source, file)
        try:
            name = file.name or URL(file.url).name if file.url.startswith("http") else file.name
            mime = sniff.mime(draft.head, name)
            if not name or "." not in name:
                name = (name or sniff.kind(mime)) + sniff.ending(mime)
            return (await self._store.keep(source.session, [Named(id, title(name), mime, draft)]))[0]
        finally:
            draft.drop()

    async def _draft(self, source: Source, file: File) -> Draft:
        if file.url.startswith("data:"):
            return await self._store.read(_inline(file.url), source.most)
        for pause in self.pauses:
            try:
                return await self._once(source, file)
            except FetchFailed:
                await self._clock.sleep(pause)
        return await self._once(source, file)

    async def _once(self, source: Source, file: File) -> Draft:
        fetcher = self._fetchers.among(source.hosts)
        async with fetcher.open(file.url, Caps(source.most, SECONDS)) as download:
            return await self._store.read(download.pieces, source.most)


async def _inline(url: str) -> AsyncIterator[bytes]:
    """What stands in a `data:` URL (RFC 2397)."""
    head, comma, body = url.partition(",")
    if not comma:
        raise FetchRefused("url", "a data: URL without a comma")
    try:
        content = unquote_to_bytes(body)
        yield b64decode(content, validate=True) if head.endswith(";base64") else content
    except (binascii.Error, ValueError):
        raise FetchRefused("encoding", "a data: URL that is no base64") from None


def _host(url: str) -> str:
    """The host of a URL, for the log: its path may hold secrets."""
    try:
        return URL(url).host or ""
    except ValueError:
        return ""
