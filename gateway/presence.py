"""What the user sees while an answer is being made: that somebody is typing, and where possible the text itself.

Nothing here matters for the answer: every failure is ignored.
"""

import asyncio
from contextlib import suppress

from gateway.access import private
from gateway.channel import Channel
from gateway.corridor import Corridor
from gateway.draft import Draft, draft
from gateway.errors import SendError
from gateway.markup import heal
from gateway.message import Turn
from gateway.running import Running

PROGRESS_EVERY = 5.0  # seconds
DRAFT_EVERY = 1.2  # seconds between two previews of one answer


class Presence:
    """Shown for one turn."""

    def __init__(self, corridor: Corridor, channel: Channel, running: Running, turn: Turn) -> None:
        self._c, self._channel, self._running, self._turn = corridor, channel, running, turn
        self._text = self._shown = ""
        self._is_progress = False
        self._told_at: float | None = None
        self._typing: asyncio.Task[None] | None = None
        self._drafting: asyncio.Task[None] | None = None
        self._draft: Draft | None = None

    def type(self) -> None:
        """It takes a while: from now on the user sees that somebody is typing."""
        if self._channel.settings.stream.typing and self._channel.limits.typing and self._channel.sends:
            self._typing = self._c.tasks.start(self._keep_typing(), "typing")

    def show(self, text: str, *, progress: bool = False) -> None:
        """The text so far, or a word in its place; at most one preview is on its way at a time."""
        self._text, self._is_progress = text, progress
        if self._drafting is None and (self._channel.limits.draft or self._channel.limits.edit):
            self._draft = draft(self._c, self._channel, self._running, self._turn)
            self._drafting = self._c.tasks.start(self._keep_drafting(self._draft), "draft")

    def progress(self, text: str) -> bool:
        """Whether a word on how far it is may be shown now: at most one is in `PROGRESS_EVERY`."""
        now = self._c.clock.tick()
        if self._told_at is not None and now - self._told_at < PROGRESS_EVERY:
            return False
        self._told_at = now
        self.show(text, progress=True)
        return True

    async def end(self) -> None:
        """Nothing is shown any more when this returns. It waits only for a message that is just being edited."""
        for task in (self._typing, self._drafting):
            if task is not None:
                task.cancel()
        self._typing = self._drafting = None  # how they ended leads back here
        if self._draft is not None:
            await self._draft.settle()

    async def _keep_typing(self) -> None:
        while True:
            with suppress(SendError):
                await self._channel.adapter.typing(self._turn.message.address)
            await self._c.clock.sleep(self._channel.limits.typing)

    async def _keep_drafting(self, draft: Draft | None) -> None:
        inbound, clock, looked = self._turn.message, self._c.clock, self._c.clock.tick()
        with suppress(SendError):
            # Who was stopped for so long may have lost the turn to somebody else, whose answer stands there by now.
            while draft is not None and self._c.sure(looked):
                looked = clock.tick()
                if self._text != self._shown and self._channel.meter.spare(inbound.address.chat, not private(inbound)):
                    self._shown = self._text
                    await draft.show(heal(self._shown), progress=self._is_progress)
                await clock.sleep(DRAFT_EVERY)
