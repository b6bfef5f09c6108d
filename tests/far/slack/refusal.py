"""Slack's "no"."""

from typing import Any


class Refusal(Exception):
    """`{"ok": false}` with a word, and with HTTP's 429 when there were too many calls."""

    def __init__(self, error: str, *, retry_after: int = 0, **more: Any) -> None:
        super().__init__(error)
        self.error, self.retry_after, self.more = error, retry_after, more

    def answer(self) -> dict[str, Any]:
        return {"ok": False, "error": self.error, **self.more}
