"""The fault script: what goes wrong with the next calls, and how."""

from dataclasses import dataclass
from typing import Any, Literal

from tests.far.telegram.refusal import Refusal, throttled

How = Literal["reset", "hang", "html", "accept_then_hang", "accept_then_reset", "accept_then_cut"]
"""What happens instead of an answer; after `accept_then_` the call took effect all the same."""

_SENTENCES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden: bot was blocked by the user",
    404: "Not Found",
    409: "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
}


@dataclass
class Fault:
    """One line of the script: after `after` that go well, `times` calls of `method` (in `chat`) go wrong."""

    method: str
    how: int | How
    times: int = 1
    chat: int | None = None
    retry_after: int = 0
    description: str = ""
    migrate_to_chat_id: int = 0
    after: int = 0

    def refusal(self) -> Refusal | None:
        """The answer, when it is one of the Bot API's own."""
        if not isinstance(self.how, int):
            return None
        if self.how == 429:
            return throttled(self.retry_after or 1)
        parameters: dict[str, Any] = {}
        if self.migrate_to_chat_id:
            parameters["migrate_to_chat_id"] = self.migrate_to_chat_id
        return Refusal(self.how, self.description or _SENTENCES.get(self.how, "Error"), **parameters)


class Script:
    """Faults in the order they were asked for; each is used up, then calls go well again."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self._faults.append(fault)

    @property
    def unused(self) -> list[Fault]:
        """Those that have not been met yet."""
        return list(self._faults)

    def clear(self) -> None:
        self._faults.clear()

    def take(self, method: str, chat: int | None) -> Fault | None:
        for fault in self._faults:
            if fault.method in (method, "*") and fault.chat in (None, chat):
                if fault.after:
                    fault.after -= 1
                    continue
                fault.times -= 1
                if not fault.times:
                    self._faults.remove(fault)
                return fault
        return None
