"""Telegram's limits on sending, when a test switches them on."""

import math
from collections import defaultdict, deque
from collections.abc import Callable

from tests.far.telegram.refusal import throttled

Window = tuple[int, float]
"""So many in so many seconds."""


class Pace:
    """Sliding windows: over the whole account, per private chat, per group."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.account: Window | None = None
        self.chat: Window | None = None
        self.group: Window | None = None
        self._sent: dict[str | int, deque[float]] = defaultdict(deque)

    def check(self, chat: int) -> None:
        """Raises the 429 that a call now earns; else counts it."""
        now = self.now()
        checked: list[tuple[str | int, Window | None]] = [("account", self.account), (chat, self.chat)]
        if chat < 0:
            checked.append((f"group {chat}", self.group))
        for key, window in checked:
            if window:
                self._check(key, window, now)
        for key, window in checked:
            if window:
                self._sent[key].append(now)

    def _check(self, key: str | int, window: Window, now: float) -> None:
        count, seconds = window
        sent = self._sent[key]
        while sent and sent[0] <= now - seconds:
            sent.popleft()
        if len(sent) >= count:
            raise throttled(max(1, math.ceil(sent[0] + seconds - now)))
