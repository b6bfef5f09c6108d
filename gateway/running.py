"""A turn in flight, and the ways in which it may be interrupted."""

import asyncio
from collections.abc import Callable
from typing import Literal

from gateway.alarms import Alarm, Alarms
from gateway.asking import Answer
from gateway.channel import Channel
from gateway.inbox import Envelope
from gateway.post import Load

SOON = 0.4  # seconds; an answer that is quicker needs no sign that it is coming

Interruption = Literal["superseded", "cancelled", "drain", "fenced", "late"]


class Running:
    """One turn being answered. It can be interrupted only while its bot is asked: what comes after is a commit.

    A turn that is settled is not asked about: nothing is left in it that a bot could answer. One that turned out not
    to be addressed leaves nothing behind.
    """

    settled = False
    unaddressed = False
    asked = ""  # the bot that is asked: that of the lane, or one that stands in for it

    task: asyncio.Task[None] | None = None  # in which it is answered

    def __init__(self, envelope: Envelope, alarms: Alarms, since: float) -> None:
        self.envelope, self._alarms = envelope, alarms
        self.since = since  # when its lease was taken or prolonged (monotonic seconds)
        self.answer = Answer()
        self.interrupted: Interruption | None = None
        self.draft = ""  # the platform's id of the message in which its answer is shown
        self.heard = 0  # up to where the bot was told what was said around the message
        self.load: tuple[Channel, Load] | None = None  # the first part of its answer, taken to be sent
        self._asking = False
        self._alarm: Alarm | None = None
        self._soon: Callable[[], None] | None = None

    def within(self, seconds: float, soon: Callable[[], None]) -> "Running":
        """Used with `with`: what runs there may be interrupted, and is when it takes longer than that. `soon` is called
        once it has taken `SOON`.
        """
        self._left, self._soon = seconds - SOON, soon
        self._alarm = self._alarms.set(min(SOON, seconds), self._ring)
        return self

    def _ring(self) -> None:
        if self._left <= 0 or self._soon is None:
            self.interrupt("late")
        else:
            self._soon()
            self._soon, self._alarm = None, self._alarms.set(self._left, self._ring)

    def interrupt(self, how: Interruption) -> None:
        if self.interrupted is None:
            self.interrupted = how
            if self._asking and self.task is not None:
                self.task.cancel()

    def __enter__(self) -> None:
        self._asking = True

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        """Swallows the cancellation that an interruption caused, and no other."""
        self._asking = False
        if self._alarm is not None:
            self._alarms.cancel(self._alarm)
        # Both lead back here: a turn that nobody needs any more is to go by itself, not when somebody sweeps.
        self._alarm = self._soon = None
        if kind is asyncio.CancelledError and self.interrupted is not None and self.task is not None:
            self.task.uncancel()
            return True
        return False
