"""The web channel as a test holds it: made alone, asked for its pages."""

from typing import Any, cast

from adapters.web import Adapter
from gateway.adapter import Call, Reply
from tests.recording_gate import RecordingGate


def channel(public_url: str = "https://chat.example.org", **options: Any) -> Adapter:
    gate = RecordingGate(cast(Any, None), public_url)
    return Adapter("site", Adapter.Options.model_validate({"path": "/site", **options}), gate)


async def get(adapter: Adapter, path: str, method: str = "GET", **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await adapter.handle(Call(method, path, {}, named, b"", "127.0.0.1"))
