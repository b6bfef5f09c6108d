"""What the user sees while an answer is being made: that somebody is typing, and where possible the text itself.

Nothing here matters for the answer: every failure is ignored.
"""

import asyncio
from contextlib import suppress

from gateway.channel import Channel
from gateway.clock import Clock
from gateway.errors import SendError
from gateway.markup import heal
from gateway.message import Address, turn_key
from gateway.tasks import Tasks

PROGRESS_EVERY = 5.0  # seconds
DRAFT_EVERY = 1.2  # seconds between two previews of one answer


class Presence:
    """Shown for one turn."""

    def __init__(self, channel: Channel, address: Address, turn: str, clock: Clock, tasks: Tasks) -> None:
        self._channel, self._address, self._turn, self._clock, self._tasks = channel, address, turn, clock, tasks
        self._text = self._shown = ""
        self._told_at: float | None = None
        self._typing: asyncio.Task[None] | None = None
        self._drafting: asyncio.Task[None] | None = None

    def type(self) -> None:
        """It takes a while: from now on the user sees that somebody is typing."""
        if self._channel.settings.stream.typing and self._channel.limits.typing and self._channel.sends:
            self._typing = self._tasks.start(self._keep_typing(), "typing")

    def show(self, text: str) -> None:
        """The text so far; at most one preview is on its way at a time."""
        self._text = text
        if self._drafting is None and self._channel.limits.draft and self._channel.settings.stream.edit != "off":
            self._drafting = self._tasks.start(self._draft(), "draft")

    def progress(self) -> bool:
        """Whether a word on how far it is may be shown now: at most one is in `PROGRESS_EVERY`."""
        now = self._clock.tick()
        if self._told_at is not None and now - self._told_at < PROGRESS_EVERY:
            return False
        self._told_at = now
        return True

    def end(self) -> None:
        for task in (self._typing, self._drafting):
            if task is not None:
                task.cancel()

    async def _keep_typing(self) -> None:
        while True:
            with suppress(SendError):
                await self._channel.adapter.typing(self._address)
            await self._clock.sleep(self._channel.limits.typing)

    async def _draft(self) -> None:
        with suppress(SendError):
            while True:
                if self._text != self._shown:
                    self._shown = self._text
                    await self._channel.adapter.draft(self._address, turn_key(self._turn), heal(self._shown))
                await self._clock.sleep(DRAFT_EVERY)
