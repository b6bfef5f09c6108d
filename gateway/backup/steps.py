"""The transactions that fill a store, each small enough to be in nobody's way, and noted as it is done."""

from collections.abc import Sequence
from typing import Any

from gateway import recovery
from gateway.backup.file import Table
from gateway.db import Tx
from gateway.erasing import begin, tombstone
from gateway.whereabouts import Whom

PEOPLE = 500  # looked at in one step


def put(table: Table, rows: Sequence[Sequence[Any]], place: str) -> Tx[None]:
    """Add rows to a table, and note how far that is."""
    columns, width = ", ".join(f'"{column}"' for column in table.columns), len(table.columns)
    marks = ", ".join(
        "(" + ", ".join(f"${number * width + column + 1}" for column in range(width)) + ")"
        for number in range(len(rows))
    )
    yield f"INSERT INTO {table.name} ({columns}) VALUES {marks}", tuple(cell for row in rows for cell in row)
    yield from recovery.reached(place)


def remember(kept: Sequence[tuple[str, str]]) -> Tx[None]:
    """The small things that the store keeps by name."""
    for name, value in kept:
        yield "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING", (name, value)


def holds_any(table: str) -> Tx[bool]:
    return bool((yield f"SELECT 1 FROM {table} LIMIT 1", ()))


def count(table: str) -> Tx[int]:
    rows = yield f"SELECT count(*) FROM {table}", ()
    found: int = rows[0][0]
    return found


def erase_again(tombstones: frozenset[bytes], after: str, now: int) -> Tx[tuple[set[bytes], str]]:
    """Have those erased whom a list of tombstones names, among people after one. Returns who they are, and the last
    one that was looked at, "" at the end.
    """
    rows = yield (
        "SELECT id, channel, account, person FROM participant WHERE id > $1 ORDER BY id LIMIT $2",
        (after, PEOPLE),
    )
    again = set()
    for participant, channel, account, person in rows:
        mark = tombstone(Whom(channel, account, person, frozenset(), ()))
        if mark in tombstones:
            yield from begin(participant, now)
            again.add(mark)
    return again, rows[-1][0] if len(rows) == PEOPLE else ""


def finish(until: int, now: int) -> Tx[None]:
    """The store may be used."""
    if until:
        yield from recovery.begin(until, now)
    yield from recovery.reached("")
