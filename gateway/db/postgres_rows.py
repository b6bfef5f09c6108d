"""What a statement finds on the server: for one set of arguments, or for many in one exchange."""

from collections.abc import Sequence
from typing import Any

from gateway.db import Rows
from gateway.db.postgres_dialect import numbered, values, widened

_fitted: dict[str, str] = {}  # statements as the server understands them best; there are a few hundred


async def rows_of(connection: Any, sql: str, args: tuple[Any, ...]) -> Rows:
    """What a statement, written for PostgreSQL, finds."""
    return [tuple(row) for row in await connection.fetch(await _fit(connection, sql), *values(args))]


async def rows_of_each(connection: Any, sql: str, many: Sequence[tuple[Any, ...]]) -> list[Rows]:
    """The same for several sets of arguments, which are run in this order."""
    if len(many) == 1:
        return [await rows_of(connection, sql, many[0])]
    found: list[Rows] = [[] for _ in many]
    fitted, finds = numbered(await _fit(connection, sql), len(many[0]) + 1)
    if finds:
        told = await connection.fetchmany(fitted, [(*values(args), place) for place, args in enumerate(many)])
        for *row, place in told:
            found[place].append(tuple(row))
    else:
        await connection.executemany(fitted, [values(args) for args in many])
    return found


async def _fit(connection: Any, sql: str) -> str:
    fitted = _fitted.get(sql)
    if fitted is None:
        prepared = await connection.prepare(sql)
        fitted = _fitted[sql] = widened(sql, [one.name for one in prepared.get_parameters()])
    return fitted
