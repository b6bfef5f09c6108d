"""The fault script: what goes wrong with the next calls, and how."""

from dataclasses import dataclass
from typing import Literal

from tests.far.whatsapp.refusal import Refusal

How = Literal["reset", "hang", "html", "accept_then_hang", "accept_then_reset", "accept_then_cut"]
"""What happens instead of an answer; after `accept_then_` the call took effect all the same."""


@dataclass
class Fault:
    """One line of the script: after `after` that go well, `times` calls (to `to`) go wrong, by a code or a `How`."""

    method: str
    how: int | How
    times: int = 1
    to: str = ""
    details: str = ""
    retry_after: int = 0
    after: int = 0

    def refusal(self) -> Refusal | None:
        """The answer, when it is one of the Graph API's own."""
        if not isinstance(self.how, int):
            return None
        return Refusal(self.how, self.details, retry_after=self.retry_after)


class Script:
    """Faults in the order they were asked for; each is used up, then calls go well again."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self._faults.append(fault)

    def clear(self) -> None:
        self._faults.clear()

    def take(self, method: str, to: str) -> Fault | None:
        for fault in self._faults:
            if fault.method in (method, "*") and fault.to in ("", to):
                if fault.after:
                    fault.after -= 1
                    continue
                fault.times -= 1
                if not fault.times:
                    self._faults.remove(fault)
                return fault
        return None
