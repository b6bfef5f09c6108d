"""`platform: tests.pushed`: a platform whose webhooks are shown back to whoever sends them."""

from typing import Any, ClassVar

import msgspec

from gateway import adapter
from gateway.adapter import Call, Limits, Reply
from gateway.errors import StorageDown
from gateway.message import Part
from gateway.options import Options


class PushedOptions(Options):
    """None."""


class Adapter(adapter.Adapter):
    Options: ClassVar[type[Options]] = PushedOptions
    limits: ClassVar[Limits] = Limits(body=64 * 1024)

    async def handle(self, call: Call) -> Reply:
        if call.query.get("fail") == "storage":
            raise StorageDown("the disk is full")
        if call.query.get("fail") == "bug":
            raise ZeroDivisionError("ZeroDivision")
        shown: dict[str, Any] = {name: getattr(call, name) for name in ("method", "path", "query", "headers", "peer")}
        try:
            return Reply(body=msgspec.json.encode({**shown, "body": list(call.body[:100])}))
        except UnicodeEncodeError:
            return Reply(401)

    async def send(self, part: Part) -> str:
        return part.id
