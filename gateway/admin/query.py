"""What an operator asks for, in the query or in a JSON body: named, bounded, and nothing else."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from gateway import units
from gateway.errors import Problem
from gateway.operations.page import USUAL, Page, page

LONGEST = 1_000  # characters of one value
LARGEST_ID = 1 << 62


class Query:
    """Values by name. What is not read by the end is a mistake of the caller's."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = dict(values)

    def text(self, name: str, default: str = "", *, longest: int = LONGEST) -> str:
        value = self._values.pop(name, None)
        if value is None:
            return default
        if not isinstance(value, str):
            raise Problem(400, "bad_parameter", f"{name} must be text")
        if len(value) > longest:
            raise Problem(400, "bad_parameter", f"{name} may have at most {longest} characters")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Problem(400, "bad_parameter", f"{name} is no valid text") from None
        return value

    def data(self, name: str) -> Any:
        """A value of any shape, as only a JSON body can hold it; None when it was not given."""
        return self._values.pop(name, None)

    def choice(self, name: str, choices: Iterable[str], default: str = "") -> str:
        """One of a few words."""
        value = self.text(name, default)
        allowed = list(choices)
        if value and value not in allowed:
            raise Problem(400, "bad_parameter", f"{name} is one of {', '.join(allowed)}")
        return value

    def number(self, name: str, default: int, least: int, most: int) -> int:
        value = self.text(name)
        if not value:
            return default
        if not value.isascii() or not value.removeprefix("-").isdigit() or not least <= _number(value) <= most:
            raise Problem(400, "bad_parameter", f"{name} is a number from {least} to {most}")
        return int(value)

    def duration(self, name: str) -> int | None:
        """A duration such as `30m`, in ms."""
        value = self.text(name)
        if not value:
            return None
        try:
            return round(units.duration(value) * 1000)
        except ValueError as error:
            raise Problem(400, "bad_parameter", f"{name}: {error}") from None

    def page(self, shape: Sequence[type]) -> Page:
        """`limit` and `cursor`."""
        limit = self.number("limit", USUAL, -LARGEST_ID, LARGEST_ID)
        return page(limit, self.text("cursor"), shape)

    def done(self) -> None:
        """Nothing else may have been given. Raises `Problem`."""
        if self._values:
            odd = ", ".join(sorted(str(name)[:40] for name in self._values)[:5])
            raise Problem(400, "unknown_parameter", f"not known here: {odd}")


class Asked(NamedTuple):
    """One request: the values of the route's `{names}`, and what was given beside them."""

    names: Mapping[str, str]
    query: Query


def entry_number(text: str) -> int:
    """The number of an entry. Raises `Problem` 404 for what is none."""
    if text.isascii() and text.isdigit() and _number(text) < LARGEST_ID:
        return int(text)
    raise Problem(404, "entry_unknown", "there is no such entry")


def _number(text: str) -> int:
    return int(text) if len(text) < 25 else LARGEST_ID + 1
