"""Lists come in pages: so many at a time, and a cursor that says where the next one begins."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import orjson

from gateway.errors import Problem

R = TypeVar("R")

USUAL = 50
MOST = 500


class Page(NamedTuple):
    """`limit` rows after a place in the list's own order. The place is what the list made its cursor from."""

    limit: int = USUAL
    after: tuple[Any, ...] | None = None


def page(limit: int = USUAL, cursor: str = "", shape: Sequence[type] = ()) -> Page:
    """The page that a caller asks for. Raises `Problem` for a cursor that this list has not given out."""
    if not 1 <= limit <= MOST:
        raise Problem(400, "bad_limit", f"limit is between 1 and {MOST}")
    if not cursor:
        return Page(limit)
    try:
        place = orjson.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        place = None
    if not isinstance(place, list) or [type(part) for part in place] != list(shape) or not _storable(place):
        raise Problem(400, "bad_cursor", "the cursor is not one that this list has given: begin again without it")
    return Page(limit, tuple(place))


def _storable(place: Sequence[Any]) -> bool:
    return all(abs(part) < 1 << 63 for part in place if isinstance(part, int))


def paged(
    name: str, rows: Sequence[R], at: Page, place: Callable[[R], Sequence[Any]], shown: Callable[[R], Any]
) -> dict[str, Any]:
    """One page as JSON: `{name: [...], "next": cursor or null}`. Of the rows one may be beyond the page."""
    kept = rows[: at.limit]
    after = _cursor(place(kept[-1])) if len(rows) > at.limit else None
    return {name: [shown(row) for row in kept], "next": after}


def _cursor(place: Sequence[Any]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(list(place))).rstrip(b"=").decode()


class Where:
    """Conditions of a list, as SQL with its arguments."""

    def __init__(self) -> None:
        self._conditions: list[str] = []
        self.arguments: list[Any] = []

    def add(self, condition: str, *values: Any) -> None:
        """One more condition that must hold; each `?` in it stands for one of the values."""
        for value in values:
            self.arguments.append(value)
            condition = condition.replace("?", f"${len(self.arguments)}", 1)
        self._conditions.append(condition)

    def take(self, value: Any) -> str:
        """A value that stands elsewhere in the statement."""
        self.arguments.append(value)
        return f"${len(self.arguments)}"

    def __str__(self) -> str:
        return " AND ".join(self._conditions) or "1 = 1"
