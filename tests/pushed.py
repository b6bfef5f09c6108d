"""`platform: tests.pushed`: a platform whose webhooks are shown back to whoever sends them."""

import asyncio
from typing import Any, ClassVar

import msgspec

from gateway import adapter
from gateway.adapter import Call, Limits, Reply
from gateway.errors import StorageDown
from gateway.message import Part
from gateway.options import Options

held = asyncio.Event()
"""Whoever asks with `x-fail: slow` waits for it."""


class PushedOptions(Options):
    """None."""


class Adapter(adapter.Adapter):
    Options: ClassVar[type[Options]] = PushedOptions
    limits: ClassVar[Limits] = Limits(body=64 * 1024)
    parting: ClassVar[asyncio.Event | None] = None  # what its end waits for

    async def close(self) -> None:
        if self.parting is not None:
            await self.parting.wait()

    async def handle(self, call: Call) -> Reply:
        fail = call.query.get("fail") or call.headers.get("x-fail")
        if fail == "storage":
            raise StorageDown("the disk is full")
        if fail == "bug":
            raise ZeroDivisionError("ZeroDivision")
        if fail == "gone":
            raise ConnectionResetError("it was cut")
        if fail == "slow":
            await held.wait()
        shown: dict[str, Any] = {name: getattr(call, name) for name in ("method", "path", "query", "headers", "peer")}
        try:
            return Reply(body=msgspec.json.encode({**shown, "body": list(call.body[:100])}))
        except UnicodeEncodeError:
            return Reply(401)

    async def send(self, part: Part) -> str:
        return part.id
