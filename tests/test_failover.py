"""A standby takes over from a PostgreSQL that dies: what was acknowledged is there, and the dead one stays dead."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.errors import StorageDown
from tests.postgres import Server
from tests.test_postgres import opened, pair, pairs

SOCKET = ".s.PGSQL.5432"


class Address:
    """Where now one server is found and now another, as by a name or an address that moves."""

    def __init__(self, folder: Path) -> None:
        self._link = folder / SOCKET
        self.url = f"postgresql://postgres@/postgres?host={folder}"

    def leads_to(self, server: Server) -> None:
        self._link.unlink(missing_ok=True)
        self._link.symlink_to(server.folder / SOCKET)


@contextmanager
def primary_and_standby() -> Iterator[tuple[Server, Server]]:
    """A primary that acknowledges only what its standby has, too."""
    primary = Server()
    standby = Server(follows=primary)
    try:
        primary.ask("ALTER SYSTEM SET synchronous_standby_names = '*'")
        primary.ask("SELECT pg_reload_conf()")
        yield primary, standby
    finally:
        for server in (primary, standby):
            server.stop()


async def until(server: Server, sql: str) -> None:
    async with asyncio.timeout(60):
        while not (await asyncio.to_thread(server.ask, sql))[0][0]:
            await asyncio.sleep(0.01)


def cut_off(standby: Server) -> None:
    standby.ask("ALTER SYSTEM SET primary_conninfo = ''")
    standby.ask("SELECT pg_reload_conf()")


@pytest.mark.feature("STO-01", "INB-01")
async def test_a_commit_that_the_successor_never_saw_is_done_again(tmp_path: Path) -> None:
    address = Address(tmp_path)
    with primary_and_standby() as (primary, standby):
        address.leads_to(primary)
        async with opened(tmp_path, address.url) as db:
            await asyncio.gather(*(db.write(pair, number) for number in range(5)))
            await asyncio.to_thread(cut_off, standby)
            await until(standby, "SELECT NOT EXISTS (SELECT 1 FROM pg_stat_wal_receiver)")
            writing = [db.write(pair, number) for number in (5, 6)]
            await until(primary, "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep')")
            await asyncio.to_thread(primary.stop)
            await asyncio.to_thread(standby.ask, "SELECT pg_promote()")
            for _ in range(50):  # others are at work there, and have the numbers by now that ours would have had
                await asyncio.to_thread(standby.ask, "SELECT pg_current_xact_id()")
            address.leads_to(standby)
            await asyncio.gather(*writing)
            assert await pairs(db) == [0, 1, 2, 3, 4, 5, 6]


@pytest.mark.feature("STO-01")
async def test_a_primary_that_was_left_behind_is_not_written_to(tmp_path: Path) -> None:
    address = Address(tmp_path)
    with primary_and_standby() as (primary, standby):
        address.leads_to(primary)
        async with opened(tmp_path, address.url) as db:
            await db.write(pair, 1)
            await asyncio.to_thread(primary.stop)
            await asyncio.to_thread(standby.ask, "SELECT pg_promote()")
            address.leads_to(standby)
            await db.write(pair, 2)
            await asyncio.to_thread(primary.start, synchronous_standby_names="")
            address.leads_to(primary)
            await asyncio.to_thread(standby.stop)
            with pytest.raises(StorageDown, match="timeline 1 of a database that went on to 2"):
                await db.write(pair, 3)
            await asyncio.to_thread(standby.start)
            address.leads_to(standby)
            await db.write(pair, 3)
            assert await pairs(db) == [1, 2, 3]
