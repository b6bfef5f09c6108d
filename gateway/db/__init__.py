"""The store: one SQL text for every transaction, one runner for each database.

A transaction is a generator. It yields `(sql, arguments)`, is handed the rows as a list of tuples, and returns its
result. It touches nothing but its arguments and the database, because a runner may have to run it again: when one
member of a group commit fails, the members are run again one by one. Parameters are written `$1`, `$2`, ...
What others may be changing is marked where it is read: `/*FOR UPDATE*/` locks it on a database with several writers,
and is a comment to the one that has a single writer.
Which ones a runner may run in step, statement by statement, is said with `about`.
`RETURNING 1` asks how many rows were changed, `RETURNING id` after the VALUES of one row for its number: a runner may
have a cheaper way to know.
"""

from collections.abc import Awaitable, Callable, Generator, Hashable, Mapping
from pathlib import Path
from typing import Any, ParamSpec, Protocol, TypeVar

from gateway.clock import Clock

T = TypeVar("T")
P = ParamSpec("P")

Step = tuple[str, tuple[Any, ...]]
Rows = list[tuple[Any, ...]]
Tx = Generator[Step, Rows, T]

MIGRATIONS = Path(__file__).parent / "migrations"


_subjects: dict[Callable[..., Any], Callable[..., Hashable]] = {}


def about(subject: Callable[P, Hashable]) -> Callable[[Callable[P, Tx[T]]], Callable[P, Tx[T]]]:
    """Say from a transaction's arguments what it is about, None where that cannot be said.

    Two calls about different things do nothing to each other that they may not do at the same time on two connections,
    and neither reads under a lock what the other writes.
    """

    def said(tx: Callable[P, Tx[T]]) -> Callable[P, Tx[T]]:
        _subjects[tx] = subject
        return tx

    return said


def subject(tx: Callable[..., Tx[Any]], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Hashable:
    """What a call of a transaction is about, as far as that is known."""
    said = _subjects.get(tx)
    return None if said is None else said(*args, **kwargs)


class Database(Protocol):
    """What the core knows of its store."""

    @property
    def clock(self) -> Clock:
        """The clock that all who work on it go by."""

    def write(self, tx: Callable[P, Tx[T]], *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        """Run a transaction; it is on stable storage when this is done. Raises `StorageDown`, or what `tx` raised.

        Cancelling the caller does not cancel the write.
        """

    async def read(self, tx: Callable[P, Tx[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a transaction that only reads; it sees everything committed before the call."""

    async def close(self) -> None: ...


def migrations() -> list[tuple[int, str]]:
    """The numbered steps of the schema, oldest first: (number, SQL)."""
    return sorted((int(file.name.split("_")[0]), file.read_text("utf-8")) for file in MIGRATIONS.glob("*.sql"))
