"""The SQLite store: what it says is written is written, and what fails alone fails alone."""

import asyncio
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import pytest

from gateway.db import Tx
from gateway.db.sqlite_file import PRAGMAS
from gateway.errors import StorageDown, StorageSlow
from tests.power import recorded
from tests.scratch import opened, pair, pairs, run


@pytest.mark.feature("STO-01", "INB-01")
async def test_what_is_asked_together_is_one_commit_in_order(tmp_path: Path) -> None:
    with recorded() as disk:
        db = await opened(tmp_path)
        before = len(disk.ops)
        assert await asyncio.gather(*(db.write(pair, n) for n in range(50))) == list(range(1, 51))
        syncs = [op for op in disk.ops[before:] if op.kind == "sync"]
        assert len(syncs) == 1
        for n in range(50, 53):  # one after the other, each is on disk before the next is asked for
            before = len(disk.ops)
            await db.write(pair, n)
            assert "sync" in [op.kind for op in disk.ops[before:]]
        assert await pairs(db) == list(range(53))
        await db.close()


@pytest.mark.feature("STO-01", "INB-01")
async def test_one_that_fails_fails_alone(tmp_path: Path) -> None:
    db = await opened(tmp_path)
    await db.write(pair, 5)

    def broken() -> Tx[None]:
        yield "INSERT INTO one (id) VALUES (77)", ()
        raise RuntimeError("ours")

    results = await asyncio.gather(
        *(db.write(pair, n) for n in (1, 2)),
        db.write(pair, 5),
        db.write(broken),
        db.write(run, "NO SUCH STATEMENT"),
        *(db.write(pair, n) for n in (3, 4)),
        return_exceptions=True,
    )
    assert [type(result) for result in results[2:5]] == [apsw.ConstraintError, RuntimeError, apsw.SQLError]
    assert results[:2] + results[5:] == [2, 3, 4, 5]
    assert await pairs(db) == [1, 2, 3, 4, 5]
    await db.close()


@pytest.mark.feature("INB-01")
async def test_a_caller_who_leaves_does_not_take_the_write_along(tmp_path: Path) -> None:
    db = await opened(tmp_path)
    leaving = [asyncio.ensure_future(db.write(pair, n)) for n in range(20)]
    await asyncio.sleep(0)
    for task in leaving:
        task.cancel()
    failing = asyncio.ensure_future(db.write(run, "NO SUCH STATEMENT"))
    await asyncio.sleep(0)
    failing.cancel()
    assert await db.write(pair, 20) == 21
    assert await pairs(db) == list(range(21))
    await db.close()


@pytest.mark.feature("STO-01")
async def test_settings_are_read_back_on_every_connection(tmp_path: Path) -> None:
    db = await opened(tmp_path)
    for name, wanted in PRAGMAS.items():
        assert await db.write(run, f"PRAGMA {name}") == [(wanted,)], name
        assert await db.read(run, f"PRAGMA {name}") == [(wanted,)], name
    assert PRAGMAS["synchronous"] == 2
    with pytest.raises(StorageDown):
        await db.read(run, "INSERT INTO other (id) VALUES (1)")
    await db.close()


@pytest.mark.feature("STO-01")
async def test_a_reader_sees_what_was_committed_before_it_asked(tmp_path: Path) -> None:
    db = await opened(tmp_path)

    async def one(n: int) -> None:
        await db.write(pair, n)
        assert (await db.read(run, "SELECT 1 FROM other WHERE id = $1", n)) == [(1,)]

    for start in range(0, 200, 20):
        await asyncio.gather(*(one(n) for n in range(start, start + 20)))
    await db.close()


@contextmanager
def held_by_somebody_else(path: Path) -> Iterator[None]:
    """Another program that writes into our file for a long time."""
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


@pytest.mark.feature("INB-01")
async def test_a_locked_file_refuses_all_at_once_and_then_goes_on(tmp_path: Path) -> None:
    db = await opened(tmp_path)
    loop = asyncio.get_running_loop()
    with held_by_somebody_else(tmp_path / "gateway.db"):
        began = loop.time()
        results = await asyncio.gather(*(db.write(pair, n) for n in range(40)), return_exceptions=True)
        waited = loop.time() - began
    assert {type(result) for result in results} == {StorageSlow}
    assert waited < 10  # once for all of them, not once for each
    assert await db.write(pair, 1) == 1
    await db.close()


@pytest.mark.feature("STO-01", "INB-02")
async def test_a_start_waits_for_whoever_writes_into_the_file(tmp_path: Path) -> None:
    await (await opened(tmp_path)).close()
    with held_by_somebody_else(tmp_path / "gateway.db"):
        starting = asyncio.create_task(opened(tmp_path))
        await asyncio.wait([starting], timeout=0.3)
        assert not starting.done()
    db = await starting
    assert await db.write(pair, 1) == 1
    await db.close()


@pytest.mark.feature("INB-01", "STO-01")
@pytest.mark.parametrize("spare", [0, 1, 2, 3, 7])
async def test_a_full_store_keeps_nothing_by_halves_and_recovers(tmp_path: Path, spare: int) -> None:
    db = await opened(tmp_path)
    pages = (await db.write(run, "PRAGMA page_count"))[0][0]
    await db.write(run, f"PRAGMA max_page_count = {pages + spare}")
    results = await asyncio.gather(*(db.write(pair, n, n * 400) for n in range(60)), return_exceptions=True)
    refused = [n for n, result in enumerate(results) if isinstance(result, StorageDown)]
    assert all(isinstance(result, int | StorageDown) for result in results)
    assert refused
    assert await pairs(db) == [n for n in range(60) if n not in refused]
    await db.write(run, "PRAGMA max_page_count = 1000000")
    await asyncio.gather(*(db.write(pair, n, n * 400) for n in refused))
    assert await pairs(db) == list(range(60))
    await db.close()


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file of this process may grow beyond that."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.feature("INB-01", "STO-01")
async def test_a_disk_that_takes_no_more_loses_nothing_acknowledged(tmp_path: Path) -> None:
    positions = int(os.environ.get("GW_DISK_CUTS", "40"))
    held: set[int] = set()
    for position in range(positions):
        folder = tmp_path / str(position)
        db = await opened(folder)
        wal = (folder / "gateway.db-wal").stat().st_size
        with largest_file(wal + 141_000 * position // positions):
            asked = (db.write(pair, n, n * 400) for n in range(40))
            results = await asyncio.gather(*asked, return_exceptions=True)
            one = await asyncio.gather(db.write(pair, 40, 400_000), return_exceptions=True)
        assert isinstance(one[0], StorageDown)
        kept = [n for n, result in enumerate(results) if isinstance(result, int)]
        assert all(isinstance(result, int | StorageDown) for result in results)
        assert await pairs(db) == kept
        held.add(len(kept))
        await db.write(pair, 99)
        await db.close()
        db = await opened(folder)
        assert await db.write(run, "PRAGMA integrity_check") == [("ok",)]
        assert await pairs(db) == [*kept, 99]
        await db.close()
    assert len(held) > 5  # it was full early and late


@pytest.mark.feature("STO-06", "INB-01")
async def test_closing_under_load_loses_nothing_that_was_taken(tmp_path: Path) -> None:
    db = await opened(tmp_path)
    taken: list[int] = []
    refused = 0

    async def talk(first: int) -> None:
        nonlocal refused
        for n in range(first, first + 10_000):
            try:
                await db.write(pair, n)
            except StorageDown:
                refused += 1
                return
            taken.append(n)

    talking = [asyncio.ensure_future(talk(10_000 * n)) for n in range(20)]
    while len(taken) < 200:
        await asyncio.sleep(0)
    await db.close()
    await asyncio.gather(*talking)
    assert refused == 20
    with pytest.raises(StorageDown):
        await db.read(run, "SELECT 1")
    assert not (tmp_path / "gateway.db-wal").exists()  # all of it is in the one file
    db = await opened(tmp_path)
    assert await pairs(db) == sorted(taken)
    await db.close()


@pytest.mark.feature("STO-06")
async def test_closing_does_not_depend_on_a_disk_with_room(tmp_path: Path) -> None:
    db = await opened(tmp_path)
    await db.write(pair, 1)
    with largest_file(4096):
        await db.close()
    db = await opened(tmp_path)
    assert await pairs(db) == [1]
    await db.close()
