"""The arguments of a call: JSON, a form, or a query string, where numbers and lists may all come as text."""

from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

from tests.far.slack.refusal import Refusal


class Params:
    """Arguments by name. Each getter raises the refusal that a wrong one earns."""

    def __init__(self, given: Mapping[str, Any], token: str) -> None:
        self.given, self.token = given, token

    def text(self, name: str, *, needed: bool = False) -> str:
        value = self.given.get(name, "")
        if not isinstance(value, str) or (needed and not value):
            raise Refusal("invalid_arguments", response_metadata={"messages": [f"[ERROR] {name}"]})
        return value

    def number(self, name: str) -> int:
        try:
            return int(self.given.get(name, 0))
        except (TypeError, ValueError):
            raise Refusal("invalid_arguments") from None

    def data(self, name: str) -> Any:
        """A list or an object, as JSON or as its text; nothing when absent."""
        value = self.given.get(name)
        if isinstance(value, str) and value:
            try:
                return orjson.loads(value)
            except orjson.JSONDecodeError:
                raise Refusal("invalid_arguments") from None
        return value or None


async def read(request: web.Request) -> Params:
    """Raises the refusal that a body in no known form earns."""
    bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if request.content_type == "application/json":
        try:
            given = orjson.loads(await request.read() or b"{}")
        except orjson.JSONDecodeError:
            raise Refusal("invalid_json") from None
        if not isinstance(given, dict):
            raise Refusal("json_not_object")
    else:
        given = {**request.query, **(await request.post() if request.method == "POST" else {})}
    return Params(given, bearer or str(given.get("token", "")))
