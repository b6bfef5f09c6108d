"""What the store knows of each file: whose it is, what it is called, and which content it has.

A file that goes is forsaken first (`created_at` is 0): nobody finds it any more, its content is removed, and only then
its row, so that no crash leaves a content that nothing knows of.
"""

from collections.abc import Sequence
from typing import NamedTuple

from gateway.db import Tx
from gateway.errors import Problem

LOOSE = 24 * 3600 * 1000  # ms after which a file that no message names is deleted
MOST_LOOSE = 50  # such files of one session
BATCH = 500


class Record(NamedTuple):
    """One file of a session."""

    id: str
    session: str
    name: str
    mime: str
    size: int
    sha256: str
    created_at: int


COLUMNS = ", ".join(Record._fields)
_THERE = "created_at > 0"
_FORSAKE = "UPDATE file SET attached = 0, created_at = 0, name = ''"


def add(records: Sequence[Record]) -> Tx[None]:
    """Note files whose content is in its place. Raises `Problem` when a session has too many that it does not use."""
    rows = yield "SELECT count(*) FROM file WHERE session = $1 AND attached = 0", (records[0].session,)
    if rows[0][0] + len(records) > MOST_LOOSE:
        raise Problem(429, "too_many_files", f"at most {MOST_LOOSE} files may wait for their message", retry_after=60)
    for record in records:
        yield f"INSERT INTO file ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7)", record


def put(records: Sequence[Record]) -> Tx[list[str]]:
    """Note files that a message holds, in place of those of the same ids. Returns contents not needed any more."""
    gone = []
    for record in records:
        gone += [sha for (sha,) in (yield "SELECT sha256 FROM file WHERE id = $1", (record.id,))]
        yield (
            f"""INSERT INTO file ({COLUMNS}, attached) VALUES ($1, $2, $3, $4, $5, $6, $7, 1)
                  ON CONFLICT (id) DO UPDATE SET session = excluded.session, name = excluded.name,
                  mime = excluded.mime, size = excluded.size, sha256 = excluded.sha256,
                  created_at = excluded.created_at, attached = 1""",
            record,
        )
    return (yield from _unneeded(gone))


def of_session(session: str, ids: Sequence[str]) -> Tx[dict[str, Record]]:
    """Those of these files that belong to a session, by id."""
    marks = ", ".join(f"${index + 2}" for index in range(len(ids)))
    rows = yield f"SELECT {COLUMNS} FROM file WHERE session = $1 AND id IN ({marks}) AND {_THERE}", (session, *ids)
    return {row[0]: Record._make(row) for row in rows}


def held(session: str) -> Tx[list[Record]]:
    """All files of a session, the oldest first."""
    rows = yield f"SELECT {COLUMNS} FROM file WHERE session = $1 AND {_THERE} ORDER BY created_at, id", (session,)
    return [Record._make(row) for row in rows]


def attach(session: str, ids: Sequence[str]) -> Tx[list[Record]]:
    """The files that a message names, in its order; they stay. Raises `Problem` 404 for one of another session."""
    marks = ", ".join(f"${index + 2}" for index in range(len(ids)))
    rows = yield (
        f"UPDATE file SET attached = 1 WHERE session = $1 AND id IN ({marks}) AND {_THERE} RETURNING {COLUMNS}",
        (session, *ids),
    )
    found = {row[0]: Record._make(row) for row in rows}
    if len(found) < len(ids):
        raise Problem(404, "unknown_file", "this session has no such file")
    return [found[id] for id in ids]


def drop(session: str, ids: Sequence[str]) -> Tx[list[str]]:
    """Forget some files of a session. Returns the contents that are not needed any more."""
    marks = ", ".join(f"${index + 2}" for index in range(len(ids)))
    rows = yield f"DELETE FROM file WHERE session = $1 AND id IN ({marks}) RETURNING sha256", (session, *ids)
    return (yield from _unneeded([sha for (sha,) in rows]))


def find(id: str) -> Tx[Record | None]:
    rows = yield f"SELECT {COLUMNS} FROM file WHERE id = $1 AND {_THERE}", (id,)
    return Record._make(rows[0]) if rows else None


def forsake(ids: Sequence[str]) -> Tx[int]:
    """Some files are to go. Returns how many there were."""
    gone = 0
    for id in ids:
        rows = yield f"{_FORSAKE} WHERE id = $1 AND {_THERE} RETURNING 1", (id,)
        gone += len(rows)
    return gone


def forsake_session(session: str) -> Tx[int]:
    """All files of a session are to go. Returns how many there were."""
    rows = yield f"{_FORSAKE} WHERE session = $1 AND {_THERE} RETURNING 1", (session,)
    return len(rows)


class Forsaken(NamedTuple):
    """Files that are to go, and those of their contents that nothing else needs."""

    ids: Sequence[str]
    contents: list[str]


def lapse(before: int) -> Tx[Forsaken]:
    """Forsake files that nobody has used since a time. Returns some of those that are to go."""
    yield (
        f"""{_FORSAKE} WHERE id IN
              (SELECT id FROM file WHERE attached = 0 AND created_at < $1 AND {_THERE} LIMIT $2)""",
        (before, BATCH),
    )
    rows = yield "SELECT id, sha256 FROM file WHERE attached = 0 AND created_at = 0 LIMIT $1", (BATCH,)
    return Forsaken([id for id, _ in rows], (yield from _unneeded([sha for _, sha in rows])))


def bury(ids: Sequence[str]) -> Tx[None]:
    """Their contents are gone."""
    marks = ", ".join(f"${index + 1}" for index in range(len(ids)))
    yield f"DELETE FROM file WHERE id IN ({marks})", tuple(ids)


def _unneeded(contents: Sequence[str]) -> Tx[list[str]]:
    gone = []
    for sha in sorted(set(contents)):
        rows = yield f"SELECT 1 FROM file WHERE sha256 = $1 AND {_THERE} LIMIT 1", (sha,)
        if not rows:
            gone.append(sha)
    return gone
