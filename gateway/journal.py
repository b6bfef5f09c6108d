"""The journal: a file beside the store, for what must be on disk while the store is away.

Each record is a line with its checksum. One that was cut off by a crash was never acknowledged, and is passed over.
What has been taken out is known only here: after a crash all of a file is handed out again.
"""

import asyncio
import fcntl
import os
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import structlog

from gateway.errors import StorageDown
from gateway.tasks import Tasks

TOGETHER = 100  # records that are read at once
LONGEST = 16 << 20  # bytes of one record

log = structlog.get_logger()


class Segment:
    """One file, which is ours alone as long as it is open. Up to `taken` it has been taken out."""

    def __init__(self, path: Path, file: int) -> None:
        self.path, self.file = path, file
        self.size, self.taken = os.fstat(file).st_size, 0

    def write(self, lines: bytes) -> None:
        """Append, to the disk. What cannot be written whole leaves nothing behind. Raises `OSError`."""
        try:
            written = 0
            while written < len(lines):
                written += os.pwrite(self.file, lines[written:], self.size + written)
            os.fdatasync(self.file)
        except OSError:
            os.ftruncate(self.file, self.size)
            raise

    def read(self) -> list["Record"]:
        """The next records."""
        found: list[Record] = []
        place, rest = self.taken, b""
        while len(found) < TOGETHER and place < self.size:
            block = os.pread(self.file, min(1 << 20, self.size - place - len(rest)), place + len(rest))
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                place += len(line) + 1
                if (content := _checked(line)) is not None:
                    found.append(Record(self, content, place))
            if not block or len(rest) > LONGEST:
                break
        return found

    def gone(self) -> bool:
        """Whether somebody has deleted the file: what is written there now would not outlive us."""
        return os.fstat(self.file).st_nlink == 0

    def remove(self) -> None:
        with suppress(OSError):
            self.path.unlink()
        os.close(self.file)


class Record(NamedTuple):
    """What was appended once, and where in its file it ends."""

    segment: Segment
    content: bytes
    end: int


class Journal:
    """Records in the order of `append`. `rows` is how many there are, those being written among them.

    A folder may be shared by several processes: each writes a file of its own, and what a dead one has left is taken
    over.
    """

    def __init__(self, folder: Path, new_id: Callable[[], str], tasks: Tasks) -> None:
        self._folder, self._new_id, self._tasks = folder, new_id, tasks
        self._segments: list[Segment] = []
        self._pending: list[tuple[bytes, asyncio.Future[None]]] = []
        self._writing = False
        self.rows = 0

    async def open(self) -> None:
        """Find what was left behind, and make sure that we can write. Raises `OSError`."""
        await asyncio.to_thread(self._folder.mkdir, 0o700, parents=True, exist_ok=True)
        await self.adopt()
        self._segments.append(await asyncio.to_thread(self._begin))

    async def adopt(self) -> None:
        """Take over the files of processes that are gone."""
        for segment, rows in await asyncio.to_thread(self._left_behind):
            log.warning("journal.found", file=segment.path.name, rows=rows)
            self._segments.insert(0, segment)
            self.rows += rows

    async def append(self, content: bytes) -> None:
        """Add a record. It is on disk when this returns; raises `StorageDown` when it is not."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.append((_line(content), done))
        self.rows += 1
        if not self._writing:
            self._writing = True
            self._tasks.start(self._write(), "journal")
        await done

    async def read(self) -> list[Record]:
        """The oldest records, some of them at once."""
        while self._segments:
            first = self._segments[0]
            found = await asyncio.to_thread(first.read)
            if found or len(self._segments) == 1:
                return found
            self._segments.pop(0).remove()
        return []

    def forget(self, record: Record) -> None:
        """The oldest record is somewhere else now."""
        record.segment.taken = record.end
        self.rows -= 1
        if not self.rows:  # nor is anything being written
            while len(self._segments) > 1:
                self._segments.pop(0).remove()
            last = self._segments[-1]
            os.ftruncate(last.file, 0)
            last.size = last.taken = 0

    def close(self) -> None:
        """Let go of the files; one that holds nothing is removed."""
        for segment in self._segments:
            if segment.taken == segment.size:
                segment.remove()
            else:
                os.close(segment.file)
        self._segments.clear()

    async def _write(self) -> None:
        """Write what waits, all of it with one flush of the disk."""
        while self._pending:
            batch, self._pending = self._pending, []
            lines = b"".join(line for line, _ in batch)
            try:
                if self._segments[-1].gone():
                    self._segments.append(await asyncio.to_thread(self._begin))
                segment = self._segments[-1]
                await asyncio.to_thread(segment.write, lines)
                segment.size += len(lines)
            except OSError as error:
                self.rows -= len(batch)
                self._tell(batch, StorageDown(f"the journal takes nothing: {error}"))
            else:
                self._tell(batch, None)
        self._writing = False

    def _tell(self, batch: list[tuple[bytes, "asyncio.Future[None]"]], error: StorageDown | None) -> None:
        for _, done in batch:
            if done.done():
                continue
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)

    def _begin(self) -> Segment:
        """A new file, on the disk with its name."""
        while True:
            path = self._folder / f"{self._new_id()}.journal"
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            if _lock(file):
                break
            os.close(file)  # somebody took it for one that was left behind
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(file)
            os.fsync(folder)
        finally:
            os.close(folder)
        return Segment(path, file)

    def _left_behind(self) -> list[tuple[Segment, int]]:
        found = []
        ours = {segment.path for segment in self._segments}
        for path in sorted(set(self._folder.glob("*.journal")) - ours, reverse=True):
            try:
                file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            segment = Segment(path, file)
            if not _lock(file) or segment.gone():
                os.close(file)
            elif rows := _count(segment):
                found.append((segment, rows))
            else:
                segment.remove()
        return found


def _lock(file: int) -> bool:
    """Whether the file is ours from now on. The lock goes with the process, however that ends."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _count(segment: Segment) -> int:
    rows = 0
    while found := segment.read():
        rows += len(found)
        segment.taken = found[-1].end
    segment.taken = 0
    return rows


def _line(content: bytes) -> bytes:
    return b"%08x %s\n" % (zlib.crc32(content), content)


def _checked(line: bytes) -> bytes | None:
    """The content of a line; None when it was not written whole."""
    sum, _, content = line.partition(b" ")
    return content if sum == b"%08x" % zlib.crc32(content) else None
