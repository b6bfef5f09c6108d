"""What becomes of an entry that cannot be answered now, or not at all."""

from gateway.backoff import backoff
from gateway.inbox import Entry


class Later(Exception):
    """This entry cannot be answered now. `failed` and `refused` count it as the bot's failure, or as ours."""

    def __init__(self, wait: float, error: str = "", *, failed: int = 0, refused: int = 0) -> None:
        super().__init__(error)
        self.wait, self.error, self.failed, self.refused = wait, error, failed, refused


class Buried(Exception):
    """This entry will not be answered any more: an apology, and a dead letter."""

    def __init__(self, reason: str, error: str) -> None:
        super().__init__(error)
        self.reason, self.error = reason, error


def refused(entry: Entry, error: Exception, attempts: int) -> Later | Buried:
    """After a fault of our own: told apart from the bot's, and tried again for a while."""
    refusals = entry.refusals + 1
    detail = f"{type(error).__name__}: {error}"
    if refusals >= attempts:
        return Buried("poison", detail)
    return Later(backoff(refusals), detail, refused=1)
