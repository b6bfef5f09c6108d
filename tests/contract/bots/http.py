"""A backend over HTTP."""

from typing import Any, ClassVar

from tests.contract import backend
from tests.far import backend as far
from tests.far.backend import Call, Reply, as_events, as_json, as_text, fails

FAULTS: dict[str, Any] = {
    "500": fails(500),
    "503": fails(503, Retry_After="7"),
    "429": fails(429, Retry_After="soon"),
    "404": fails(404),
    "moved": fails(302, Location="http://127.0.0.1:1/"),
    "no JSON": as_text("{", "application/json"),
    "deep": as_text("[" * 100_000, "application/json"),
    "another form": as_json([1, 2]),
    "of the wrong type": as_json({"messages": {"text": 7}}),
    "invalid UTF-8": Reply([b'{"text":"\xff"}']),
    "a picture": Reply([b"\x89PNG"], "image/png"),
    "compressed": Reply([b"\x1f\x8b"], headers={"Content-Encoding": "gzip"}),
    "2 MB": as_json({"text": "x" * 2_000_000}),
    "cut": as_json({"text": "half"}, end="cut"),
    "reset": as_json({"text": "half"}, end="reset"),
    "a stream cut": as_events({"delta": "half"}, done=False, end="cut"),
    "a stream that just ends": as_events({"delta": "half"}, done=False),
    "a stream of nonsense": as_text("data: {\n\n", "text/event-stream"),
}


class Backend(backend.Backend):
    faults: ClassVar[tuple[str, ...]] = tuple(FAULTS)

    def __init__(self) -> None:
        self.far = far.Backend(self.answer)
        self.count = 0

    def answer(self, call: Call) -> Any:
        """Now whole, now in a stream."""
        self.count += 1
        text = f"You said: {call.document['message']['text']}"
        return (
            {"text": text}
            if self.count % 2
            else as_events({"progress": "hm"}, {"delta": text[:8]}, {"delta": text[8:]})
        )

    async def start(self) -> None:
        await self.far.__aenter__()

    async def stop(self) -> None:
        await self.far.__aexit__()

    def options(self) -> dict[str, Any]:
        return {"url": self.far.url, "secret": "the-secret-that-signs-each-turn"}

    def fail(self, fault: str) -> None:
        self.far.plan(FAULTS[fault])
