"""Scratch tables in a real store: pairs of rows that must never be seen by halves."""

from pathlib import Path
from typing import Any

from gateway.db import Rows, Tx
from gateway.db.sqlite import Sqlite


def run(sql: str, *args: Any) -> Tx[Rows]:
    return (yield sql, args)


def pair(number: int, size: int = 0) -> Tx[int]:
    """Two rows that belong together; how many pairs there are then."""
    yield "INSERT INTO one (id, filling) VALUES ($1, zeroblob($2))", (number, size)
    yield "INSERT INTO other (id) VALUES ($1)", (number,)
    rows = yield "SELECT COUNT(*) FROM other", ()
    count: int = rows[0][0]
    return count


async def opened(folder: Path) -> Sqlite:
    db = await Sqlite.open(folder / "gateway.db")
    await db.write(run, "CREATE TABLE IF NOT EXISTS one (id INTEGER PRIMARY KEY, filling BLOB)")
    await db.write(run, "CREATE TABLE IF NOT EXISTS other (id INTEGER PRIMARY KEY)")
    return db


async def pairs(db: Sqlite) -> list[int]:
    """The numbers of the pairs; both halves of each are there."""
    ones, others = await db.read(run, "SELECT id FROM one ORDER BY id"), await db.read(run, "SELECT id FROM other")
    assert ones == sorted(others)
    return [number for (number,) in ones]
