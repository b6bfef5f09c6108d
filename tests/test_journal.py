"""The journal itself: what was appended is there, whole and in order, also for the next process."""

import asyncio
import os
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from gateway.clock import Clock
from gateway.errors import StorageDown
from gateway.journal import Journal
from gateway.tasks import Tasks


@asynccontextmanager
async def journal(folder: Path) -> AsyncIterator[Journal]:
    tasks = Tasks()
    opened = Journal(folder / "journal", Clock().new_id, tasks)
    await opened.open()
    yield opened
    await tasks.wait(5)
    opened.close()


def dies(one: Journal) -> None:
    """As when the process is killed: the files stay as they are, and the system closes them."""
    for segment in one._segments:
        os.close(segment.file)
    one._segments.clear()


async def taken(one: Journal, most: int = 1_000_000) -> list[bytes]:
    found: list[bytes] = []
    while one.rows and len(found) < most:
        for record in (await one.read())[: most - len(found)]:
            found.append(record.content)
            one.forget(record)
    return found


@contextmanager
def limited(size: int) -> Iterator[None]:
    """Meanwhile no file of ours can grow beyond that, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.feature("INB-11")
async def test_records_come_back_in_order_and_the_file_is_empty_again(tmp_path: Path) -> None:
    async with journal(tmp_path) as one:
        wanted = [f"{number} {'x' * (number % 7) * 1000}".encode() for number in range(500)]
        await asyncio.gather(*(one.append(content) for content in wanted[:250]))
        assert one.rows == 250
        first = await taken(one, 120)
        await asyncio.gather(*(one.append(content) for content in wanted[250:]))
        assert first + await taken(one) == wanted
        (file,) = (tmp_path / "journal").iterdir()
        assert file.stat().st_size == 0
        assert file.stat().st_mode & 0o077 == 0
        await one.append(b"more")
        assert await taken(one) == [b"more"]
    assert list((tmp_path / "journal").iterdir()) == []


@pytest.mark.feature("INB-11")
async def test_what_a_killed_process_left_is_taken_over(tmp_path: Path) -> None:
    async with journal(tmp_path) as alive, journal(tmp_path) as killed:
        await alive.append(b"of another one that lives")
        await killed.append(b"one")
        await killed.append(b"two")
        assert await taken(killed, 1) == [b"one"]
        dies(killed)
        async with journal(tmp_path) as following:
            assert following.rows == 2
            await following.append(b"three")
            assert await taken(following) == [b"one", b"two", b"three"]
        assert await taken(alive) == [b"of another one that lives"]
    assert list((tmp_path / "journal").iterdir()) == []


@pytest.mark.feature("INB-11")
async def test_a_process_that_goes_on_takes_over_too(tmp_path: Path) -> None:
    async with journal(tmp_path) as one, journal(tmp_path) as killed:
        await killed.append(b"left")
        await one.adopt()
        assert one.rows == 0  # it may still be alive
        dies(killed)
        await one.adopt()
        assert await taken(one) == [b"left"]


@pytest.mark.feature("INB-11")
@pytest.mark.parametrize("tail", [b"0badc0de cut o", b"0badc0de cut off\n", b"\n\n", b"\xff" * 100])
async def test_what_was_cut_off_was_never_acknowledged_and_is_passed_over(tmp_path: Path, tail: bytes) -> None:
    async with journal(tmp_path) as one:
        await one.append(b"whole")
        dies(one)
    (file,) = (tmp_path / "journal").iterdir()
    with file.open("ab") as end:
        end.write(tail)
    async with journal(tmp_path) as following:
        assert following.rows == 1
        await following.append(b"next")
        assert await taken(following) == [b"whole", b"next"]
    assert list((tmp_path / "journal").iterdir()) == []


@pytest.mark.feature("INB-11")
async def test_what_does_not_fit_is_refused_and_leaves_nothing_behind(tmp_path: Path) -> None:
    async with journal(tmp_path) as one:
        await one.append(b"fits")
        with limited(4096):
            outcomes = await asyncio.gather(
                *(one.append(b"y" * 3000) for _ in range(2)), one.append(b"small"), return_exceptions=True
            )
        assert [type(outcome) for outcome in outcomes] == [StorageDown] * 3  # one flush for all of them
        assert one.rows == 1
        await one.append(b"fits again")
        assert await taken(one) == [b"fits", b"fits again"]


@pytest.mark.feature("INB-11")
async def test_a_file_that_was_deleted_is_not_written_to(tmp_path: Path) -> None:
    async with journal(tmp_path) as one:
        await one.append(b"before")
        for file in (tmp_path / "journal").iterdir():
            file.unlink()
        await one.append(b"after")
        (file,) = (tmp_path / "journal").iterdir()
        assert b"after" in file.read_bytes()
        assert await taken(one) == [b"before", b"after"]


@pytest.mark.feature("INB-11")
async def test_a_folder_that_cannot_be_written_is_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("a file")
    with pytest.raises(OSError, match="journal"):
        await Journal(tmp_path / "journal", Clock().new_id, Tasks()).open()
