"""The fault script: what goes wrong with the next calls, and how."""

from dataclasses import dataclass
from typing import Any, Literal

How = Literal["reset", "hang", "html", "accept_then_hang", "accept_then_reset", "accept_then_cut"]
"""What happens instead of an answer; after `accept_then_` the call took effect all the same."""

_SENTENCES = {
    20003: "Authenticate",
    20404: "The requested resource was not found",
    20429: "Too Many Requests",
    20500: "Internal Server Error",
    20503: "Service Unavailable",
    21211: "Invalid 'To' Phone Number",
    21602: "Message body is required",
    21606: "The 'From' phone number provided is not a valid message-capable Twilio phone number",
    21610: "Attempt to send to unsubscribed recipient",
    21617: "The concatenated message body exceeds the 1600 character limit",
    21620: "Invalid media URL(s)",
    21655: "The ContentSid is Invalid",
    21656: "The ContentVariables Parameter is invalid",
    21910: "Invalid 'From' and 'To' pair. 'From' and 'To' should be of the same channel",
    63016: "Failed to send freeform message because you are outside the allowed window",
    63018: "Rate limit exceeded for Channel",
}


class Refusal(Exception):
    """Twilio's "no": an HTTP status, a code of its own, an English sentence."""

    def __init__(self, status: int, code: int, sentence: str = "", retry_after: int = 0) -> None:
        self.status, self.code, self.retry_after = status, code, retry_after
        self.sentence = sentence or _SENTENCES.get(code, "Error")
        super().__init__(self.sentence)

    def answer(self) -> dict[str, Any]:
        about = f"https://www.twilio.com/docs/errors/{self.code}"
        return {"code": self.code, "message": self.sentence, "more_info": about, "status": self.status}


@dataclass
class Fault:
    """One line of the script: after `after` that go well, `times` calls of a route go wrong."""

    route: str
    how: int | How
    times: int = 1
    code: int = 0
    retry_after: int = 0
    to: str = ""
    sentence: str = ""
    after: int = 0

    def refusal(self) -> Refusal | None:
        """The answer, when it is one of Twilio's own."""
        if not isinstance(self.how, int):
            return None
        usual = {401: 20003, 404: 20404, 429: 20429, 500: 20500, 503: 20503}
        return Refusal(self.how, self.code or usual.get(self.how, 20001), self.sentence, self.retry_after)


class Script:
    """Faults in the order they were asked for; each is used up, then calls go well again."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self._faults.append(fault)

    def take(self, route: str, to: str) -> Fault | None:
        for fault in self._faults:
            if fault.route in (route, "*") and fault.to in ("", to):
                if fault.after:
                    fault.after -= 1
                    continue
                fault.times -= 1
                if not fault.times:
                    self._faults.remove(fault)
                return fault
        return None
