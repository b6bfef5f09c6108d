"""Files that came in: fetched when their turn is prepared, with patience, and kept; or why not."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Literal, NamedTuple

import structlog
from msgspec.structs import replace

from gateway.channel import Channel
from gateway.clock import Clock
from gateway.errors import FetchFailed, FetchRefused, Refused, Retry
from gateway.fetch import Caps, Fetchers
from gateway.files import sniff
from gateway.files.admission import admitted
from gateway.files.folder import Draft
from gateway.files.naming import identity, title
from gateway.files.store import FileStore, Named
from gateway.message import File

SECONDS = 60.0  # for one try at one file
LONGEST_PAUSE = 10.0  # seconds; a platform that asks for more has none for this message

Trouble = Literal["file_too_large", "file_refused", "unavailable"]

log = structlog.get_logger()


class Taken(NamedTuple):
    """What became of a file: ours now, or the trouble with it."""

    file: File
    trouble: Trouble | None = None


class Incoming:
    """Fetches the files of a message and keeps them. `pauses` are the seconds before each further try."""

    def __init__(self, store: FileStore, fetchers: Fetchers, clock: Clock) -> None:
        self._store, self._fetchers, self._clock = store, fetchers, clock
        self.pauses: Sequence[float] = (0.5, 2.0)

    async def take(self, channel: Channel, session: str, turn: str, files: Sequence[File]) -> list[Taken]:
        """Every file of a message; those fetched before for this turn are not fetched again. Raises `StorageDown`."""
        ids = [identity(turn, f"in {index}") for index in range(len(files))]
        known = await self._store.known(session, ids)
        taken = []
        for id, file in zip(ids, files, strict=True):
            if file.id:  # uploaded here, before it was said
                taken.append(Taken(replace(file, url=self._store.link(file))))
            elif id in known:
                taken.append(Taken(self._store.file(known[id], file.kind)))
            else:
                taken.append(await self._one(channel, session, id, file))
        return taken

    async def _one(self, channel: Channel, session: str, id: str, file: File) -> Taken:
        most = largest(channel)
        if file.size > most:
            return Taken(file, "file_too_large")
        try:
            draft = await self._fetched(channel, file, most)
        except FetchRefused as error:
            if error.reason == "too_large":
                return Taken(file, "file_too_large")
            return self._missed(channel, file, error)
        except Exception as error:
            return self._missed(channel, file, error)
        try:
            name = title(file.name or file.kind)
            mime = sniff.mime(draft.head, name)
            allow = channel.settings.media.allow
            if not admitted(draft.head, mime, name, allow, claimed=file.mime, kind=file.kind):
                log.info("file.refused", channel=channel.name, claimed=file.mime, found=mime)
                return Taken(file, "file_refused")
            [record] = await self._store.keep(session, [Named(id, name, mime, draft)])
            return Taken(self._store.file(record, file.kind))
        except OSError as error:
            return self._missed(channel, file, error)
        finally:
            draft.drop()

    def _missed(self, channel: Channel, file: File, error: Exception) -> Taken:
        if isinstance(error, Refused) and error.reason == "too_long":
            return Taken(file, "file_too_large")
        log.warning("file.unavailable", channel=channel.name, kind=file.kind, error=f"{type(error).__name__}: {error}")
        return Taken(file, "unavailable")

    async def _fetched(self, channel: Channel, file: File, most: int) -> Draft:
        """The content, with further tries where they may help."""
        for pause in self.pauses:
            try:
                return await self._once(channel, file, most)
            except (Retry, FetchFailed, TimeoutError) as error:
                asked = error.after if isinstance(error, Retry) and error.after else 0.0
                if asked > LONGEST_PAUSE:
                    raise
                await self._clock.sleep(max(pause, asked))
        return await self._once(channel, file, most)

    async def _once(self, channel: Channel, file: File, most: int) -> Draft:
        async with asyncio.timeout(SECONDS):
            if file.url and not file.ref:
                async with self._fetchers.among(()).open(file.url, Caps(most, SECONDS)) as download:
                    return await self._store.read(download.pieces, most)
            pieces: AsyncIterator[bytes] = channel.adapter.fetch(file)
            async with aclosing(pieces):  # type: ignore[type-var]
                return await self._store.read(pieces, most)


def largest(channel: Channel) -> int:
    """The largest file in bytes that a channel takes."""
    most, platform = channel.settings.limits.file, channel.limits.files_in
    return min(most, platform) if platform else most
