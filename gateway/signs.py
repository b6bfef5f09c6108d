"""Signs on a user's message of how its turn does: read, seen, done or failed. Each takes the place of the one before.

Nothing here matters for the answer: every failure is ignored.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Literal

from gateway.channel import Channel
from gateway.errors import SendError
from gateway.message import Inbound
from gateway.tasks import Tasks

_Key = tuple[str, str, str]
_Put = Callable[[], Coroutine[Any, Any, None]]


class Signs:
    """Puts signs, one after the other on each message."""

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks
        self._last: dict[_Key, asyncio.Task[None]] = {}

    def seen(self, channel: Channel, inbound: Inbound) -> None:
        """A bot is asked about this message now."""
        stream, limits = channel.settings.stream, channel.limits
        if limits.receipts and stream.read and inbound.ref:
            self._put(channel, inbound, lambda: channel.adapter.read(inbound.address, inbound.ref))
        if limits.reactions and stream.ack.seen:
            self._react(channel, inbound, stream.ack.seen)

    def over(self, channel: Channel, inbound: Inbound, how: Literal["done", "failed", "dropped"]) -> None:
        """Its turn has come to an end; what was dropped bears no sign."""
        ack = channel.settings.stream.ack
        if not channel.limits.reactions or not (ack.seen or ack.done or ack.failed):
            return
        sign = "" if how == "dropped" else getattr(ack, how)
        if sign or ack.seen:
            self._react(channel, inbound, sign)

    def _react(self, channel: Channel, inbound: Inbound, sign: str) -> None:
        if inbound.ref and _written(inbound):
            self._put(channel, inbound, lambda: channel.adapter.react(inbound.address, inbound.ref, sign))

    def _put(self, channel: Channel, inbound: Inbound, put: _Put) -> None:
        if not channel.sends:
            return
        key = channel.name, inbound.address.chat, inbound.ref
        before = self._last.get(key)
        task = self._last[key] = self._tasks.start(_after(before, put), "sign")
        task.add_done_callback(lambda done: self._forget(key, done))

    def _forget(self, key: _Key, task: asyncio.Task[None]) -> None:
        if self._last.get(key) is task:
            del self._last[key]


def _written(inbound: Inbound) -> bool:
    """Whether it is a message of the user's: a press is named by ours, which it stands below."""
    told = inbound.extra.get("button")
    return inbound.kind == "message" or (isinstance(told, dict) and not told.get("ref"))


async def _after(before: asyncio.Task[None] | None, put: _Put) -> None:
    if before is not None:
        await asyncio.wait([before])
    with suppress(SendError):
        await put()
