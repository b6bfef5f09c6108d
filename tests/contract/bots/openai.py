"""A language model's API."""

from typing import Any, ClassVar

from tests.contract import backend
from tests.far.backend import Model, as_events, as_json, as_text, chunk, completion, fails

FAULTS: dict[str, Any] = {
    "500": fails(500),
    "503": fails(503, Retry_After="7"),
    "429": fails(429),
    "401": fails(401, '{"error":{"message":"wrong key"}}'),
    "404": fails(404, "<html>"),
    "no JSON": as_text("{", "application/json"),
    "no choices": as_json({"choices": []}),
    "an error in a stream": as_events({"error": {"message": "overloaded"}}),
    "no reason to end": completion("half", finish=None),
    "cut before its end": completion("half", done=False, end="reset"),
    "a stream cut": as_events(chunk({"content": "half"}), done=False, end="cut"),
    "a stream that just ends": as_events(chunk({"content": "half"}), done=False),
    "a picture": as_text("PNG", "image/png"),
}


class Backend(backend.Backend):
    faults: ClassVar[tuple[str, ...]] = tuple(FAULTS)

    def __init__(self) -> None:
        self.far = Model()

    async def start(self) -> None:
        await self.far.__aenter__()

    async def stop(self) -> None:
        await self.far.__aexit__()

    def options(self) -> dict[str, Any]:
        return {"base_url": self.far.url, "model": "llama", "key": "the-key-of-the-model"}

    def fail(self, fault: str) -> None:
        self.far.plan(FAULTS[fault])
