"""What the log is about: a task says once on which entry it works, and every line written from there carries that."""

from collections.abc import Callable
from contextvars import ContextVar

import msgspec


class Subject(msgspec.Struct, frozen=True, gc=False):
    """`trace` is the turn's id: the same from the door to the last part of the answer."""

    channel: str
    session: str = ""
    entry: int = 0
    attempt: int = 0
    trace: str = ""


subject: ContextVar[Subject | None] = ContextVar("subject", default=None)

sure: ContextVar[Callable[[], bool]] = ContextVar("sure", default=lambda: True)
"""Asked before every request to a platform: whether what is being sent may still be sent by us."""


def sending(channel: str, attempt: int, trace: str) -> None:
    """A part of a turn's answer is being sent; where the task began with that turn, its session is known."""
    before = subject.get()
    known = before if before is not None and before.trace == trace else Subject(channel, trace=trace)
    subject.set(Subject(known.channel, known.session, known.entry, attempt, trace))
