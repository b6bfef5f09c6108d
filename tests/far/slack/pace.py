"""Slack's limit on posting, when a test switches it on: so many in so many seconds for each channel."""

import math
import time
from collections import defaultdict, deque
from collections.abc import Callable

from tests.far.slack.refusal import Refusal


class Pace:
    """A sliding window for each channel."""

    def __init__(self) -> None:
        self.now: Callable[[], float] = time.monotonic
        self.channel: tuple[int, float] | None = None
        self._sent: defaultdict[str, deque[float]] = defaultdict(deque)

    def check(self, channel: str) -> None:
        """Raises the 429 that a call now earns; else counts it."""
        if self.channel is None:
            return
        count, seconds = self.channel
        now, sent = self.now(), self._sent[channel]
        while sent and sent[0] <= now - seconds:
            sent.popleft()
        if len(sent) >= count:
            raise Refusal("ratelimited", retry_after=max(1, math.ceil(sent[0] + seconds - now)))
        sent.append(now)
