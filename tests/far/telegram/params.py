"""The arguments of a call: JSON, a form, or a query string, where numbers and lists may all come as text."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson
from aiohttp import web

from tests.far.telegram.refusal import bad_request


class Attached(NamedTuple):
    """A file that came with a call."""

    name: str
    mime: str
    content: bytes


class Params:
    """Arguments by name. Each getter raises the 400 that a wrong one earns."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.given = given

    def number(self, name: str, default: int = 0) -> int:
        value = self.given.get(name, default)
        try:
            return int(value)
        except (TypeError, ValueError):
            raise bad_request(f"parameter {name} must be a number") from None

    def text(self, name: str) -> str:
        value = self.given.get(name, "")
        if not isinstance(value, str):
            raise bad_request(f"parameter {name} must be a string")
        return value

    def flag(self, name: str) -> bool:
        return self.given.get(name) in (True, "true", "True", "1", 1)

    def data(self, name: str, kind: type) -> Any:
        """A list or an object; nothing when absent."""
        value = self.given.get(name)
        if isinstance(value, str) and value:
            try:
                value = orjson.loads(value)
            except orjson.JSONDecodeError:
                raise bad_request(f"can't parse {name}") from None
        if value in (None, ""):
            return None
        if not isinstance(value, kind):
            raise bad_request(f"can't parse {name}")
        return value


async def read(request: web.Request) -> Params:
    """Raises the 400 that a body in no known form earns."""
    if request.content_type == "application/json":
        try:
            given = orjson.loads(await request.read() or b"{}")
        except orjson.JSONDecodeError:
            raise bad_request("can't parse JSON object") from None
        if not isinstance(given, dict):
            raise bad_request("can't parse JSON object")
        return Params(given)
    form = await request.post() if request.method == "POST" else {}
    return Params({**request.query, **{name: _read(value) for name, value in form.items()}})


def _read(value: Any) -> Any:
    if isinstance(value, web.FileField):
        with value.file as file:
            return Attached(value.filename, value.content_type, file.read())
    return value
