"""Transactions in step: what several of them ask for with the same words goes to the server at once.

To ask and to hear costs many times what the server does meanwhile, on both sides.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from gateway.db import Rows, Step, Tx
from gateway.db.postgres_rows import rows_of_each


class Several(Exception):
    """A transaction has more statements than it may have here."""


async def in_step(
    connection: Any, txs: Sequence[Tx[Any]], dialect: Callable[[str], str], *, once: bool = False
) -> list[Any]:
    """Drive transactions, about different things each, to their ends. Returns their results in the same order.

    With `once` none may have more than one statement. Raises `Several`, or what the server or one of them raised.
    """
    results: list[Any] = [None] * len(txs)
    asked: dict[int, Step] = {}

    def go_on(place: int, rows: Rows | None) -> None:
        try:
            asked[place] = next(txs[place]) if rows is None else txs[place].send(rows)
        except StopIteration as end:
            results[place] = end.value

    for place in range(len(txs)):
        go_on(place, None)
    while asked:
        alike: defaultdict[str, list[int]] = defaultdict(list)
        for place, (sql, _) in asked.items():
            alike[sql].append(place)
        steps, asked = asked, {}
        for sql, places in alike.items():
            found = await rows_of_each(connection, dialect(sql), [steps[place][1] for place in places])
            for place, rows in zip(places, found, strict=True):
                go_on(place, rows)
        if once and asked:
            raise Several
    return results
