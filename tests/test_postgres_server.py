"""The server of a PostgreSQL store: which one is refused, how the schema gets there, and what its failures cost."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.db import migrations
from gateway.db.opening import open_database
from gateway.db.postgres import Postgres
from gateway.db.postgres_server import connect
from gateway.errors import StorageDown
from tests.postgres import server
from tests.test_postgres import opened, pair, pairs, run


@pytest.mark.feature("STO-01")
async def test_a_server_that_may_lose_what_it_confirmed_is_refused(tmp_path: Path) -> None:
    one, url = server(), server().database(tmp_path)
    try:
        for wrong, why in (("fsync", "fsync = off"), ("full_page_writes", "full_page_writes = off")):
            one.stop()
            one.start(**{wrong: "off"})
            with pytest.raises(StorageDown, match=f"{why}.*turn it on"):
                await Postgres.open(url)
        one.stop()
        (one.folder / "data/standby.signal").touch()
        one.start()
        with pytest.raises(StorageDown, match="standby that only reads; name the primary"):
            await Postgres.open(url)
    finally:
        one.stop()
        (one.folder / "data/standby.signal").unlink(missing_ok=True)
        one.start()
    await (await Postgres.open(url)).close()


@pytest.mark.feature("STO-01")
@pytest.mark.parametrize(
    ("given", "kept"), [("off", "on"), ("local", "on"), ("remote_write", "on"), ("remote_apply",) * 2]
)
async def test_a_commit_is_on_disk_whatever_the_database_is_set_to(tmp_path: Path, given: str, kept: str) -> None:
    url = server().database(tmp_path)
    name = url.partition("@/")[2].partition("?")[0]
    server().ask(f"ALTER DATABASE {name} SET synchronous_commit = {given}")
    db = await Postgres.open(url)
    assert await db.write(run, "SHOW synchronous_commit") == [(kept,)]
    await db.close()


@pytest.mark.feature("STO-01")
async def test_a_database_that_takes_no_writes_is_refused(tmp_path: Path) -> None:
    url = server().database(tmp_path)
    name = url.partition("@/")[2].partition("?")[0]
    await (await Postgres.open(url)).close()
    server().ask(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with pytest.raises(StorageDown, match="takes no writes: default_transaction_read_only is on"):
        await Postgres.open(url)


@pytest.mark.feature("STO-01", "SEC-05")
async def test_a_store_that_cannot_be_opened_says_why_and_no_password(tmp_path: Path) -> None:
    server().database(tmp_path, "ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    place = f"?host={server().folder}"
    latin = server().database(tmp_path).partition("@")[2]
    for url, why in (
        (f"@{latin}", "keeps text as LATIN1"),
        (f"@/nowhere{place}", 'database "nowhere" does not exist'),
        ("@127.0.0.1:1/x", "Connect call failed"),
        ("@/x?host=/nowhere", "No such file"),
    ):
        with pytest.raises(StorageDown, match=why) as told:
            await open_database(f"postgresql://postgres:hunter22{url}")
        assert "hunter22" not in str(told.value)


@pytest.mark.feature("STO-02")
async def test_many_who_come_at_once_find_one_schema(tmp_path: Path) -> None:
    url = server().database(tmp_path, "TEMPLATE template0")
    for db in await asyncio.gather(*(Postgres.open(url) for _ in range(5))):
        assert await db.read(run, "SELECT COUNT(*) FROM outbox") == [(0,)]
        await db.close()


@pytest.mark.feature("STO-01", "STO-02")
async def test_every_number_is_large_and_every_text_is_compared_by_bytes(tmp_path: Path) -> None:
    server().database(tmp_path)
    columns = server().ask(
        """SELECT table_name, column_name, data_type FROM information_schema.columns c
             JOIN information_schema.tables USING (table_schema, table_name) WHERE table_schema = 'public'
             AND table_type = 'BASE TABLE' AND NOT (data_type IN ('bigint', 'bytea')
               OR (data_type = 'text' AND collation_name = 'C'))""",
        tmp_path,
    )
    assert [tuple(column) for column in columns] == []


@pytest.mark.feature("STO-02")
async def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    newer = migrations()[-1][0] + 1
    url = server().database(tmp_path)
    server().ask(f"UPDATE meta SET value = '{newer}' WHERE name = 'schema.version'", tmp_path)
    with pytest.raises(StorageDown, match=f"version {newer}.*run the newer program"):
        await Postgres.open(url)


OPEN = """
import asyncio, sys
from gateway.db.postgres import Postgres
from gateway.db.postgres_server import connect
asyncio.run(Postgres.open(sys.argv[1]))
"""


@pytest.mark.feature("STO-02")
@pytest.mark.parametrize("step", [1, 2, len(migrations())])
async def test_a_migration_cut_off_is_begun_again(tmp_path: Path, step: int) -> None:
    url = server().database(tmp_path, "TEMPLATE template0")
    environment = {**os.environ, "GW_FAILPOINT": f"migration.step:{step}"}
    ended = await asyncio.create_subprocess_exec(sys.executable, "-c", OPEN, url, env=environment)
    assert await ended.wait() == -9
    version = "SELECT value FROM meta WHERE name = 'schema.version'"
    assert [value for (value,) in server().ask(version, tmp_path)] == [str(step - 1)][: step - 1]
    db = await Postgres.open(url)
    assert await db.read(run, version) == [(str(len(migrations())),)]
    await db.close()


@pytest.mark.feature("STO-01", "INB-01")
async def test_a_server_that_crashes_costs_only_what_was_refused(tmp_path: Path) -> None:
    one = server()
    taken: set[int] = set()
    refused: set[int] = set()
    stopping = asyncio.Event()

    async def talk(db: Postgres, first: int) -> None:
        for number in range(first, first + 100_000):
            if stopping.is_set():
                return
            try:
                await db.write(pair, number)
                taken.add(number)
            except StorageDown:
                refused.add(number)
                await asyncio.sleep(0.05)

    async with opened(tmp_path) as db:
        talking = [asyncio.ensure_future(talk(db, 100_000 * n)) for n in range(8)]
        for _ in range(3):
            before = len(taken)
            while len(taken) < before + 50:
                await asyncio.sleep(0.01)
            await asyncio.to_thread(one.stop)
            with pytest.raises(StorageDown):
                await db.read(run, "SELECT 1")
            await asyncio.to_thread(one.start)
        stopping.set()
        await asyncio.gather(*talking)
        kept = set(await pairs(db))
    assert taken <= kept
    assert not refused & kept, "what was refused was not kept: nobody may be told wrongly that it was not"


class Cutting:
    """Stands between us and the server, and cuts the wire where it is told to."""

    def __init__(self, target: str) -> None:
        self._target, self.cut = target, ""
        self.cuts = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(self._target)
        answers = asyncio.ensure_future(self._pass(there, writer))
        try:
            while data := await reader.read(65536):
                if self.cut and b"COMMIT" in data:
                    how, self.cut, self.cuts = self.cut, "", self.cuts + 1
                    if how == "answer":
                        answers.cancel()
                        back.write(data)
                        await there.read(1)  # it is done, and we shall not hear of it
                    return
                back.write(data)
        finally:
            answers.cancel()
            for one in (writer, back):
                one.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)


@asynccontextmanager
async def cutting(folder: Path) -> AsyncIterator[tuple[Cutting, str]]:
    wire = Cutting(f"{server().folder}/.s.PGSQL.5432")
    name = server().database(folder).partition("@/")[2].partition("?")[0]
    async with await asyncio.start_unix_server(wire.serve, f"{folder}/.s.PGSQL.5432"):
        yield wire, f"postgresql://postgres@/{name}?host={folder}"


@pytest.mark.feature("STO-01", "INB-01")
@pytest.mark.parametrize("how", ["answer", "question"])
async def test_a_commit_whose_answer_is_lost_is_neither_lost_nor_repeated(tmp_path: Path, how: str) -> None:
    async with cutting(tmp_path) as (wire, url), opened(tmp_path, url) as db:
        for number in range(20):
            wire.cut = how
            members = [db.write(pair, 3 * number + member) for member in range(1 + number % 3)]
            await asyncio.gather(*members)  # nobody is told that it failed, and none finds itself already there
        assert wire.cuts == 20
        assert await pairs(db) == [3 * n + m for n in range(20) for m in range(1 + n % 3)]


@pytest.mark.feature("STO-06")
async def test_who_is_cancelled_while_a_connection_is_made_knows_it(tmp_path: Path) -> None:
    """A loop that makes connections would go on for ever, and the process with it."""
    url = server().database(tmp_path)
    for step in range(120):
        connecting: asyncio.Future[Any] = asyncio.ensure_future(connect(url))
        await asyncio.sleep(step / 10_000)  # a little further each time
        connecting.cancel()
        made = (await asyncio.gather(connecting, return_exceptions=True))[0]
        if isinstance(made, BaseException):
            assert isinstance(made, asyncio.CancelledError), made
        else:
            await made.close()
