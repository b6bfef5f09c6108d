"""A turn in flight, and the ways in which it may be interrupted."""

import asyncio
from typing import Literal

from gateway.asking import Answer
from gateway.inbox import Envelope

Interruption = Literal["superseded", "cancelled", "drain", "fenced"]


class Running:
    """One turn being answered. It can be interrupted only while its bot is asked: what comes after is a commit."""

    def __init__(self, envelope: Envelope) -> None:
        self.envelope = envelope
        self.answer = Answer()
        self.interrupted: Interruption | None = None
        self._asking: asyncio.Task[None] | None = None

    def interrupt(self, how: Interruption) -> None:
        if self.interrupted is None:
            self.interrupted = how
            if self._asking is not None:
                self._asking.cancel()

    def __enter__(self) -> None:
        self._asking = asyncio.current_task()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        """Swallows the cancellation that an interruption caused, and no other."""
        task, self._asking = self._asking, None
        if kind is asyncio.CancelledError and self.interrupted is not None and task is not None:
            task.uncancel()
            return True
        return False
