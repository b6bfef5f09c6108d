"""The Bot API's "no"."""

from typing import Any


class Refusal(Exception):
    """`{"ok": false}` with an HTTP code, an English sentence and perhaps parameters for machines."""

    def __init__(self, code: int, description: str, **parameters: Any) -> None:
        super().__init__(description)
        self.code, self.description, self.parameters = code, description, parameters

    def answer(self) -> dict[str, Any]:
        found = {"ok": False, "error_code": self.code, "description": self.description}
        return {**found, "parameters": self.parameters} if self.parameters else found


def bad_request(sentence: str, **parameters: Any) -> Refusal:
    return Refusal(400, f"Bad Request: {sentence}", **parameters)


def forbidden(sentence: str) -> Refusal:
    return Refusal(403, f"Forbidden: {sentence}")


def throttled(seconds: int) -> Refusal:
    return Refusal(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)
