"""Words that address the bot besides its name, as the operator listed them. What people write decides how long a
pattern takes: a message is given up on after 10 ms, and counts as not addressed.
"""

from collections.abc import Sequence

import regex
import structlog

PATIENCE = 0.01  # seconds for all patterns of a message together
LONGEST = 8_000  # characters of a message that are looked at
_EVERYONE = regex.compile(r"(?<![\w@])@(everyone|here|channel|all)(?!\w)", regex.IGNORECASE)

log = structlog.get_logger()


class Mentions:
    """The mention words of one group."""

    def __init__(self, patterns: Sequence[str], everyone: bool) -> None:
        compiled = [regex.compile(pattern, regex.IGNORECASE) for pattern in patterns]
        self._patterns = [*compiled, _EVERYONE] if everyone else compiled
        self._slow = False

    def found(self, text: str) -> bool:
        """Whether one of them stands in a text."""
        if not self._patterns:
            return False
        text, patience = text[:LONGEST], PATIENCE / len(self._patterns)
        return any(self._search(pattern, text, patience) for pattern in self._patterns)

    def _search(self, pattern: "regex.Pattern[str]", text: str, patience: float) -> bool:
        try:
            return pattern.search(text, timeout=patience) is not None
        except TimeoutError:
            if not self._slow:  # once is enough to have it looked at; everybody can cause it again and again
                self._slow = True
                log.warning("mention.slow", pattern=pattern.pattern)
            return False
