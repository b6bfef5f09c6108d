"""What Slack sends, on its way to the gate: read, written down, and only then acknowledged by returning."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec

from adapters.slack.actions import Actions
from adapters.slack.assistant import Assistant
from adapters.slack.events import Drop, Events
from adapters.slack.wire import Envelope
from gateway.adapter import Gate
from gateway.errors import SendError
from gateway.mending import loads
from gateway.message import Inbound

Found = Inbound | Drop


class Intake:
    """One channel's. Raises `StorageDown` when something could not be written: then nothing may be acknowledged."""

    def __init__(self, gate: Gate, events: Events, actions: Actions, assistant: Assistant) -> None:
        self._gate, self._events, self._actions, self._assistant = gate, events, actions, assistant

    async def event(self, data: Mapping[str, Any]) -> Found | None:
        """An event's meaning; nothing where it is not even an envelope."""
        try:
            envelope = msgspec.convert(data, Envelope)
        except msgspec.ValidationError:
            return None
        if envelope.type == "app_rate_limited":
            self._gate.health("up", "Slack holds events back: the app had more than 30,000 in an hour")
            return Drop((f"app_rate_limited:{envelope.minute_rate_limited}",), envelope.team_id or "", "service")
        return await self._events.read(envelope)

    async def slash(self, form: Mapping[str, Any]) -> Found:
        return await self._actions.slash(form)

    async def interactive(self, data: Mapping[str, Any]) -> Found:
        return await self._actions.interactive(data)

    async def take(self, batch: list[tuple[Found, bytes]]) -> None:
        """All of it is on disk, or on record as dropped, when this returns."""
        taken = [(found, raw) for found, raw in batch if isinstance(found, Inbound)]
        drops = [found for found, _ in batch if isinstance(found, Drop)]
        if taken:
            await self._gate.receive_all(taken)
        for drop in drops:
            await self._gate.drop(drop.ids, drop.account, drop.reason)
        for drop in drops:
            if drop.started is not None:
                with suppress(SendError):  # the suggestions do not matter
                    await self._assistant.greet(drop.account, drop.started)


def parse(raw: bytes) -> dict[str, Any] | None:
    """A JSON object; nothing when the bytes are none."""
    data = loads(raw)
    return data if isinstance(data, dict) else None
