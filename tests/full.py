"""A store that has no room for anything long, until it has again."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import apsw

from gateway.db import Database, Rows, Tx
from tests import postgres

LONG = 10_000  # characters
# What the server says when its disk is full, said by itself.
REFUSE = """CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF length(to_jsonb(NEW)::text) > {0} THEN
      RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';
    END IF; RETURN NEW; END $$"""
TABLES = ("inbox", "outbox", "message", "meta")


@asynccontextmanager
async def full(db: Database, spare: int = 0) -> AsyncIterator[None]:
    """Meanwhile there is room for a few short rows: on SQLite for so many pages."""
    if postgres.CHOSEN:
        await _do(db, REFUSE.format(LONG))
        for table in TABLES:
            await _do(db, f"CREATE TRIGGER no_room BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION no_room()")
        yield
        await _do(db, "DROP FUNCTION no_room() CASCADE")
    else:
        pages = (await _do(db, "PRAGMA page_count"))[0][0]
        await _do(db, f"PRAGMA max_page_count = {pages + spare}")
        yield
        await _do(db, "PRAGMA max_page_count = 1000000")


async def fill(db: Database) -> None:
    """Write something long."""

    def long() -> Tx[None]:
        yield "INSERT INTO meta (name, value) VALUES ('long', $1)", ("x" * 20 * LONG,)

    await db.write(long)


async def _do(db: Database, sql: str) -> Rows:
    def statement() -> Tx[Rows]:
        return (yield sql, ())

    return await db.write(statement)


@contextmanager
def shut(folder: Path) -> Iterator[None]:
    """Meanwhile somebody else holds the store in a folder, and nobody can write."""
    if postgres.CHOSEN:
        with postgres.held(folder, TABLES):
            yield
        return
    other = apsw.Connection(str(folder / "gateway.db"))
    other.set_busy_timeout(5000)  # until what is being written is written
    try:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("COMMIT")
    finally:
        other.close()
