"""The file store: contents in a folder, what is known of them in the database, links for whoever may read them."""

import asyncio
import os
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from gateway.clock import Clock
from gateway.db import Database
from gateway.errors import Refused, Retry, StorageDown
from gateway.fetch.body import too_large
from gateway.files import folder, links, records, sniff
from gateway.files.folder import Draft
from gateway.files.records import Record
from gateway.message import File

PIECE = 256 * 1024  # bytes read or written at one go
FORSAKEN = 3600.0  # seconds for which nobody has written at a draft that may be another process's


class Named(NamedTuple):
    """A draft that is complete, and what it will be called."""

    id: str
    name: str
    mime: str
    draft: Draft


def _unlock(locking: "asyncio.Future[BinaryIO]") -> None:
    if locking.exception() is None:
        locking.result().close()


class FileStore:
    """All files of one gateway. `url` is what links to us begin with; `open` comes before everything else.

    `several`: other processes may keep files in this folder too.
    """

    def __init__(self, db: Database, clock: Clock, root: Path, url: str = "", *, several: bool = False) -> None:
        self._db, self._clock, self.root, self.url, self._several = db, clock, root, url, several
        self._key = ""
        self._mine = asyncio.Lock()

    @asynccontextmanager
    async def _still(self) -> AsyncIterator[None]:
        """A content is not removed while somebody keeps it once more."""
        async with self._mine:
            if not self._several:
                yield
                return
            locking = asyncio.get_running_loop().run_in_executor(None, folder.alone, self.root)
            try:
                await asyncio.shield(locking)
                yield
            finally:
                locking.add_done_callback(_unlock)  # also when we are interrupted while a thread waits for it

    async def open(self) -> None:
        """Make or find the key of the links, and remove what a killed process left. Where the key is there already
        nothing is written, so that a start does not fail because somebody else is writing.
        """
        self._key = await self._db.read(links.known_key)
        self._key = self._key or await self._db.write(links.signing_key, os.urandom(32).hex())
        await asyncio.to_thread(folder.clear, self.root, FORSAKEN if self._several else 0.0)

    async def draft(self) -> Draft:
        """Begin a file. Whoever begins one drops it in the end, kept or not."""
        return await asyncio.to_thread(folder.draft, self.root, self._clock.new_id())

    async def read(self, pieces: AsyncIterable[bytes], most: int) -> Draft:
        """Write down what comes. Raises `FetchRefused` once it is more than `most` bytes, and leaves nothing then."""
        draft = await self.draft()
        try:
            async for piece in pieces:
                if draft.size + len(piece) > most:
                    raise too_large(most)
                await asyncio.to_thread(draft.write, piece)
        except BaseException:
            draft.drop()
            raise
        return draft

    async def hold(self, session: str, named: Sequence[Named]) -> list[Record]:
        """Keep files that wait for the message that names them. Raises `Problem` when too many do."""
        async with self._still():
            kept = await self._placed(session, named)
            await self._db.write(records.add, kept)
        return kept

    async def keep(self, session: str, named: Sequence[Named]) -> list[Record]:
        """Keep files of a message; those of the same ids are replaced."""
        async with self._still():
            kept = await self._placed(session, named)
            gone = await self._db.write(records.put, kept)
            await asyncio.to_thread(folder.remove, self.root, gone)
        return kept

    async def _placed(self, session: str, named: Sequence[Named]) -> list[Record]:
        kept = []
        for one in named:
            sha = await asyncio.to_thread(one.draft.keep, self.root)
            kept.append(Record(one.id, session, one.name, one.mime, one.draft.size, sha, self._clock.now()))
        return kept

    async def known(self, session: str, ids: Sequence[str]) -> dict[str, Record]:
        """Those of these files that are in the store and belong to a session."""
        return await self._db.read(records.of_session, session, ids) if ids else {}

    def file(self, record: Record, kind: str = "", life: int = links.LIFE) -> File:
        """A file as messages carry it, with a link that is good for `life` seconds from now."""
        url = self.url + links.link(self._key, record.id, record.name, self._clock.now(), life)
        kind = kind or sniff.kind(record.mime)
        return File(id=record.id, name=record.name, mime=record.mime, size=record.size, url=url, kind=kind)

    def link(self, file: File, life: int = links.LIFE) -> str:
        """A new link to a file of ours; for another the address it has."""
        return self.url + links.link(self._key, file.id, file.name, self._clock.now(), life) if file.id else file.url

    def lasting(self, file: File) -> str:
        """A link to a file of ours that is the same all day; for another the address it has."""
        return self.url + links.lasting(self._key, file.id, file.name, self._clock.now()) if file.id else file.url

    async def linked(self, id: str, until: str, signature: str) -> Record | None:
        """The file that a link leads to, if it was made by us, is good still, and there is such a file."""
        if not links.is_good(self._key, id, until, signature, self._clock.now()):
            return None
        return await self._db.read(records.find, id)

    def place(self, record: Record) -> Path:
        """Where the content is."""
        return folder.place(self.root, record.sha256)

    async def content(self, file: File) -> AsyncIterator[bytes]:
        """A file of ours, piece by piece. Raises `Refused` when there is none, `Retry` when it cannot be read now."""
        try:
            record = await self._db.read(records.find, file.id)
            if record is None:
                raise Refused("rejected", f"the file {file.id!r} is not kept here")
            path, begin = self.place(record), 0
            while piece := await asyncio.to_thread(folder.piece, path, begin, PIECE):
                yield piece
                begin += len(piece)
        except FileNotFoundError:
            raise Refused("rejected", f"the content of the file {file.id!r} is gone") from None
        except (OSError, StorageDown) as error:
            raise Retry(f"the file cannot be read: {error}") from error

    async def drop(self, session: str, ids: Sequence[str]) -> None:
        """Keep some files of a session no longer."""
        async with self._still():
            gone = await self._db.write(records.drop, session, ids)
            await asyncio.to_thread(folder.remove, self.root, gone)

    async def lapse(self) -> int:
        """Remove a batch of what no message has named for a day, and of what was forsaken. Returns how many went."""
        async with self._still():
            gone = await self._db.write(records.lapse, self._clock.now() - records.LOOSE)
            if gone.ids:
                await asyncio.to_thread(folder.remove, self.root, gone.contents)
                await self._db.write(records.bury, gone.ids)
        return len(gone.ids)
