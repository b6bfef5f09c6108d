"""What the store knows of each file: whose it is, what it is called, and which content it has."""

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
                  mime = excluded.mime, size = excluded.size, sha256 = excluded.sha256, attached = 1""",
            record,
        )
    return (yield from _unneeded(gone))


def of_session(session: str, ids: Sequence[str]) -> Tx[dict[str, Record]]:
    """Those of these files that belong to a session, by id."""
    marks = ", ".join(f"${index + 2}" for index in range(len(ids)))
    rows = yield f"SELECT {COLUMNS} FROM file WHERE session = $1 AND id IN ({marks})", (session, *ids)
    return {row[0]: Record._make(row) for row in rows}


def attach(session: str, ids: Sequence[str]) -> Tx[list[Record]]:
    """The files that a message names, in its order; they stay. Raises `Problem` 404 for one of another session."""
    marks = ", ".join(f"${index + 2}" for index in range(len(ids)))
    rows = yield (
        f"UPDATE file SET attached = 1 WHERE session = $1 AND id IN ({marks}) RETURNING {COLUMNS}",
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
    rows = yield f"SELECT {COLUMNS} FROM file WHERE id = $1", (id,)
    return Record._make(rows[0]) if rows else None


def lapse(before: int) -> Tx[list[str]]:
    """Forget files that nobody has used since a time. Returns the contents that are not needed any more."""
    rows = yield (
        """DELETE FROM file WHERE id IN (SELECT id FROM file WHERE attached = 0 AND created_at < $1 LIMIT $2)
             RETURNING sha256""",
        (before, BATCH),
    )
    return (yield from _unneeded([sha for (sha,) in rows]))


def erase(session: str) -> Tx[list[str]]:
    """Forget all files of a session. Returns the contents that are not needed any more."""
    rows = yield "DELETE FROM file WHERE session = $1 RETURNING sha256", (session,)
    return (yield from _unneeded([sha for (sha,) in rows]))


def _unneeded(contents: Sequence[str]) -> Tx[list[str]]:
    gone = []
    for sha in sorted(set(contents)):
        rows = yield "SELECT 1 FROM file WHERE sha256 = $1 LIMIT 1", (sha,)
        if not rows:
            gone.append(sha)
    return gone
