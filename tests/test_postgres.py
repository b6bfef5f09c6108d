"""The PostgreSQL store: what it says is written is written, and what fails alone fails alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped]
import pytest

from gateway.db import Rows, Tx
from gateway.db.postgres import Postgres
from gateway.errors import StorageDown
from tests.postgres import server


def run(sql: str, *args: Any) -> Tx[Rows]:
    return (yield sql, args)


def pair(number: int) -> Tx[int]:
    """Two rows that belong together; how many pairs there are then."""
    yield "INSERT INTO one (id) VALUES ($1)", (number,)
    yield "INSERT INTO other (id) VALUES ($1)", (number,)
    rows = yield "SELECT COUNT(*) FROM other", ()
    count: int = rows[0][0]
    return count


async def pairs(db: Postgres) -> list[int]:
    """The numbers of the pairs; both halves of each are there."""

    def both() -> Tx[tuple[Rows, Rows]]:
        one = yield "SELECT id FROM one ORDER BY id", ()
        other = yield "SELECT id FROM other ORDER BY id", ()
        return one, other

    one, other = await db.read(both)
    assert one == other
    return [number for (number,) in one]


@asynccontextmanager
async def opened(folder: Path, url: str = "", connections: int = 8) -> AsyncIterator[Postgres]:
    db = await Postgres.open(url or server().database(folder), connections)
    await db.write(run, "CREATE TABLE IF NOT EXISTS one (id BIGINT PRIMARY KEY, number BIGINT DEFAULT 0)")
    await db.write(run, "CREATE TABLE IF NOT EXISTS other (id BIGINT PRIMARY KEY)")
    try:
        yield db
    finally:
        await db.close()


@pytest.mark.feature("STO-01", "INB-01")
async def test_what_is_asked_together_is_one_commit_in_order(tmp_path: Path) -> None:
    async with opened(tmp_path) as db:
        assert await asyncio.gather(*(db.write(pair, n) for n in range(50))) == list(range(1, 51))
        assert await db.read(run, "SELECT COUNT(DISTINCT xmin::text) FROM one") == [(1,)]
        assert await pairs(db) == list(range(50))


@pytest.mark.feature("STO-01", "INB-01")
async def test_one_that_fails_fails_alone(tmp_path: Path) -> None:
    async with opened(tmp_path) as db:
        await db.write(pair, 5)

        def broken() -> Tx[None]:
            yield "INSERT INTO one (id) VALUES (77)", ()
            raise RuntimeError("ours")

        asked: list[asyncio.Future[Any]] = [db.write(pair, n) for n in (1, 2, 5)]
        asked += [db.write(broken), db.write(run, "NO SUCH STATEMENT"), *(db.write(pair, n) for n in (3, 4))]
        results = await asyncio.gather(*asked, return_exceptions=True)
        wrong = [asyncpg.UniqueViolationError, RuntimeError, asyncpg.PostgresSyntaxError]
        assert [type(result) for result in results[2:5]] == wrong
        assert results[:2] + results[5:] == [2, 3, 4, 5]
        assert await pairs(db) == [1, 2, 3, 4, 5]


@pytest.mark.feature("INB-01")
async def test_a_caller_who_leaves_does_not_take_the_work_along(tmp_path: Path) -> None:
    async with opened(tmp_path) as db:
        leaving = [asyncio.ensure_future(db.write(pair, n)) for n in range(20)]
        reading = [asyncio.ensure_future(db.read(run, "SELECT 1")) for _ in range(20)]
        await asyncio.sleep(0)
        for write, read in zip(leaving, reading, strict=True):
            write.cancel()
            read.cancel()
        failing = asyncio.ensure_future(db.write(run, "NO SUCH STATEMENT"))
        await asyncio.sleep(0)
        failing.cancel()
        while await pairs(db) != list(range(20)):
            await asyncio.sleep(0.01)
        assert await db.write(pair, 20) == 21


@pytest.mark.feature("STO-01")
async def test_a_reader_sees_what_was_committed_before_it_asked(tmp_path: Path) -> None:
    async with opened(tmp_path) as db:

        async def one(n: int) -> None:
            await db.write(pair, n)
            assert (await db.read(run, "SELECT 1 FROM other WHERE id = $1", n)) == [(1,)]

        for start in range(0, 100, 20):
            await asyncio.gather(*(one(n) for n in range(start, start + 20)))


@pytest.mark.feature("STO-01")
async def test_a_reader_sees_one_moment_and_changes_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path) as db:
        await db.write(pair, 1)

        def twice() -> Tx[tuple[Rows, Rows]]:
            before = yield "SELECT COUNT(*) FROM one", ()
            server().ask("INSERT INTO one SELECT MAX(id) + 1 FROM one", tmp_path)
            after = yield "SELECT COUNT(*) FROM one /*FOR UPDATE*/", ()
            return before, after

        before, after = await db.read(twice)
        assert before == after
        for sql in ("INSERT INTO other (id) VALUES (1)", "UPDATE one SET number = 5"):
            with pytest.raises(StorageDown):
                await db.read(run, sql)
        assert await db.read(run, "SELECT COUNT(*) FROM other") == [(1,)]


@pytest.mark.feature("STO-01")
async def test_who_wants_what_others_hold_gets_it_in_the_end(tmp_path: Path) -> None:
    """Whatever order rows are taken in, on however many connections, nothing is lost and nobody waits for ever."""
    async with opened(tmp_path) as db, opened(tmp_path) as other:
        for number in range(4):
            await db.write(pair, number)

        def add(*rows: int) -> Tx[None]:
            for row in rows:
                yield "UPDATE one SET number = number + 1 WHERE id = $1", (row,)

        async def keep_adding(number: int) -> None:
            for turn in range(10):
                store = (db, other)[(number + turn) % 2]
                await store.write(add, (number + turn) % 4, number % 4 if turn % 2 else (number + 1) % 4)

        await asyncio.gather(*(keep_adding(number) for number in range(12)))
        assert await db.read(run, "SELECT SUM(number) FROM one") == [(240,)]


@pytest.mark.feature("STO-01")
async def test_what_two_look_for_in_vain_is_made_once(tmp_path: Path) -> None:
    def find_or_make(number: int) -> Tx[bool]:
        if (yield "SELECT 1 FROM one WHERE id = $1", (number,)):
            return False
        yield "INSERT INTO one (id) VALUES ($1)", (number,)
        return True

    async with opened(tmp_path) as db, opened(tmp_path) as other, opened(tmp_path) as third:
        for number in range(20):
            asked = [store.write(find_or_make, number) for store in (db, other, third)]
            assert sorted(await asyncio.gather(*asked)) == [False, False, True]


@pytest.mark.feature("STO-01")
async def test_a_row_that_somebody_holds_for_long_is_refused_in_time(tmp_path: Path) -> None:
    async with opened(tmp_path) as db:
        await db.write(pair, 1)
        other = await asyncpg.connect(server().database(tmp_path))
        await other.execute("BEGIN")
        await other.execute("UPDATE one SET number = 1")
        asked: list[asyncio.Future[Any]] = [
            db.write(run, "UPDATE one SET number = 2 WHERE id = 1"),
            db.write(pair, 2),
        ]
        refused, well = await asyncio.gather(*asked, return_exceptions=True)
        assert isinstance(refused, StorageDown)
        assert well == 2
        await other.close()
        await db.write(run, "UPDATE one SET number = 3 WHERE id = 1")
        assert await db.read(run, "SELECT number FROM one WHERE id = 1") == [(3,)]


@pytest.mark.feature("STO-01")
async def test_the_same_statements_mean_the_same(tmp_path: Path) -> None:
    async with opened(tmp_path) as db:
        late = 1 << 45  # a time in ms
        sql = "INSERT INTO one (id, number) VALUES ($1, CASE WHEN $2 > 0 THEN $3 ELSE 0 END)"
        await db.write(run, sql, True, late, late)
        assert await db.read(run, "SELECT id, number FROM one") == [(1, late)]
        where = "SELECT COALESCE(number, 5) FROM one WHERE CASE WHEN id = 1 THEN 0 ELSE $1 END = 0"
        assert await db.read(run, where, late) == [(late,)]
        await db.write(run, "INSERT INTO meta (name, value) VALUES ($1, $2)", "a\x00b", 'C:\\new "joins":"x\\%')
        assert await db.read(run, "SELECT name FROM meta WHERE value LIKE $1", '%\\new "joins":"x\\%') == [("ab",)]
        for name in ("Z", "a", "ä", "B"):
            await db.write(run, "INSERT INTO meta (name, value) VALUES ($1, 'order')", name)
        rows = await db.read(run, "SELECT name FROM meta WHERE value = 'order' ORDER BY name")
        assert [name for (name,) in rows] == ["B", "Z", "a", "ä"]


@pytest.mark.feature("STO-06", "INB-01")
async def test_closing_under_load_loses_nothing_that_was_taken(tmp_path: Path) -> None:
    taken: list[int] = []
    refused = 0

    async def talk(db: Postgres, first: int) -> None:
        nonlocal refused
        for n in range(first, first + 10_000):
            try:
                await db.write(pair, n)
            except StorageDown:
                refused += 1
                return
            taken.append(n)

    async with opened(tmp_path) as db:
        talking = [asyncio.ensure_future(talk(db, 10_000 * n)) for n in range(20)]
        while len(taken) < 200:
            await asyncio.sleep(0)
        await db.close()
        await asyncio.gather(*talking)
        assert refused == 20
        with pytest.raises(StorageDown):
            await db.read(run, "SELECT 1")
    async with opened(tmp_path) as db:
        assert await pairs(db) == sorted(taken)
