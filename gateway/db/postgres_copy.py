"""A PostgreSQL store as it is at one moment, read in order into tables of the same names and columns."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg  # type: ignore[import-untyped]

from gateway.db import Rows
from gateway.db.postgres_server import PATIENCE, VERSION, connect, place
from gateway.errors import StorageDown

FETCHED = 500  # rows at one go
LONGEST = 3600.0  # seconds for one question: a count reads a whole table
_PATIENT = {"statement_timeout": "0", "idle_in_transaction_session_timeout": "0"}
# Whoever else has a connection under our name.
_OTHERS = """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND application_name = current_setting('application_name')"""


class Moment:
    """The store at one moment, until its transaction ends."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def schema(self) -> int:
        """The version of its schema, 0 where there is none."""
        if await self._connection.fetchval("SELECT to_regclass('meta')") is None:
            return 0
        found = await self._connection.fetchval("SELECT value FROM meta WHERE name = $1", VERSION)
        return int(found or 0)

    async def count(self, table: str) -> int:
        found: int = await self._connection.fetchval(f"SELECT count(*) FROM {table}", timeout=LONGEST)
        return found

    async def rows(self, table: str, columns: Sequence[str], condition: str = "TRUE") -> AsyncIterator[Rows]:
        """The rows of a table, in batches."""
        named = ", ".join(f'"{column}"' for column in columns)
        cursor = await self._connection.cursor(f"SELECT {named} FROM {table} WHERE {condition}")
        while rows := await cursor.fetch(FETCHED, timeout=LONGEST):
            yield [tuple(row) for row in rows]


@asynccontextmanager
async def moment(url: str) -> AsyncIterator[Moment]:
    """Look at a store; nothing that others write meanwhile is seen. Raises `StorageDown`."""
    connection = await connect(url, read_only=True, reach=PATIENCE, settings=_PATIENT)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            yield Moment(connection)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        raise StorageDown(f"{place(url)}: {error}") from None
    finally:
        connection.terminate()


async def served(url: str) -> bool:
    """Whether somebody else of ours is connected to the store."""
    connection = await connect(url, read_only=True, reach=PATIENCE)
    try:
        return bool(await connection.fetchval(_OTHERS))
    finally:
        connection.terminate()


async def number(url: str, tables: Sequence[str], ahead: int) -> None:
    """New rows of these tables get numbers after the highest there is, so many ahead of it."""
    connection = await connect(url, reach=PATIENCE, settings=_PATIENT)
    try:
        for table in tables:
            highest = f"SELECT COALESCE(MAX(id), 0) + 1 + $2::bigint FROM {table}"
            await connection.execute(f"SELECT setval(pg_get_serial_sequence($1, 'id'), ({highest}))", table, ahead)
    finally:
        connection.terminate()
