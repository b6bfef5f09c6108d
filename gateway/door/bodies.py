"""Bodies of the public API: JSON objects, and nothing that a form of another site could send."""

from typing import Any

from aiohttp import web

from gateway.door.house import House
from gateway.errors import Problem
from gateway.ingress.depth import json_object


async def read_object(house: House, request: web.BaseRequest) -> dict[str, Any]:
    """The JSON object of a request, {} for none. Raises `Problem`."""
    if not request.body_exists:
        return {}
    if _media_type(request) != "application/json" and request.content_length != 0:
        raise Problem(415, "unsupported_media_type", "send JSON, with Content-Type: application/json")
    return json_object(await house.bodies.read(request, house.settings.server.max_body))


def _media_type(request: web.BaseRequest) -> str:
    return request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
