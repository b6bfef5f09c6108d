"""The fault script: what goes wrong with the next calls, and how."""

from dataclasses import dataclass


@dataclass
class Fault:
    """After `after` that go well, `times` calls of `method` ("*": any) go wrong.

    `how` is an HTTP status, one of reset, hang, html, accept_then_reset, accept_then_hang, accept_then_cut (the call
    took effect all the same), or else the word that Slack says for it.
    """

    method: str
    how: int | str
    times: int = 1
    retry_after: int = 1
    after: int = 0

    @property
    def takes_effect(self) -> bool:
        return str(self.how).startswith("accept_then_")

    @property
    def word(self) -> str:
        """Slack's own word, "" when it does not come to that."""
        silent = isinstance(self.how, int) or self.takes_effect or self.how in ("reset", "hang", "html")
        return "" if silent else str(self.how)


class Script:
    """Faults in the order they were asked for; each is used up, then calls go well again."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self._faults.append(fault)

    def clear(self) -> None:
        self._faults.clear()

    def take(self, method: str) -> Fault | None:
        for fault in self._faults:
            if fault.method in (method, "*"):
                if fault.after:
                    fault.after -= 1
                    continue
                fault.times -= 1
                if not fault.times:
                    self._faults.remove(fault)
                return fault
        return None
