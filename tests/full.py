"""A store that has no room for anything long, until it has again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.db import Tx
from tests import postgres
from tests.kit import Kit

LONG = 10_000  # characters
# What the server says when its disk is full, said by itself.
REFUSE = """CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF length(to_jsonb(NEW)::text) > {0} THEN
      RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';
    END IF; RETURN NEW; END $$"""
TABLES = ("inbox", "outbox", "message", "meta")


@asynccontextmanager
async def full(kit: Kit, spare: int = 0) -> AsyncIterator[None]:
    """Meanwhile there is room for a few short rows: on SQLite for so many pages."""
    if postgres.CHOSEN:
        await _do(kit, REFUSE.format(LONG))
        for table in TABLES:
            await _do(kit, f"CREATE TRIGGER no_room BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION no_room()")
        yield
        await _do(kit, "DROP FUNCTION no_room() CASCADE")
    else:
        pages = (await kit.rows("PRAGMA page_count"))[0][0]
        await _do(kit, f"PRAGMA max_page_count = {pages + spare}")
        yield
        await _do(kit, "PRAGMA max_page_count = 1000000")


async def fill(kit: Kit) -> None:
    """Write something long."""

    def long() -> Tx[None]:
        yield "INSERT INTO meta (name, value) VALUES ('long', $1)", ("x" * 20 * LONG,)

    await kit.corridor.db.write(long)


async def _do(kit: Kit, sql: str) -> None:
    def statement() -> Tx[None]:
        yield sql, ()

    await kit.corridor.db.write(statement)
